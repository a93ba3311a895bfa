-- agg_set_retention() where tables are partitioned: partitions go as a whole, never ahead of what is derived, and never with bars of
-- somebody who is kept longer.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE FUNCTION parts(whole text) RETURNS text LANGUAGE sql AS $$
	SELECT COALESCE(string_agg(to_char(right(c.relname, 8)::date, 'MM'), ' ' ORDER BY c.relname), '') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
	WHERE i.inhparent = whole::regclass AND c.relname ~ '_p2025(0[1-6])01$' $$;
CREATE FUNCTION minutes_of(symbol text) RETURNS text LANGUAGE sql AS $$ SELECT COALESCE(string_agg(m || ':' || n, ' ' ORDER BY m), '') FROM (SELECT to_char(ts_utc, 'MM') m, count(*) n FROM data_bars WHERE canonical_symbol = symbol GROUP BY 1) x $$;
CREATE FUNCTION bars_of(symbol text, tf text) RETURNS text LANGUAGE sql AS $$ SELECT COALESCE(string_agg(m || ':' || n, ' ' ORDER BY m), '') FROM (SELECT to_char(ts_utc, 'MM') m, count(*) n FROM derived_data_bars WHERE canonical_symbol = symbol AND timeframe = tf AND deleted_at IS NULL GROUP BY 1) x $$;
CREATE FUNCTION last_run(what text) RETURNS int LANGUAGE sql AS $$ SELECT (stats ->> what)::int FROM ops_runlog ORDER BY started_at DESC LIMIT 1 $$;
CREATE PROCEDURE look(at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE data_agg_state SET next_run_at = NULL;
	UPDATE agg_retention SET next_look_at = '-infinity';
	COMMIT;
	CALL agg_run(p_now_utc => at, p_max_windows => 100000);
END $$;

SELECT count(agg_partition_by_month(t, 4, '2025-01-01 00:00+00')) FROM unnest('{data_bars,derived_data_bars}'::text[]) t;
\ir include/market.psql
SELECT world.task(s, tf, '2025-01-01 00:00+00') FROM unnest('{A,B}'::text[]) s, unnest('{5m,1h}'::text[]) tf;
UPDATE data_agg_state SET source_timeframe = '1m' WHERE canonical_symbol = 'B';
-- The last and the first ten hours of each month.
SELECT world.minutes(s, m - interval '10 hours', 1200) FROM unnest('{A,B}'::text[]) s, generate_series('2025-02-01 00:00+00'::timestamptz, '2025-05-01 00:00+00', '1 month') m;
CALL look('2025-05-02 00:00+00');
SELECT is(minutes_of('A'), '01:600 02:1200 03:1200 04:1200 05:600', 'minutes of five months');
SELECT md5(string_agg(d::text, E'\n' ORDER BY d.*)) AS before FROM derived_data_bars d \gset

-- All may go: partitions are dropped.
SELECT agg_set_retention(NULL, '1m', '20 days') \g /dev/null
SET datestyle = 'SQL, DMY'; -- PostgreSQL cannot read the name of this time zone, and writes it
SET timezone = 'Asia/Jakarta';
CALL look('2025-03-20 00:00+00');
SET timezone = 'UTC';
RESET datestyle;
SELECT is(parts('data_bars'), '02 03 04 05 06', 'a month goes when all of it is so old');
SELECT is(minutes_of('A') || ', ' || minutes_of('B'), '02:1200 03:1200 04:1200 05:600, 02:1200 03:1200 04:1200 05:600', 'and of others nothing');
SELECT results_eq('SELECT canonical_symbol, timeframe, to_utc, reason FROM agg_sealed_ranges ORDER BY 1', $$VALUES ('A', NULL, '2025-02-01 00:00+00'::timestamptz, 'retired'), ('B', NULL, '2025-02-01 00:00+00'::timestamptz, 'retired')$$, 'its bars are sealed');
SELECT is((SELECT md5(string_agg(d::text, E'\n' ORDER BY d.*)) FROM derived_data_bars d), :'before', 'and stay');
SELECT is(last_run('partitions_retired') || ' ' || last_run('rows_retired'), '1 0', 'it is logged');
SELECT is_empty('SELECT * FROM agg_verify()', 'the proof does not ask for it');
SELECT is_empty('SELECT * FROM agg_refused_ranges', 'nothing is refused');
-- A late bar of it lies in the DEFAULT partition, is refused, and goes.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '1m', '2025-01-31 20:00+00', 7, 7, 7, 7);
CALL look('2025-03-20 00:00+00');
SELECT is((SELECT count(*) FROM data_bars_default), 0::bigint, 'a late bar of it goes');
SELECT is((SELECT count(*) FROM agg_refused_ranges), 1::bigint, 'listed as refused');

