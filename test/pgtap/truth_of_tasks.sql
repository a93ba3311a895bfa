-- Bars stay true whatever happens to their task: starts that move both ways, sources that change, tasks that go and come back, seals in the way of a
-- forward run, clocks that go back. And what one statement can do to the work that comes after it is bounded.
\ir include/tap.psql
\ir include/refusals.psql
SET TimeZone = 'UTC';
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION run(now_utc timestamptz DEFAULT '2025-09-01 00:00+00') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE data_agg_state SET next_run_at = NULL;
	WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => now_utc) ->> 'continue')::boolean LOOP NULL; END LOOP;
END $$;
-- What is wrong, by an aggregation of its own, from the minutes up: 5m bars against minutes, wider ones against the bars below them.
CREATE VIEW wrong AS
WITH source AS (
	SELECT canonical_symbol, timeframe, ts_utc, high, vol FROM data_bars UNION ALL SELECT canonical_symbol, timeframe, ts_utc, high, vol FROM derived_data_bars WHERE deleted_at IS NULL
), made AS (
	SELECT d.canonical_symbol, d.timeframe, d.ts_utc, d.high, d.vol, (SELECT max(s.high) FROM source AS s WHERE s.canonical_symbol = d.canonical_symbol AND s.timeframe = d.source_timeframe AND s.ts_utc >= d.ts_utc AND s.ts_utc < d.ts_utc + d.timeframe::interval) AS true_high,
		(SELECT sum(s.vol) FROM source AS s WHERE s.canonical_symbol = d.canonical_symbol AND s.timeframe = d.source_timeframe AND s.ts_utc >= d.ts_utc AND s.ts_utc < d.ts_utc + d.timeframe::interval) AS true_vol
	FROM derived_data_bars AS d WHERE d.deleted_at IS NULL
)
SELECT canonical_symbol, timeframe, ts_utc FROM made WHERE high IS DISTINCT FROM true_high OR vol IS DISTINCT FROM true_vol;

-- A bar that is asked for from another source than its task's.
SELECT world.task('F', '5m'), world.task('F', '1h'), world.minutes('F', '2025-07-01 07:00+00', 60);
UPDATE data_agg_state SET source_timeframe = '1m' WHERE canonical_symbol = 'F' AND timeframe = '1h';
SELECT run();
SELECT probe.answers(aggregate_5m_to_1h_window('F', '2025-07-01 07:00+00', '2025-07-01 08:00+00'), '{"stored": true, "source_count": 12}', 'an hour of 5m bars where the task has minutes');
SELECT run();
SELECT is((world.bar('F', '1h', '2025-07-01 07:00+00')).source_candles, 60, 'is made of the minutes with the next run');

-- A seal in the way of a forward run.
SELECT world.task('S', '5m'), world.minutes('S', '2025-07-01 07:00+00', 60);
SELECT run();
SELECT (world.bar('S', '5m', '2025-07-01 07:00+00')).vol AS before \gset
SELECT probe.answers(agg_retire_source('2025-07-01 07:02+00', 'S'), '{"rows_removed": 2}', 'two of five minutes are retired');
SELECT probe.answers(catchup_aggregation_range('S', '5m', '2025-07-01 07:00+00', 3), '{"windows_processed": 3, "windows_sealed": 1, "bars_unchanged": 2, "bars_updated": 0}', 'a run over them leaves the sealed bar');
SELECT is((world.bar('S', '5m', '2025-07-01 07:00+00')).vol, :before::float8, 'as it was made of all five');
UPDATE data_agg_state SET last_agg_bar_ts_utc = NULL WHERE canonical_symbol = 'S';
SELECT run();
SELECT is((world.bar('S', '5m', '2025-07-01 07:00+00')).vol, :before::float8, 'nor does a cursor that is put back');
SELECT probe.answers(aggregate_window('S', '5m', '2025-07-01 07:00+00', '2025-07-01 07:05+00'), '{"stored": false, "reason": "sealed"}', 'a single window says so');
SELECT probe.answers(derived_rebuild_range('S', '5m', '2025-07-01 07:00+00', '2025-07-01 07:10+00'), '{"bars_replaced": 1}', 'a rebuild replaces the other one alone');
SELECT is_empty('SELECT * FROM agg_verify(''S'')', 'the proof agrees');
INSERT INTO agg_sealed_ranges (canonical_symbol, timeframe, from_utc, to_utc, reason) VALUES ('S', '5m', '2025-07-01 07:30+00', '2025-07-01 07:40+00', 'derived bars retired');
DELETE FROM derived_data_bars WHERE canonical_symbol = 'S' AND ts_utc >= '2025-07-01 07:30+00' AND ts_utc < '2025-07-01 07:40+00';
SELECT probe.answers(catchup_aggregation_range('S', '5m', '2025-07-01 07:25+00', 4), '{"windows_processed": 4, "windows_sealed": 2, "bars_inserted": 0}', 'bars that were retired themselves are not made again');
SELECT is_empty('SELECT * FROM agg_verify(''S'')', 'nor missed');

