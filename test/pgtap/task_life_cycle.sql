-- idle -> running -> idle: claiming a task, finishing it well, and the token that says whose claim it is.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION task(p_symbol text, tf text DEFAULT '5m') RETURNS data_agg_state LANGUAGE sql AS $$
	SELECT t FROM data_agg_state AS t WHERE t.canonical_symbol = p_symbol AND t.timeframe = tf
$$;

-- A claim.
SELECT world.task(s, '5m') FROM unnest(ARRAY['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H']) AS s;
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-01 10:00+00' WHERE canonical_symbol = 'A';
CREATE TABLE claims (symbol text, answer jsonb);
INSERT INTO claims SELECT 'A', agg_start('A', '5m', '2025-07-01 10:05:31+00');
SELECT is(answer - 'claim_token', '{"success": true, "canonical_symbol": "A", "timeframe": "5m", "source_timeframe": "1m", "run_interval_minutes": 5, "aggregation_delay_seconds": 30,
	"last_agg_bar_ts_utc": "2025-07-01T10:00:00+00:00"}', 'a claim says what to do') FROM claims;
SELECT is((task('A')).claim_token, (answer ->> 'claim_token')::uuid, 'and hands out a token') FROM claims;
SELECT ok(answer ->> 'claim_token' IS NOT NULL, 'which is there') FROM claims;
SELECT is(jsonb_build_object('status', t.status, 'since', t.running_started_at_utc, 'attempted', t.last_attempted_at_utc), jsonb_build_object('status', 'running', 'since', '2025-07-01 10:05:31+00'::timestamptz, 'attempted', '2025-07-01 10:05:31+00'::timestamptz), 'the task runs since then') FROM task('A') AS t;
SELECT is(agg_start('A', '5m', '2025-07-01 10:05:32+00') - 'message', '{"success": false, "error": "not_idle_or_missing"}', 'a second claim fails');
SELECT is(agg_start('NONE', '5m', '2025-07-01 10:05:32+00') - 'message', '{"success": false, "error": "not_idle_or_missing"}', 'so does one of a missing task');
SELECT is(agg_start('A', '7m', '2025-07-01 10:05:32+00') - 'message', '{"success": false, "error": "not_idle_or_missing"}', 'or of a missing timeframe');
UPDATE data_agg_state SET enabled = false WHERE canonical_symbol = 'B';
UPDATE data_agg_state SET status = 'hard_failed' WHERE canonical_symbol = 'C';
UPDATE data_agg_state SET status = 'disabled' WHERE canonical_symbol = 'D';
SELECT is(agg_start(s, '5m', '2025-07-01 10:05:32+00') - 'message', '{"success": false, "error": "not_idle_or_missing"}', why) FROM (VALUES ('B', 'switched off'), ('C', 'hard failed'), ('D', 'disabled')) AS v (s, why);
SELECT is(agg_start('E', '5m', '2025-07-01 10:05:32+00') -> 'last_agg_bar_ts_utc', 'null', 'a task that never ran has no cursor');

-- A good end.
SELECT probe.answers(agg_finish('A', '5m', true, '2025-07-01 10:05+00', '{"bars_created": 3, "bars_quality_poor": 1, "windows_processed": 1, "noise": [1, "x"]}', NULL, NULL, '2025-07-01 10:05:33+00'), '{"success": true}', 'finished');
SELECT is(jsonb_build_object('status', t.status, 'cursor', t.last_agg_bar_ts_utc, 'runs', t.total_runs, 'bars', t.total_bars_created, 'poor', t.total_bars_quality_poor, 'succeeded', t.last_successful_at_utc, 'error', t.last_error, 'streak', t.hard_fail_streak, 'token', t.claim_token),
	jsonb_build_object('status', 'idle', 'cursor', '2025-07-01 10:05+00'::timestamptz, 'runs', 1, 'bars', 3, 'poor', 1, 'succeeded', '2025-07-01 10:05:33+00'::timestamptz, 'error', NULL, 'streak', 0, 'token', NULL), 'idle again, cursor moved, totals grown') FROM task('A') AS t;
