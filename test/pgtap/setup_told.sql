-- What agg_setup() tells fits a screen: what it did in a short line each, what it would do as SQL in lines. And a dry run says what the real one would.
\ir include/tap.psql
\ir include/refusals.psql
SELECT no_plan();
CREATE TABLE planned AS SELECT * FROM agg_setup(true);
SELECT is_empty($$SELECT object, line FROM planned, string_to_table(detail, chr(10)) AS line WHERE length(line) > 160$$, 'a dry run: lines that can be read');
SELECT ok(bool_or(translate(detail, chr(10), ' ') LIKE 'CREATE TABLE public.data_bars (%PRIMARY KEY (canonical_symbol, timeframe,%source IN (%)'), 'with all of the SQL') FROM planned WHERE object = 'table data_bars';
CREATE TABLE done AS SELECT * FROM agg_setup();
SELECT is_empty($$SELECT object, detail FROM done WHERE length(detail) > 110 OR detail LIKE '%' || chr(10) || '%'$$, 'the real one: a short line each');
SELECT results_eq('SELECT object FROM planned ORDER BY 1', 'SELECT object FROM done ORDER BY 1', 'for the same things');
SELECT is_empty('SELECT * FROM agg_setup()', 'and all is done');

-- The SQL of a dry run can be run as it is.
DROP VIEW v_aggregation_truth, v_aggregation_frontier_health, v_aggregation_unread_bars, v_aggregation_completeness, v_aggregation_alerts, v_aggregation_metrics;
DROP TABLE agg_audit;
SELECT detail FROM agg_setup(true) \gexec
SELECT is_empty('SELECT * FROM agg_setup(true)', 'pasted, it does the same');

-- Rows that the check of data_bars.source would refuse.
ALTER TABLE data_bars DROP CONSTRAINT data_bars_source_check;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, source) VALUES ('A', '1m', '2025-07-01', 'broker'), ('A', '1m', '2025-07-02', 'broker');
CREATE TABLE dry AS SELECT * FROM agg_setup(true);
SELECT results_eq('SELECT * FROM dry', $$VALUES ('constraint data_bars_source_check', 'cannot mend', '2 rows have other values ("broker"); change them to allowed values, and run agg_setup() again')$$, 'named with values and advice, in a dry run');
SELECT results_eq('SELECT * FROM agg_setup()', 'SELECT * FROM dry', 'and in the real one');
UPDATE data_bars SET source = 'ingest';
SELECT is(count(*), 1::bigint, 'then it is mended') FROM agg_setup() WHERE action = 'added';
SELECT * FROM finish();