-- Never ahead of what is derived: a task that is off, and late work.
SELECT agg_disable_task('B', '1h') \g /dev/null
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-02-10 00:00+00' WHERE canonical_symbol = 'B' AND timeframe = '1h';
CALL look('2025-04-25 00:00+00');
SELECT is(parts('data_bars'), '02 03 04 05 06', 'not ahead of a cursor');
SELECT is(minutes_of('A'), '02:1200 03:1200 04:1200 05:600', 'of nobody');
SELECT results_eq('SELECT waiting_symbols, waits_for, last_error FROM v_aggregation_retention', $$VALUES (1::bigint, 'B/1h, which has got to 2025-02-10T00:00:00+00:00', NULL::text)$$, 'and it says so');
SELECT agg_enable_task('B', '1h') \g /dev/null
CALL look('2025-04-25 00:00+00');
SELECT is(parts('data_bars'), '04 05 06', 'then all that are old go, one after the other');
SELECT is(last_run('partitions_retired'), 2, 'in one run');
SELECT is_empty('SELECT * FROM agg_verify() WHERE explanation IS NULL', 'all right');

-- Mixed: who is kept longer keeps the partition, and the others' rows are deleted.
SELECT agg_set_retention('A', '1m', '1 year') \g /dev/null
CALL look('2025-05-22 00:00+00');
SELECT is(parts('data_bars'), '04 05 06', 'a symbol that is kept keeps its partition');
SELECT is(minutes_of('A') || ', ' || minutes_of('B'), '04:1200 05:600, 05:600', 'the others go from it');
SELECT is(last_run('partitions_retired') || ' ' || last_run('rows_retired'), '0 1200', 'row by row');
SELECT world.minutes('X', '2025-05-01 00:00+00', 3);
SELECT agg_set_retention('A', '1m', NULL) \g /dev/null
CALL look('2025-06-25 00:00+00');
SELECT is(parts('data_bars'), '05 06', 'without its own policy it goes');
SELECT is(minutes_of('A') || ', ' || minutes_of('B') || ', ' || minutes_of('X'), ', , 05:3', 'a symbol that nobody knows stays');
DELETE FROM data_bars WHERE canonical_symbol = 'X';
SELECT is_empty('SELECT * FROM agg_verify() WHERE explanation IS NULL', 'all right');

-- Derived bars: all timeframes of a partition need a policy.
SELECT agg_set_retention(NULL, '5m', '20 days') \g /dev/null
CALL look('2025-03-20 00:00+00');
SELECT is(parts('derived_data_bars') || ', ' || bars_of('A', '5m') || ', ' || bars_of('A', '1h'), '01 02 03 04 05 06, 02:240 03:240 04:240 05:120, 01:10 02:20 03:20 04:20 05:10', 'hours stay, and keep the partition');
SELECT agg_set_retention(NULL, '1h', '50 days') \g /dev/null
CALL look('2025-04-18 00:00+00');
SELECT is(parts('derived_data_bars') || ', ' || bars_of('A', '5m') || ', ' || bars_of('A', '1h'), '02 03 04 05 06, 03:240 04:240 05:120, 02:20 03:20 04:20 05:10', 'what has hours alone goes with them');
CALL look('2025-04-25 00:00+00');
SELECT is(parts('derived_data_bars') || ', ' || bars_of('A', '5m') || ', ' || bars_of('A', '1h'), '03 04 05 06, 04:240 05:120, 03:20 04:20 05:10', 'five minutes go by whole months, hours with their partition');
CALL look('2025-06-22 00:00+00');
SELECT is(parts('derived_data_bars') || ', ' || bars_of('A', '5m') || ', ' || bars_of('A', '1h'), '05 06, , 05:10', 'all timeframes at once');
SELECT is_empty('SELECT * FROM agg_verify() WHERE explanation IS NULL', 'all right');
SELECT is((SELECT count(*) FROM agg_sealed_ranges), 6::bigint, 'one seal for each symbol and timeframe');