SELECT agg_start('A', '5m', '2025-07-01 10:10:31+00') \g /dev/null
SELECT agg_finish('A', '5m', true, '2025-07-01 10:13:07+00', '{"bars_created": 2, "bars_quality_poor": 0}', NULL, NULL, '2025-07-01 10:13:33+00') \g /dev/null
SELECT is(jsonb_build_object('cursor', t.last_agg_bar_ts_utc, 'runs', t.total_runs, 'bars', t.total_bars_created, 'poor', t.total_bars_quality_poor),
	jsonb_build_object('cursor', '2025-07-01 10:10+00'::timestamptz, 'runs', 2, 'bars', 5, 'poor', 1), 'an unaligned cursor is floored, totals add up') FROM task('A') AS t;
SELECT agg_finish('A', '5m', true, NULL, NULL, NULL, NULL, '2025-07-01 10:15:33+00') \g /dev/null
SELECT is(jsonb_build_object('cursor', t.last_agg_bar_ts_utc, 'runs', t.total_runs, 'bars', t.total_bars_created), jsonb_build_object('cursor', '2025-07-01 10:10+00'::timestamptz, 'runs', 3, 'bars', 5), 'no cursor, no stats: both stay; whatever the status') FROM task('A') AS t;
SELECT agg_finish('A', '5m', true, '2025-07-01 10:10+00', '{"bars_created": null, "bars_quality_poor": 0}', NULL, NULL, '2025-07-01 10:15:34+00') \g /dev/null
SELECT is((task('A')).last_agg_bar_ts_utc, '2025-07-01 10:10+00', 'the same cursor again is no step back');
SELECT agg_finish('A', '5m', true, '2025-07-01 10:12+00', NULL, NULL, NULL, '2025-07-01 10:15:34+00') \g /dev/null
SELECT is((task('A')).last_agg_bar_ts_utc, '2025-07-01 10:10+00', 'nor is one that floors to it');
SELECT probe.refuses($$SELECT agg_finish('A', '5m', true, '2025-07-01 10:05+00', '{"bars_created": 1}', NULL, NULL, '2025-07-01 10:16+00')$$, '22023', '%A/5m%', '%build%()%', 'the cursor never moves back, and the hint names what builds older windows again');
SELECT is(agg_finish('NONE', '5m', true) - 'message', '{"success": false, "error": "not_found"}', 'a finish of nothing');
SELECT is(agg_finish('NONE', '5m', false, NULL, NULL, 'hard', 'x') - 'message', '{"success": false, "error": "not_found"}', 'a failure of nothing');
SELECT is((SELECT count(*) FROM data_agg_state WHERE canonical_symbol = 'NONE'), 0::bigint, 'makes no task');

-- A worker's stats are only counted: what is no count adds nothing, and does not keep the task from ending.
CREATE TABLE totals AS SELECT t.total_runs, t.total_bars_created, t.total_bars_quality_poor FROM task('A') AS t;
SELECT probe.answers(agg_finish('A', '5m', true, '2025-07-01 10:10+00', stats::jsonb, NULL, NULL, '2025-07-01 10:15:35+00'), '{"success": true}', 'stats that are none: ' || stats)
FROM unnest(ARRAY['[1]', '5', '"x"', 'null', '{"bars_created": "many"}', '{"bars_created": [7]}', '{"bars_created": -3}', '{"bars_created": 1e300}', '{"bars_quality_poor": {}}']) AS stats;
SELECT results_eq($$SELECT t.total_runs, t.total_bars_created, t.total_bars_quality_poor FROM task('A') AS t$$, 'SELECT total_runs + 9, total_bars_created, total_bars_quality_poor FROM totals', 'nine runs, and no bars');

