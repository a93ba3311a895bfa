-- Source that is removed on purpose: the bars made of it stay. By a function, and by partitions that are detached or dropped.
\ir include/tap.psql
\ir include/refusals.psql
CREATE TABLE data_bars (canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL, open float8, high float8, low float8, close float8, vol float8, vwap float8, trade_count bigint, source text DEFAULT 'ingest',
	PRIMARY KEY (canonical_symbol, timeframe, ts_utc)) PARTITION BY RANGE (ts_utc);
CREATE TABLE day_1 PARTITION OF data_bars FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-07-02 00:00+00');
CREATE TABLE day_2 PARTITION OF data_bars FOR VALUES FROM ('2025-07-02 00:00+00') TO ('2025-07-03 00:00+00');
DO $$ BEGIN PERFORM agg_setup(); END $$;
CREATE TABLE day_3 PARTITION OF data_bars FOR VALUES FROM ('2025-07-03 00:00+00') TO ('2025-07-04 00:00+00');
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-09-01 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
CREATE FUNCTION bars(symbol text, day text) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM derived_data_bars WHERE canonical_symbol = symbol AND timeframe = '5m' AND deleted_at IS NULL AND ts_utc >= day::timestamptz AND ts_utc < day::timestamptz + interval '1 day' $$;
SET timezone = 'UTC';
SELECT set_eq($$SELECT tgrelid::regclass::text, tgname::text FROM pg_trigger WHERE tgname LIKE 'aggregation_capture%'$$,
	$$SELECT t, n FROM unnest('{data_bars,day_1,day_2,day_3}'::text[]) AS t, unnest('{aggregation_capture,aggregation_capture_truncate}'::text[]) AS n$$, 'each partition has its triggers, those that came later too');