SELECT agg_retire_source('2025-07-01 07:03+00', 'S') \g /dev/null
SELECT is(count(*), 1::bigint, 'retention again and again is one range') FROM agg_sealed_ranges WHERE canonical_symbol = 'S' AND reason = 'retired';
SELECT agg_unseal_range('S', '2025-07-01 07:32+00', '2025-07-01 07:33+00') \g /dev/null
SELECT results_eq($$SELECT timeframe, from_utc, to_utc FROM agg_sealed_ranges WHERE canonical_symbol = 'S' AND timeframe IS NOT NULL ORDER BY 2$$,
	$$VALUES ('5m', '2025-07-01 07:30+00'::timestamptz, '2025-07-01 07:32+00'::timestamptz), ('5m', '2025-07-01 07:33+00', '2025-07-01 07:40+00')$$, 'what is left of a seal says of what it is');
SELECT agg_seal_range('S', '2025-07-01 07:32+00', '2025-07-01 07:33+00') \g /dev/null

-- An earlier start, in whatever way.
SELECT world.task('E', tf, '2025-07-03 00:00+00') FROM unnest('{5m,1h}'::text[]) AS tf;
SELECT world.minutes('E', '2025-07-01 00:00+00', 4 * 1440);
SELECT run();
SELECT is(count(*), 2 * 288::bigint, 'nothing before the start') FROM derived_data_bars WHERE canonical_symbol = 'E' AND timeframe = '5m';
UPDATE core_asset_registry_all SET metadata = '{"agg": {"start_utc": "2025-07-02T00:00:00Z"}}' WHERE canonical_symbol = 'E';
SELECT sync_agg_state_from_registry('prod') \g /dev/null
SELECT run();
SELECT is(count(*), 3 * 288::bigint, 'a start that the registry puts earlier is followed') FROM derived_data_bars WHERE canonical_symbol = 'E' AND timeframe = '5m';
UPDATE data_agg_state SET agg_start_utc = '2025-07-01 12:00+00' WHERE canonical_symbol = 'E';
SELECT run();
SELECT is(count(*), 3 * 288::bigint + 144, 'and one that somebody writes into the table') FROM derived_data_bars WHERE canonical_symbol = 'E' AND timeframe = '5m';
SELECT is(count(*), 3 * 24::bigint + 12, 'the hours too') FROM derived_data_bars WHERE canonical_symbol = 'E' AND timeframe = '1h';
-- A later one: what is there stays, and stays true.
SELECT agg_set_start('E', tf, '2025-07-04 00:00+00') FROM unnest('{5m,1h}'::text[]) AS tf \g /dev/null
SELECT run();
UPDATE data_bars SET high = 1e6 WHERE canonical_symbol = 'E' AND ts_utc = '2025-07-01 13:02+00';
DELETE FROM data_bars WHERE canonical_symbol = 'E' AND ts_utc >= '2025-07-02 10:00+00' AND ts_utc < '2025-07-02 10:05+00';
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT 'E', '1m', t, 1, 1, 1, 1, 1 FROM generate_series('2025-06-30 10:00+00'::timestamptz, '2025-06-30 10:59+00', '1 minute') AS t;
SELECT run();
SELECT is((world.bar('E', '1h', '2025-07-01 13:00+00')).high, 1e6::float8, 'a late change reaches bars before the start');
SELECT ok(world.bar('E', '5m', '2025-07-02 10:00+00') IS NULL, 'bars that lose their source go');
SELECT is(count(*), 0::bigint, 'and none is made that was not there') FROM derived_data_bars WHERE canonical_symbol = 'E' AND ts_utc < '2025-07-01 12:00+00';
SELECT is_empty('SELECT * FROM wrong WHERE canonical_symbol = ''E''', 'all of them are right');

-- Another source.
UPDATE data_agg_state SET source_timeframe = '1m' WHERE canonical_symbol = 'E' AND timeframe = '1h';
SELECT run();
SELECT is_empty($$SELECT DISTINCT source_timeframe FROM derived_data_bars WHERE canonical_symbol = 'E' AND timeframe = '1h' AND deleted_at IS NULL AND source_timeframe <> '1m'$$, 'a source that is changed by hand is the source of every bar');
SELECT is_empty('SELECT * FROM wrong WHERE canonical_symbol = ''E''', 'and they are right');