-- What cannot be dropped is told.
CREATE VIEW mine AS SELECT * FROM derived_data_bars_p20250501;
CALL look('2025-08-01 00:00+00');
SELECT is(parts('derived_data_bars'), '05 06', 'a partition that a view reads stays');
SELECT matches(last_error, '^2BP01 cannot drop table .*derived_data_bars_p20250501.*', 'and the policy says so') FROM v_aggregation_retention WHERE timeframe = '1h';
SELECT is_empty('SELECT * FROM agg_verify() WHERE explanation IS NULL', 'nothing has happened');
SELECT results_eq($$SELECT severity, canonical_symbol, timeframe, since, detail LIKE 'bars of 1h stay although they are old: 2BP01 cannot drop table%', remedy FROM v_aggregation_alerts WHERE alert = 'retention'$$,
	$$VALUES ('yellow', NULL::text, '1h', '2025-08-01 00:00+00'::timestamptz, true, 'SELECT * FROM v_aggregation_retention WHERE last_error IS NOT NULL')$$, 'and so does an alarm');
SELECT matches((SELECT reasons FROM agg_health()), 'retention: bars of 1h stay.*', 'in words');
SELECT results_eq($$SELECT labels ->> 'timeframe', metric, value FROM v_aggregation_metrics WHERE topic = 'retention' ORDER BY 1, 2$$,
	$$VALUES ('1h', 'aggregation_retention_failing_policies', 1::float8), ('1h', 'aggregation_retention_waiting_symbols', 0), ('1m', 'aggregation_retention_failing_policies', 0), ('1m', 'aggregation_retention_waiting_symbols', 0), ('5m', 'aggregation_retention_failing_policies', 0), ('5m', 'aggregation_retention_waiting_symbols', 0)$$, 'and figures');
DROP VIEW mine;
CALL look('2025-08-01 00:00+00');
SELECT is(parts('derived_data_bars') || bars_of('A', '1h'), '06', 'without the view it goes');
SELECT is_empty('SELECT last_error FROM v_aggregation_retention WHERE last_error IS NOT NULL OR failing_since IS NOT NULL', 'without an error');
SELECT is_empty($$SELECT FROM v_aggregation_alerts WHERE alert = 'retention'$$, 'and without an alarm');

-- What was there before the table was partitioned is emptied, and dropped when it is old as a whole.
DROP TABLE data_bars CASCADE;
DO $$ BEGIN PERFORM agg_setup(); END $$;
TRUNCATE derived_data_bars, data_agg_state, agg_sealed_ranges, agg_refused_ranges, agg_change_log, agg_dirty_ranges, agg_retention;
SELECT world.task('A', '5m', '2025-01-01 00:00+00');
SELECT world.minutes('A', '2025-01-31 14:00+00', 1200);
SELECT agg_partition_by_month('data_bars', 4, '2025-07-01 00:00+00') \g /dev/null
SELECT agg_set_retention(NULL, '1m', '1 day') \g /dev/null
CALL look('2025-02-02 05:00+00');
SELECT is(minutes_of('A'), '02:300', 'from one partition for all times they go row by row');
CALL look('2025-07-02 01:00+00');
SELECT is((SELECT count(*) FROM pg_class WHERE relname = 'data_bars_before'), 0::bigint, 'until it goes itself');
SELECT is_empty('SELECT * FROM agg_verify() WHERE explanation IS NULL', 'all right');
SELECT * FROM finish();