SELECT world.task(s, tf) FROM unnest('{A,B}'::text[]) AS s, unnest('{5m,1h}'::text[]) AS tf;
SELECT world.minutes('A', '2025-07-01 00:00+00', 3 * 1440), world.minutes('B', '2025-07-01 00:00+00', 3 * 1440);
SELECT run();
INSERT INTO day_2 (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('C', '1m', '2025-07-02 00:00+00', 1, 1, 1, 1);
SELECT is(symbols, ARRAY['C'], 'a row that is written to a partition is noticed') FROM agg_change_log;
SELECT run();

-- Detached: sealed.
ALTER TABLE data_bars DETACH PARTITION day_1;
SELECT results_eq('SELECT canonical_symbol, from_utc, to_utc, reason FROM agg_sealed_ranges ORDER BY 1', $$VALUES ('A', '2025-07-01 00:00+00'::timestamptz, '2025-07-02 00:00+00'::timestamptz, 'day_1 detached'), ('B', '2025-07-01 00:00+00', '2025-07-02 00:00+00', 'day_1 detached')$$, 'a detached partition seals what it held');
SELECT agg_mark_changed(NULL, '2025-07-01', '2025-07-04') \g /dev/null
SELECT run();
SELECT is(bars('A', '2025-07-01'), 288::bigint, 'the bars stay when they are looked at again');
SELECT is_empty('SELECT * FROM agg_verify()', 'and the proof does not miss their source');
SELECT is((agg_why('A', '5m', '2025-07-01 10:00+00')).state, 'sealed', 'agg_why() says it');
SELECT probe.answers(derived_rebuild_range('A', '5m', '2025-07-01', '2025-07-02'), '{"windows_processed": 0}', 'a rebuild leaves them alone');
-- Attached again: its bars have changed meanwhile, and the seal has to be taken away.
UPDATE day_1 SET high = 1e6 WHERE canonical_symbol = 'A';
ALTER TABLE data_bars ATTACH PARTITION day_1 FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-07-02 00:00+00');
SELECT set_eq('SELECT u.symbol, COALESCE(u.f, from_utc[1]) AS f, COALESCE(u.t, to_utc[1]) AS t FROM agg_change_log, unnest(symbols, from_utc, to_utc) AS u (symbol, f, t)', $$VALUES ('A', '2025-07-01 00:00+00'::timestamptz, '2025-07-02 00:00+00'::timestamptz), ('B', '2025-07-01 00:00+00', '2025-07-02 00:00+00')$$, 'an attached partition is a change of all its bars');
SELECT run();
SELECT is((world.bar('A', '5m', '2025-07-01 10:00+00')).high < 1000, true, 'which what is sealed refuses');
SELECT results_eq($$SELECT canonical_symbol, from_utc, to_utc FROM agg_refused_ranges WHERE timeframe = '5m' ORDER BY 1$$, $$VALUES ('A', '2025-07-01 00:00+00'::timestamptz, '2025-07-02 00:00+00'::timestamptz), ('B', '2025-07-01 00:00+00', '2025-07-02 00:00+00')$$, 'and lists');
SELECT is(agg_unseal_range('A', '2025-07-01 00:00+00', '2025-07-01 12:00+00'), '{"success": true, "ranges_unsealed": 1}', 'half a day is unsealed');
SELECT run();
SELECT is((world.bar('A', '5m', '2025-07-01 10:00+00')).high, 1e6::float8, 'and made again');
SELECT is((world.bar('A', '5m', '2025-07-01 12:00+00')).high < 1e6, true, 'the rest is not');
SELECT is(agg_unseal_range('A', '2025-07-01 12:00+00', '2025-08-01'), '{"success": true, "ranges_unsealed": 1}', 'the other half');
SELECT is(agg_unseal_range('A', '2025-07-01', '2025-08-01'), '{"success": true, "ranges_unsealed": 0}', 'nothing is left');
SELECT run();
SELECT is_empty($$SELECT * FROM agg_verify('A')$$, 'all right');
-- Dropped: sealed. Truncated: gone.
DROP TABLE day_3;
SELECT run();
SELECT is(bars('A', '2025-07-03'), 288::bigint, 'a partition that is dropped leaves its bars');
TRUNCATE day_2;
SELECT run();
SELECT is(bars('A', '2025-07-02') + bars('B', '2025-07-02'), 0::bigint, 'one that is truncated takes them along');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- By function.
SELECT is(agg_retire_source('2025-07-01 06:02+00', 'A', 100), '{"success": true, "rows_removed": 100, "continue": true}', 'so many rows at a time');
SELECT is(agg_retire_source('2025-07-01 06:02+00', 'A') ->> 'continue', 'false', 'to the end');
SELECT is(min(ts_utc), '2025-07-01 06:02+00', 'they are gone') FROM data_bars WHERE canonical_symbol = 'A';
SELECT is(count(*), 0::bigint, 'which is no change') FROM agg_change_log;
SELECT is(current_setting('aggregation.tracking'), 'on', 'and tracking is as it was');
SELECT run();
SELECT is(bars('A', '2025-07-01'), 288::bigint, 'the bars stay, that of the window in the middle too');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '1m', '2025-07-01 03:00+00', 7, 7, 7, 7);
SELECT run();
SELECT is((world.bar('A', '5m', '2025-07-01 03:00+00')).source_candles, 5, 'what comes late for a sealed window does not spoil it');
SELECT is(count(*), 1::bigint, 'and is listed') FROM agg_refused_ranges WHERE canonical_symbol = 'A' AND from_utc = '2025-07-01 03:00+00';
SELECT is(agg_seal_range(NULL, '2025-07-01', '2025-07-04', 'archive'), '{"success": true, "symbols": 2}', 'all symbols');
DELETE FROM data_bars;
SELECT run();
SELECT is(bars('B', '2025-07-01'), 288::bigint, 'sealed is sealed');
-- All symbols are those that have tasks. One that is added later is not sealed, whatever became of the others before.
SELECT world.task('D', '5m') \g /dev/null
SELECT agg_retire_source('2025-07-03') \g /dev/null
SELECT set_eq($$SELECT canonical_symbol, to_utc FROM agg_sealed_ranges WHERE reason = 'retired'$$, $$SELECT s, '2025-07-03 00:00+00'::timestamptz FROM unnest('{A,B,D}'::text[]) AS s$$, 'what is retired of all symbols is sealed symbol by symbol');
SELECT sealed_at AS sealed FROM agg_sealed_ranges WHERE canonical_symbol = 'D' \gset
SELECT agg_retire_source('2025-07-02') \g /dev/null
SELECT is(sealed_at, :'sealed', 'a seal that covers another stays as it is') FROM agg_sealed_ranges WHERE canonical_symbol = 'D';
SELECT world.task('LATER', '5m'), world.task('LATER', '1h'), world.minutes('LATER', '2025-07-01 00:00+00', 1440) \g /dev/null
SELECT run();
SELECT is(bars('LATER', '2025-07-01'), 288::bigint, 'the history of a symbol that is added later is made');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
SELECT probe.refuses($$SELECT agg_seal_range('A', '2025-07-02', '2025-07-01')$$, '22023', 'invalid range for A%', '%', 'inverted');
SELECT probe.refuses($$SELECT agg_unseal_range(NULL, '2025-07-02', '2025-07-01')$$, '22023', 'invalid range for all symbols%', '%', 'inverted');
SELECT probe.refuses($$SELECT agg_retire_source('infinity')$$, '22008', '%', '%', 'everything');
SELECT probe.refuses($$SELECT agg_retire_source('2025-07-01', 'A', 0)$$, '22023', '%', '%', 'nothing');
DROP EXTENSION aggregation;
SELECT is(count(*), 0::bigint, 'without the extension no trigger is left, and every table') FROM pg_trigger WHERE tgname LIKE 'aggregation%';

SELECT * FROM finish();