-- A task that goes and comes back; what happened meanwhile nobody noted.
DELETE FROM data_agg_state WHERE canonical_symbol = 'E';
DELETE FROM data_bars WHERE canonical_symbol = 'E' AND ts_utc < '2025-07-03 00:00+00' AND ts_utc >= '2025-07-02 00:00+00';
DELETE FROM data_bars WHERE canonical_symbol = 'E' AND ts_utc >= '2025-07-04 12:00+00';
SELECT count(*) FROM agg_get_due_tasks('prod') \g /dev/null
UPDATE core_asset_registry_all SET metadata = '{"agg": {"start_utc": "2025-07-03T00:00:00Z"}}' WHERE canonical_symbol = 'E';
SELECT sync_agg_state_from_registry('prod') \g /dev/null
SELECT run();
SELECT is(count(*), 0::bigint, 'before its start, bars without source have gone') FROM derived_data_bars WHERE canonical_symbol = 'E' AND deleted_at IS NULL AND ts_utc >= '2025-07-02 00:00+00' AND ts_utc < '2025-07-03 00:00+00';
SELECT is(count(*), 0::bigint, 'and behind its last source') FROM derived_data_bars WHERE canonical_symbol = 'E' AND deleted_at IS NULL AND ts_utc >= '2025-07-04 12:00+00';
SELECT is_empty('SELECT * FROM wrong WHERE canonical_symbol = ''E''', 'what is left is right');

-- Clocks. The hour is made by a clock that is far ahead of everybody's; then a minute is late, and the clock is an earlier one.
SELECT date_trunc('hour', now()) + interval '1000 hours' AS hour \gset
SELECT world.task('K', tf, :'hour') FROM unnest('{5m,1h,4h}'::text[]) AS tf;
SELECT world.minutes('K', :'hour', 600);
SELECT run(:'hour'::timestamptz + interval '10 hours');
UPDATE data_bars SET high = 1e6 WHERE canonical_symbol = 'K' AND ts_utc = :'hour'::timestamptz + interval '62 minutes';
SELECT run(:'hour'::timestamptz + interval '90 minutes');
SELECT run(:'hour'::timestamptz + interval '10 hours');
SELECT is_empty('SELECT * FROM wrong WHERE canonical_symbol = ''K''', 'a run with an earlier clock forgets nothing above');

-- A cursor that somebody puts back, and source that goes ahead of it.
SELECT world.task('B', '5m'), world.minutes('B', '2025-07-01 00:00+00', 120);
SELECT run();
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-01 00:30+00' WHERE canonical_symbol = 'B';
DELETE FROM data_bars WHERE canonical_symbol = 'B' AND (ts_utc >= '2025-07-01 01:30+00' OR ts_utc >= '2025-07-01 00:40+00' AND ts_utc < '2025-07-01 01:00+00');
SELECT count(*) FROM agg_get_due_tasks('prod') \g /dev/null
SELECT run();
SELECT is(count(*), 14::bigint, 'bars without source go, in the gap and behind the last minute') FROM derived_data_bars WHERE canonical_symbol = 'B' AND deleted_at IS NULL;
SELECT is_empty('SELECT * FROM wrong WHERE canonical_symbol = ''B''', 'the others are right');

-- One statement with many scattered late minutes.
SELECT world.task('M', '5m');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT 'M', '1m', '2025-07-01'::timestamptz + make_interval(mins => m), 1, 2, 1, 1, 1 FROM generate_series(0, 62 * 1440 - 1) AS m WHERE m % 5 < 4;
SELECT run();
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT 'M', '1m', '2025-07-01'::timestamptz + make_interval(mins => m), 1, 3, 1, 1, 1 FROM generate_series(0, 62 * 1440 - 1) AS m WHERE m % 10 = 4;
SELECT cmp_ok(sum(cardinality(symbols)), '<=', 4096::bigint, 'thousands of ranges of a symbol are logged as fewer') FROM agg_change_log;
SELECT count(*) FROM agg_get_due_tasks('prod', '2025-09-01 00:00+00') \g /dev/null
SELECT cmp_ok(count(*), '<=', 1000::bigint, 'and marked as fewer still') FROM agg_dirty_ranges WHERE canonical_symbol = 'M';
SELECT count(*) AS marks FROM agg_dirty_ranges WHERE canonical_symbol = 'M' \gset
SELECT probe.answers(agg_run_batch(p_max_windows => 10, p_now_utc => '2025-09-01 00:00+00'), '{"late_windows_processed": 10, "continue": true}', 'a batch does as much as it is asked for');
SELECT cmp_ok(count(*), '>=', (:marks - 11)::bigint, 'and leaves the other marks where they are') FROM agg_dirty_ranges WHERE canonical_symbol = 'M';
SELECT run();
SELECT is(count(*) FILTER (WHERE high = 3 AND source_candles = 5), 8928::bigint, 'in the end all are right') FROM derived_data_bars WHERE canonical_symbol = 'M' AND deleted_at IS NULL;
SELECT is_empty('SELECT * FROM agg_verify() WHERE explanation IS NULL', 'and the proof finds nothing that is not explained');

SELECT * FROM finish();
