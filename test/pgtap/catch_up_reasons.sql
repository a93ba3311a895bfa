-- Catching up, by worked examples: which windows, where it stops, why, and what it says.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();

-- A morning: 00:00 to 00:19 and, after a hole of two days, 00:00 to 00:11.
SELECT world.task('EURUSD', '5m');
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 20);
SELECT world.minutes('EURUSD', '2025-07-03 00:00+00', 12);

SELECT is(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', 3, '2025-07-04') @> '{
	"success": true, "windows_processed": 3, "cursor_advanced_to": "2025-07-01T00:15:00+00:00", "bars_created": 3, "bars_inserted": 3, "bars_updated": 0, "bars_unchanged": 0,
	"bars_quality_poor": 0, "bars_skipped": 0, "continue": true, "reason": "max_windows", "max_source_ts": "2025-07-03T00:11:00+00:00", "agg_start_enforced": "2025-07-01T00:00:00+00:00"}',
	true, 'three windows, every key');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', 100, '2025-07-04'),
	'{"reason": "gap", "continue": true, "windows_processed": 4, "bars_created": 4, "bars_inserted": 1, "bars_unchanged": 3, "cursor_advanced_to": "2025-07-01T00:20:00+00:00"}', 'the gap stops the call before it');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:20+00', 1, '2025-07-04'),
	'{"reason": "max_windows", "continue": true, "windows_processed": 1, "bars_inserted": 1, "cursor_advanced_to": "2025-07-03T00:05:00+00:00"}', 'the next call jumps over it');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:20+00', 100, '2025-07-04'),
	'{"reason": "frontier", "continue": false, "windows_processed": 3, "bars_created": 2, "bars_skipped": 1, "cursor_advanced_to": "2025-07-03T00:15:00+00:00"}', 'the last window has two minutes: skipped, and then the frontier');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-03 00:15+00', 100, '2025-07-04'),
	'{"reason": "cursor_beyond_source_data", "continue": false, "windows_processed": 0, "bars_created": 0, "cursor_advanced_to": "2025-07-03T00:15:00+00:00"}', 'a cursor never runs ahead of its source');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2099-07-03 00:15+00', 100, '2025-07-04'),
	'{"reason": "cursor_beyond_source_data", "continue": false, "windows_processed": 0, "cursor_advanced_to": "2099-07-03T00:15:00+00:00"}', 'however far it is');
SELECT is((SELECT last_agg_bar_ts_utc FROM data_agg_state), NULL, 'no call moves the stored cursor');

-- Confirmation: the window's end and the task's delay.
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', 100, '2025-07-01 00:05:29.999999+00'), '{"reason": "not_confirmed", "continue": false, "windows_processed": 0, "cursor_advanced_to": "2025-07-01T00:00:00+00:00"}', 'a microsecond early');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', 100, '2025-07-01 00:05:30+00'), '{"reason": "not_confirmed", "continue": false, "windows_processed": 1, "cursor_advanced_to": "2025-07-01T00:05:00+00:00"}', 'on time');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', 100, '2025-07-01 00:05:00+00', 1, true), '{"reason": "not_confirmed", "windows_processed": 1}', 'without the delay the window must still have ended');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', 100, '2025-07-01 00:04:59+00', 1, true), '{"reason": "not_confirmed", "windows_processed": 0}', 'however impatient the caller');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:20+00', 100, '2025-07-03 00:05+00'), '{"reason": "not_confirmed", "continue": false, "windows_processed": 0, "cursor_advanced_to": "2025-07-01T00:20:00+00:00"}', 'a jump to a window that is not confirmed moves nothing');

-- The start.
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2020-01-01 00:00+00', 1, '2025-07-04'), '{"windows_processed": 1, "cursor_advanced_to": "2025-07-01T00:05:00+00:00"}', 'the cursor is raised to the start');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:02+00', 1, '2025-07-04'), '{"windows_processed": 1, "cursor_advanced_to": "2025-07-01T00:10:00+00:00"}', 'and up to a boundary');
SELECT world.task('LATER', '5m', '2025-07-01 00:06:00.000001+00');
SELECT world.minutes('LATER', '2025-07-01 00:00+00', 20);
SELECT is(agg_bootstrap_cursor('LATER', '5m'), '2025-07-01 00:10+00', 'a start that is not on a boundary means the next one');
SELECT is(agg_bootstrap_cursor('EURUSD', '5m', '1999-01-01'), '2025-07-01 00:00+00', 'one that is, itself; whatever the time');
SELECT is((SELECT last_agg_bar_ts_utc FROM data_agg_state WHERE canonical_symbol = 'LATER'), NULL, 'bootstrap writes nothing');
SELECT probe.answers(catchup_aggregation_range('LATER', '5m', '2025-07-01 00:00+00', 100, '2025-07-04'), '{"windows_processed": 2, "cursor_advanced_to": "2025-07-01T00:20:00+00:00", "agg_start_enforced": "2025-07-01T00:06:00.000001+00:00"}', 'nothing is made before it');
SELECT is(min(ts_utc), '2025-07-01 00:10+00', 'not even a bar that has all its minutes') FROM derived_data_bars WHERE canonical_symbol = 'LATER';

-- No source.
SELECT world.task('EMPTY', tf) FROM unnest(ARRAY['5m', '1h']) AS tf;
SELECT is(catchup_aggregation_range('EMPTY', '5m', '2025-07-01 00:00+00', 1, '2025-07-04') @> '{"success": true, "reason": "no_source_data_anywhere", "continue": false, "windows_processed": 0, "max_source_ts": null, "cursor_advanced_to": "2025-07-01T00:00:00+00:00"}', true, 'no source at all');
SELECT probe.answers(catchup_aggregation_range('EMPTY', '1h', '2025-07-01 00:00+00', 1, '2025-07-04'), '{"reason": "no_source_data_anywhere"}', 'at the second step neither: there is nothing to wait for');

