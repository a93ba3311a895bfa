-- Late, corrected and deleted source reaches every bar that is made of it, and no other.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION chain(symbol text) RETURNS void LANGUAGE sql AS $$ SELECT world.task(symbol, tf) FROM unnest(ARRAY['5m', '15m', '30m', '1h', '4h', '1d', '1w']) AS tf $$;
-- Runs until nothing is due any more, with the clock far ahead; what came of it.
CREATE FUNCTION run(most int DEFAULT 100000) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
	total jsonb := '{"windows": 0, "late": 0, "inserted": 0, "updated": 0, "deleted": 0}';
BEGIN
	LOOP
		answer := agg_run_batch(p_max_windows => most, p_now_utc => '2025-09-01 00:00+00');
		total := jsonb_build_object('windows', (total ->> 'windows')::int + (answer ->> 'windows_processed')::int, 'late', (total ->> 'late')::int + (answer ->> 'late_windows_processed')::int,
			'inserted', (total ->> 'inserted')::int + (answer ->> 'bars_inserted')::int, 'updated', (total ->> 'updated')::int + (answer ->> 'bars_updated')::int,
			'deleted', (total ->> 'deleted')::int + (answer ->> 'bars_deleted')::int);
		EXIT WHEN NOT (answer ->> 'continue')::boolean;
	END LOOP;
	RETURN total;
END
$$;
SELECT chain('EURUSD'), chain('GBPUSD'), world.minutes('EURUSD', '2025-07-01 00:00+00', 21 * 1440), world.minutes('GBPUSD', '2025-07-01 00:00+00', 21 * 1440);
DELETE FROM data_bars WHERE ts_utc = '2025-07-08 00:07+00';
SELECT run() \g /dev/null
SELECT is_empty('SELECT * FROM agg_verify()', 'the proof finds nothing');
CREATE TABLE before AS SELECT canonical_symbol, timeframe, ts_utc, xmin::text AS writer, ctid AS place FROM derived_data_bars;
CREATE VIEW touched AS SELECT b.canonical_symbol AS symbol, b.timeframe AS tf, b.ts_utc FROM derived_data_bars AS b LEFT JOIN before AS f ON f.place = b.ctid AND f.writer = b.xmin::text WHERE f.place IS NULL;

-- One late minute.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) VALUES ('EURUSD', '1m', '2025-07-08 00:07+00', 1e6, 1e6, 1e6, 1e6, 1);
SELECT results_eq($$SELECT canonical_symbol, timeframe FROM agg_get_due_tasks('prod', '2025-07-21 00:00+00')$$, $$VALUES ('EURUSD', '5m')$$, 'makes its task due, whatever its next run was');
SELECT is((agg_why('EURUSD', '5m', '2025-07-08 00:05+00')).state, 'dirty', 'which says why');
SELECT is(run(), '{"windows": 0, "late": 7, "inserted": 0, "updated": 7, "deleted": 0}', 'costs one window in each timeframe');
SELECT set_eq('SELECT symbol, tf, ts_utc FROM touched', $$VALUES ('EURUSD', '5m', '2025-07-08 00:05+00'::timestamptz), ('EURUSD', '15m', '2025-07-08 00:00+00'), ('EURUSD', '30m', '2025-07-08 00:00+00'), ('EURUSD', '1h', '2025-07-08 00:00+00'),
	('EURUSD', '4h', '2025-07-08 00:00+00'), ('EURUSD', '1d', '2025-07-08 00:00+00'), ('EURUSD', '1w', '2025-07-07 00:00+00')$$, 'exactly those above it');
SELECT is((world.bar('EURUSD', '1w', '2025-07-07 00:00+00')).high, 1e6::float8, 'up to the week');
SELECT is(late_rows, 1::bigint, 'late rows are counted: ' || timeframe) FROM data_agg_state WHERE canonical_symbol = 'EURUSD' AND timeframe IN ('5m', '15m', '1h');
SELECT is_empty('SELECT * FROM agg_verify()', 'and all is right');
SELECT is(run() -> 'late', '0', 'once');

-- A correction that changes nothing above stops there.
DROP TABLE before CASCADE;
CREATE TABLE before AS SELECT canonical_symbol, timeframe, ts_utc, xmin::text AS writer, ctid AS place FROM derived_data_bars;
CREATE VIEW touched AS SELECT b.canonical_symbol AS symbol, b.timeframe AS tf, b.ts_utc FROM derived_data_bars AS b LEFT JOIN before AS f ON f.place = b.ctid AND f.writer = b.xmin::text WHERE f.place IS NULL;
UPDATE data_bars SET open = open + 0.25 WHERE canonical_symbol = 'GBPUSD' AND ts_utc = '2025-07-09 03:02+00';
SELECT is(run() -> 'late', '1', 'a price in the middle that is neither extreme: one window is looked at');
SELECT is_empty('TABLE touched', 'and no bar written');
UPDATE data_bars SET open = open + 0.25 WHERE canonical_symbol = 'GBPUSD' AND ts_utc = '2025-07-09 03:05+00';
SELECT is(run(), '{"windows": 0, "late": 4, "inserted": 0, "updated": 1, "deleted": 0}', 'the open of a 5m bar in the middle of all wider ones: they are looked at and stay');