-- A claim that was taken over.
INSERT INTO claims SELECT 'F1', agg_start('F', '5m', '2025-07-01 10:00+00');
SELECT count(*) FROM agg_get_due_tasks('prod', '2025-07-01 11:00+00', 0) \g /dev/null
SELECT count(*) FROM agg_get_due_tasks('prod', '2025-07-01 11:00+00', 20) \g /dev/null
INSERT INTO claims SELECT 'F2', agg_start('F', '5m', '2025-07-01 11:00+00');
SELECT is((SELECT count(DISTINCT answer ->> 'claim_token') FROM claims), 3::bigint, 'every claim has a token of its own');
CREATE TABLE held AS SELECT task('F') AS t;
SELECT probe.answers(agg_finish('F', '5m', true, '2025-07-01 10:05+00', '{"bars_created": 9}', NULL, NULL, '2025-07-01 11:01+00', 3, (answer ->> 'claim_token')::uuid), '{"success": false, "error": "claim_lost"}', 'the first worker comes late') FROM claims WHERE symbol = 'F1';
SELECT probe.answers(agg_finish('F', '5m', false, NULL, NULL, 'hard', 'boom', '2025-07-01 11:01+00', 3, (answer ->> 'claim_token')::uuid), '{"success": false, "error": "claim_lost"}', 'with a failure too') FROM claims WHERE symbol = 'F1';
SELECT probe.answers(agg_finish('F', '5m', true, NULL, NULL, NULL, NULL, '2025-07-01 11:01+00', 3, '00000000-0000-0000-0000-000000000000'), '{"success": false, "error": "claim_lost"}', 'a token of nobody');
SELECT is(task('F'), t, 'nothing changed') FROM held;
SELECT probe.answers(agg_finish('F', '5m', true, '2025-07-01 10:05+00', '{"bars_created": 1}', NULL, NULL, '2025-07-01 11:02+00', 3, (answer ->> 'claim_token')::uuid), '{"success": true}', 'the second finishes') FROM claims WHERE symbol = 'F2';
SELECT probe.answers(agg_finish('F', '5m', true, '2025-07-01 10:10+00', NULL, NULL, NULL, '2025-07-01 11:03+00', 3, (answer ->> 'claim_token')::uuid), '{"success": false, "error": "claim_lost"}', 'once') FROM claims WHERE symbol = 'F2';
SELECT is(agg_finish('NONE', '5m', true, NULL, NULL, NULL, NULL, '2025-07-01 11:03+00', 3, '00000000-0000-0000-0000-000000000000') - 'message', '{"success": false, "error": "not_found"}', 'a token of a missing task: not found');

-- A success does not wake a task that waits for its reset.
UPDATE data_agg_state SET status = 'hard_failed', hard_fail_streak = 3, last_error = 'boom' WHERE canonical_symbol = 'G';
UPDATE data_agg_state SET status = 'disabled', hard_fail_streak = 3 WHERE canonical_symbol = 'H';
SELECT agg_finish(s, '5m', true, '2025-07-01 10:05+00', '{"bars_created": 1}', NULL, NULL, '2025-07-01 11:03+00') FROM unnest(ARRAY['G', 'H']) AS s \g /dev/null
SELECT is(jsonb_build_object('status', t.status, 'streak', t.hard_fail_streak, 'error', t.last_error, 'runs', t.total_runs), jsonb_build_object('status', expected, 'streak', 0, 'error', NULL, 'runs', 1), expected || ' stays after a success')
FROM (VALUES ('G', 'hard_failed'), ('H', 'disabled')) AS v (s, expected), task(s) AS t;

-- Totals of an adopted row may be NULL.
ALTER TABLE data_agg_state ALTER total_runs DROP NOT NULL, ALTER total_bars_created DROP NOT NULL, ALTER total_bars_quality_poor DROP NOT NULL, ALTER hard_fail_streak DROP NOT NULL;
UPDATE data_agg_state SET total_runs = NULL, total_bars_created = NULL, total_bars_quality_poor = NULL, hard_fail_streak = NULL, run_interval_minutes = NULL, aggregation_delay_seconds = NULL WHERE canonical_symbol = 'E';
SELECT probe.answers(agg_finish('E', '5m', true, '2025-07-01 10:05+00', '{"bars_created": 4}', NULL, NULL, '2025-07-01 11:03+00'), '{"success": true}', 'a row full of NULLs can be finished');
SELECT is(jsonb_build_array(t.total_runs, t.total_bars_created, t.hard_fail_streak), '[1, 4, 0]', 'and counts from there') FROM task('E') AS t;

SELECT * FROM finish();