-- The width comes from the name, not from the run interval.
UPDATE data_agg_state SET run_interval_minutes = 1 WHERE canonical_symbol = 'EURUSD';
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', 2, '2025-07-04'), '{"windows_processed": 2, "cursor_advanced_to": "2025-07-01T00:10:00+00:00"}', 'a task that runs every minute makes five-minute windows');

-- Derived source: an hour waits for its five-minute task, not for an empty market.
SELECT world.task('CHAIN', tf, '2025-07-04 20:00+00') FROM unnest(ARRAY['5m', '1h', '4h']) AS tf;
SELECT world.minutes('CHAIN', '2025-07-04 20:00+00', 112); -- Friday, closes at 21:52
CREATE FUNCTION step(tf text, windows int, now_utc timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	a jsonb := catchup_aggregation_range('CHAIN', tf, (SELECT last_agg_bar_ts_utc FROM data_agg_state AS t WHERE t.canonical_symbol = 'CHAIN' AND t.timeframe = tf), windows, now_utc);
BEGIN
	UPDATE data_agg_state AS t SET last_agg_bar_ts_utc = (a ->> 'cursor_advanced_to')::timestamptz WHERE t.canonical_symbol = 'CHAIN' AND t.timeframe = tf;
	RETURN concat_ws(' ', a ->> 'reason', a ->> 'windows_processed', to_char((a ->> 'cursor_advanced_to')::timestamptz AT TIME ZONE 'UTC', 'HH24:MI'));
END
$$;
UPDATE data_agg_state SET last_agg_bar_ts_utc = agg_start_utc WHERE canonical_symbol = 'CHAIN';
SELECT is(step('1h', 10, '2025-07-04 22:00+00'), 'waiting_for_source 0 20:00', 'an hour without a five-minute bar yet waits');
SELECT is(step('4h', 10, '2025-07-05 22:00+00'), 'waiting_for_source 0 20:00', 'so does what is built from hours');
SELECT is(step('5m', 8, '2025-07-04 22:00+00'), 'max_windows 8 20:40', 'five minutes, eight of them');
SELECT is(step('1h', 10, '2025-07-04 22:00+00'), 'waiting_for_source 0 20:00', 'eight of twelve are there: the hour waits for the rest');
SELECT is(step('5m', 4, '2025-07-04 22:00+00'), 'max_windows 4 21:00', 'four more');
SELECT is(step('1h', 10, '2025-07-04 22:01+00'), 'waiting_for_source 1 21:00', 'one hour is done, the next waits');
SELECT is(step('5m', 100, '2025-07-04 22:01+00'), 'frontier 11 21:55', 'five minutes up to the close, the last one thin');
SELECT is(step('1h', 10, '2025-07-04 22:00:29+00'), 'not_confirmed 0 21:00', 'the last hour is not confirmed yet');
SELECT is(step('1h', 10, '2025-07-04 22:00:30+00'), 'not_confirmed 1 22:00', 'Friday''s last hour is there when it closes, not on Sunday night');
SELECT is(step('4h', 10, '2025-07-04 23:59+00'), 'not_confirmed 0 20:00', 'its four hours when they close');
SELECT is(step('4h', 10, '2025-07-05 00:01+00'), 'not_confirmed 1 00:00', 'too: two hours of four are too few for a bar');
SELECT is(step('1h', 10, '2025-07-06 00:00+00'), 'cursor_beyond_source_data 0 22:00', 'then there is nothing');
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-04 20:00+00', status = 'disabled', enabled = false WHERE canonical_symbol = 'CHAIN' AND timeframe = '5m';
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-04 20:00+00' WHERE canonical_symbol = 'CHAIN' AND timeframe = '1h';
SELECT is(step('1h', 10, '2025-07-06 00:00+00'), 'waiting_for_source 0 20:00', 'a source task that is switched off is waited for all the same');
DELETE FROM data_agg_state WHERE canonical_symbol = 'CHAIN' AND timeframe = '5m';
SELECT is(step('1h', 10, '2025-07-06 00:00+00'), 'frontier 2 22:00', 'one that does not exist is not');

-- A wide gap costs no more than a narrow one: one probe, whatever lies between.
SELECT world.task('WIDE', '5m', '0001-01-01 00:00+00');
SELECT world.minutes('WIDE', '0001-01-01 00:00+00', 5);
SELECT world.minutes('WIDE', '200000-01-01 00:00+00', 5);
SET statement_timeout = '5s';
SELECT probe.answers(catchup_aggregation_range('WIDE', '5m', '0001-01-01 00:05+00', 1000, '200000-01-02'), '{"windows_processed": 1, "cursor_advanced_to": "200000-01-01T00:05:00+00:00", "bars_created": 1}', 'a gap of 200,000 years');
SELECT is(windows_processed, 1::bigint, 'in the engine too') FROM agg_aggregate_tasks(ARRAY['WIDE'], ARRAY['5m'], 1, '200000-01-02');
SELECT results_eq($$SELECT windows_processed, reason, "continue" FROM agg_aggregate_tasks(ARRAY['WIDE'], ARRAY['5m'], 10, '200000-01-02')$$, $$VALUES (1::bigint, 'frontier', false)$$, 'which needs no second call for it');
RESET statement_timeout;

SELECT * FROM finish();