-- Too few source bars, and none.
DELETE FROM data_bars WHERE canonical_symbol = 'GBPUSD' AND ts_utc >= '2025-07-10 05:10+00' AND ts_utc < '2025-07-10 05:13+00';
SELECT is(run() -> 'deleted', '1', 'a window that has lost three of five loses its bar');
SELECT results_eq($$SELECT deleted_at IS NOT NULL, raw ->> 'deleted' FROM derived_data_bars WHERE canonical_symbol = 'GBPUSD' AND timeframe = '5m' AND ts_utc = '2025-07-10 05:10+00'$$, $$VALUES (true, 'insufficient_source_bars')$$, 'with the reason');
DELETE FROM data_bars WHERE canonical_symbol = 'GBPUSD' AND ts_utc >= '2025-07-10 00:00+00' AND ts_utc < '2025-07-11 00:00+00';
SELECT run() \g /dev/null
SELECT is(count(*), 0::bigint, 'a day that goes takes all its bars along') FROM derived_data_bars WHERE canonical_symbol = 'GBPUSD' AND timeframe <> '1w' AND deleted_at IS NULL AND ts_utc >= '2025-07-10' AND ts_utc < '2025-07-11';
SELECT is((world.bar('GBPUSD', '1w', '2025-07-07 00:00+00')).source_candles, 6, 'and the week counts six');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
SELECT world.minutes('GBPUSD', '2025-07-10 00:00+00', 1440, 500);
SELECT run() \g /dev/null
SELECT is(count(*), 288::bigint, 'and a day that comes back brings them') FROM derived_data_bars WHERE canonical_symbol = 'GBPUSD' AND timeframe = '5m' AND deleted_at IS NULL AND ts_utc >= '2025-07-10' AND ts_utc < '2025-07-11';
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- Bounded per call, newest first.
UPDATE data_bars SET close = close + 1000 WHERE canonical_symbol = 'EURUSD' AND ts_utc >= '2025-07-02' AND ts_utc < '2025-07-03';
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-22', 100, '2025-09-01'), '{"windows_processed": 0, "late_windows_processed": 100, "late_bars_changed": 100, "continue": true, "reason": "cursor_beyond_source_data"}', 'a catch-up does as many as windows are asked for, and is to be called again');
SELECT is((world.bar('EURUSD', '5m', '2025-07-02 23:55+00')).close > 1000 AND (world.bar('EURUSD', '5m', '2025-07-02 15:40+00')).close > 1000 AND (world.bar('EURUSD', '5m', '2025-07-02 15:35+00')).close < 4000, true, 'the newest first');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-22', 100, '2025-09-01'), '{"late_windows_processed": 100, "continue": true}', 'again');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-22', 100, '2025-09-01'), '{"late_windows_processed": 88, "continue": false}', 'to the end');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-22', 100, '2025-09-01'), '{"late_windows_processed": 0, "continue": false}', 'and no further');
SELECT cmp_ok((run(7) ->> 'late')::int, '<', 96 + 48 + 24 + 6 + 1 + 1 + 15, 'those above in small steps: hardly one is looked at twice');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- Widths do not matter: a century costs what is in it.
SELECT agg_mark_changed('EURUSD', '1950-01-01', '2050-01-01') \g /dev/null
SELECT run(1000) \g /dev/null
SELECT is_empty('SELECT * FROM agg_dirty_ranges WHERE canonical_symbol = ''EURUSD'' AND due = ''now''', 'a century of marks is processed');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- freeze.
SELECT is(agg_set_late_policy('EURUSD', '1h', 'freeze'), '{"success": true, "late_policy": "freeze", "changed": true, "ranges_to_recompute": 0}', 'an hour that is to stay as it is');
UPDATE data_bars SET high = 2e6 WHERE canonical_symbol = 'EURUSD' AND ts_utc IN ('2025-07-05 10:00+00', '2025-07-05 11:00+00', '2025-07-05 17:00+00');
SELECT run() \g /dev/null
SELECT is((world.bar('EURUSD', '5m', '2025-07-05 10:00+00')).high, 2e6::float8, 'the 5m bar changes');
SELECT isnt((world.bar('EURUSD', '1h', '2025-07-05 10:00+00')).high, 2e6::float8, 'the hour does not');
SELECT results_eq($$SELECT timeframe, from_utc, to_utc, row_count FROM agg_refused_ranges ORDER BY from_utc$$, $$VALUES ('1h', '2025-07-05 10:00+00'::timestamptz, '2025-07-05 12:00+00'::timestamptz, 2::bigint), ('1h', '2025-07-05 17:00+00', '2025-07-05 18:00+00', 1)$$, 'what was refused is listed');
SELECT is(refused_rows, 3::bigint, 'and counted') FROM data_agg_state WHERE canonical_symbol = 'EURUSD' AND timeframe = '1h';
SELECT set_eq('SELECT timeframe, ts_utc, explanation FROM agg_verify()', $$VALUES ('1h', '2025-07-05 10:00+00'::timestamptz, 'refused'), ('1h', '2025-07-05 11:00+00', 'refused'), ('1h', '2025-07-05 17:00+00', 'refused')$$, 'the proof knows');
SELECT is((agg_why('EURUSD', '1h', '2025-07-05 10:00+00')).state, 'frozen', 'and agg_why()');
SELECT probe.answers(derived_rebuild_range('EURUSD', '1h', '2025-07-05 17:00+00', '2025-07-05 18:00+00', false), '{"success": true, "bars_updated": 1}', 'a rebuild does it all the same');
SELECT is(count(*), 1::bigint, 'and takes it off the list') FROM agg_refused_ranges;
SELECT is(agg_set_late_policy('EURUSD', '1h', 'recompute') -> 'ranges_to_recompute', '1', 'and back: the rest is made good');
SELECT run() \g /dev/null
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
SELECT is_empty('TABLE agg_refused_ranges', 'nothing is refused any more');
-- What would not change is not refused.
SELECT agg_set_late_policy('EURUSD', '5m', 'freeze') \g /dev/null
UPDATE data_agg_state SET refused_rows = 0;
UPDATE data_bars SET high = high WHERE canonical_symbol = 'EURUSD' AND ts_utc >= '2025-07-05 10:00+00' AND ts_utc < '2025-07-05 10:20+00';
UPDATE data_bars SET high = 2.5e6 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-05 10:07+00';
SELECT run() \g /dev/null
SELECT results_eq($$SELECT timeframe, from_utc, to_utc FROM agg_refused_ranges$$, $$VALUES ('5m', '2025-07-05 10:05+00'::timestamptz, '2025-07-05 10:10+00'::timestamptz)$$, 'of windows whose source was written again, the one that would change is listed');
SELECT agg_set_late_policy('EURUSD', '5m', 'recompute') \g /dev/null
SELECT run() \g /dev/null
-- By an UPDATE.
UPDATE data_agg_state SET late_policy = 'freeze' WHERE canonical_symbol = 'EURUSD';
UPDATE data_bars SET high = 3e6 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-05 10:00+00';
SELECT run() \g /dev/null
SELECT is(count(*), 1::bigint, 'a policy that was set by hand refuses') FROM agg_refused_ranges;
UPDATE data_agg_state SET late_policy = late_policy, next_run_at = NULL WHERE canonical_symbol = 'EURUSD';
SELECT is(count(*), 1::bigint, 'and an UPDATE of the same to the same changes nothing') FROM agg_refused_ranges;
UPDATE data_agg_state SET late_policy = 'recompute' WHERE canonical_symbol = 'EURUSD';
SELECT is_empty('TABLE agg_refused_ranges', 'taken back by hand, what was refused is listed no more');
SELECT run() \g /dev/null
SELECT is((world.bar('EURUSD', '1h', '2025-07-05 10:00+00')).high, 3e6::float8, 'and made good');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
SELECT probe.refuses($$SELECT agg_set_late_policy('EURUSD', '1h', 'ignore')$$, '22023', 'there is no late policy "ignore" (EURUSD/1h)', '%freeze%', 'another policy');
SELECT is(agg_set_late_policy('NOBODY', '1h', 'freeze') - 'message', '{"success": false, "error": "not_found"}', 'a task that is not there');

-- An earlier start makes the windows before the old one.
SELECT world.task('USDJPY', '5m', '2025-07-10 00:00+00'), world.minutes('USDJPY', '2025-07-09 00:00+00', 2 * 1440);
SELECT run() \g /dev/null
SELECT is(count(*), 288::bigint, 'nothing before the start') FROM derived_data_bars WHERE canonical_symbol = 'USDJPY';
SELECT probe.answers(agg_set_start('USDJPY', '5m', '2025-07-09 12:00+00'), '{"success": true}', 'an earlier start');
SELECT is(last_agg_bar_ts_utc, '2025-07-11 00:00+00', 'the cursor stays') FROM data_agg_state WHERE canonical_symbol = 'USDJPY';
SELECT is(run() -> 'inserted', '144', 'what was never made is late work');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

SELECT * FROM finish();
