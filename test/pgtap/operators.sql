-- What operators do to tasks: each says what it changed, and writes nothing where nothing is to be changed.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SELECT world.task('EURUSD', '5m', '2025-07-01 01:00+00'), world.minutes('EURUSD', '2025-07-01 00:00+00', 180);
CREATE FUNCTION unchanged(call text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	before text := probe.fingerprint();
	answer jsonb;
BEGIN
	EXECUTE 'SELECT ' || call INTO answer;
	RETURN NEXT is(answer -> 'changed', '{}', call || ' again has nothing to change');
	RETURN NEXT is(probe.fingerprint(), before, 'and writes nothing');
END
$$;

-- Parked tasks wait for a reset.
UPDATE data_agg_state SET status = 'hard_failed', hard_fail_streak = 3, last_error = 'boom', next_run_at = '2025-07-02';
SELECT is(agg_reset_task('EURUSD', '5m'), '{"success": true, "canonical_symbol": "EURUSD", "timeframe": "5m", "status": "idle", "enabled": true, "changed": {"status": ["hard_failed", "idle"], "hard_fail_streak": [3, 0], "last_error": ["boom", null], "next_run_at": ["2025-07-02T00:00:00+00:00", null]}}',
	'a reset says what it changed');
SELECT unchanged('agg_reset_task(''EURUSD'', ''5m'')');
SELECT agg_start('EURUSD', '5m', '2025-07-01 04:00+00') ->> 'claim_token' AS token \gset
SELECT is(agg_reset_task('EURUSD', '5m') -> 'changed', '{"status": ["running", "idle"], "running_started_at_utc": ["2025-07-01T04:00:00+00:00", null]}', 'it takes a claim away');
SELECT probe.answers(agg_finish('EURUSD', '5m', true, p_now_utc => '2025-07-01 04:00+00', p_claim_token => :'token'), '{"success": false, "error": "claim_lost"}', 'whose owner learns of it');

-- Off and on.
SELECT is(agg_disable_task('EURUSD', '5m') -> 'changed', '{"enabled": [true, false], "disabled_by_operator": [false, true]}', 'switched off');
SELECT unchanged('agg_disable_task(''EURUSD'', ''5m'')');
CALL agg_run(p_now_utc => '2025-07-01 02:01+00');
SELECT is(total_runs, 0::bigint, 'a runner leaves it alone') FROM data_agg_state;
SELECT sync_agg_state_from_registry('prod', '2025-07-01 01:00+00') \g /dev/null
SELECT is(enabled, false, 'and a sync leaves it off') FROM data_agg_state WHERE timeframe = '5m';
SELECT is(sync_agg_state_from_registry('prod', '2025-07-01 01:00+00') -> 'tasks_updated', '0', 'which is nothing to update for the next one');
SELECT is(agg_enable_task('EURUSD', '5m') -> 'changed', '{"enabled": [false, true], "disabled_by_operator": [true, false]}', 'switched on');
SELECT unchanged('agg_enable_task(''EURUSD'', ''5m'')');
UPDATE data_agg_state SET status = 'disabled';
SELECT probe.answers(agg_enable_task('EURUSD', '5m'), '{"success": true, "status": "disabled", "enabled": true, "changed": {}}', 'a parked task says that it is parked');
UPDATE data_agg_state SET status = 'idle';
DELETE FROM data_agg_state WHERE timeframe <> '5m';

-- The start.
CALL agg_run(p_now_utc => '2025-07-01 03:01+00');
SELECT results_eq('SELECT min(ts_utc), count(*) FROM derived_data_bars', $$VALUES ('2025-07-01 01:00+00'::timestamptz, 24::bigint)$$, 'bars from the start on');
CREATE TABLE before AS SELECT ctid AS place, xmin AS version, * FROM derived_data_bars;
SELECT is(agg_set_start('EURUSD', '5m', '2025-07-01 00:33+00') -> 'changed',
	'{"agg_start_utc": ["2025-07-01T01:00:00+00:00", "2025-07-01T00:33:00+00:00"]}', 'an earlier start');
CALL agg_run(p_now_utc => '2025-07-01 03:01+00');
SELECT results_eq('SELECT min(ts_utc), count(*) FROM derived_data_bars', $$VALUES ('2025-07-01 00:35+00'::timestamptz, 29::bigint)$$, 'makes the older windows, from the first boundary on');
SELECT is_empty('SELECT place, version FROM before EXCEPT SELECT ctid, xmin FROM derived_data_bars', 'and touches no later one');
SELECT unchanged('agg_set_start(''EURUSD'', ''5m'', ''2025-07-01 00:33+00'')');
SELECT is(agg_set_start('EURUSD', '5m', '2025-07-01 02:00+00') -> 'changed', '{"agg_start_utc": ["2025-07-01T00:33:00+00:00", "2025-07-01T02:00:00+00:00"]}', 'a later start moves no cursor');
SELECT is(agg_set_start('EURUSD', '5m', '2025-07-08 00:00+00') ->> 'success', 'true', 'not even one in the future');
CALL agg_run(p_now_utc => '2025-07-08 00:01+00');
SELECT is(last_agg_bar_ts_utc, '2025-07-08 00:00+00', 'which the next run goes to') FROM data_agg_state;

-- A claim is prolonged.
SELECT agg_start('EURUSD', '5m', '2025-07-08 01:00+00') ->> 'claim_token' AS token \gset
SELECT is(agg_heartbeat('EURUSD', '5m', :'token', '2025-07-08 01:10+00'), '{"success": true, "running_started_at_utc": "2025-07-08T01:10:00+00:00"}', 'a sign of life');
SELECT is(agg_heartbeat('EURUSD', '5m', :'token', '2025-07-08 01:05+00'), '{"success": true, "running_started_at_utc": "2025-07-08T01:10:00+00:00"}', 'an older one changes nothing');
SELECT count(*) FROM agg_get_due_tasks('prod', '2025-07-08 01:20+00', 10, 900) \g /dev/null
SELECT results_eq('SELECT status, last_attempted_at_utc FROM data_agg_state', $$VALUES ('running', '2025-07-08 01:00+00'::timestamptz)$$, 'its age counts from then on');
SELECT count(*) FROM agg_get_due_tasks('prod', '2025-07-08 01:26+00', 10, 900) \g /dev/null
SELECT is(status, 'idle', 'in the end it is stale') FROM data_agg_state;
SELECT probe.answers(agg_heartbeat('EURUSD', '5m', :'token', '2025-07-08 01:27+00'), '{"success": false, "error": "claim_lost"}', 'and cannot be prolonged any more');
SELECT agg_start('EURUSD', '5m', '2025-07-08 02:00+00') \g /dev/null
SELECT probe.answers(agg_heartbeat('EURUSD', '5m', :'token', '2025-07-08 02:01+00'), '{"success": false, "error": "claim_lost"}', 'nor another''s');

SELECT is(agg_reset_task('NOBODY', '5m') - 'message', '{"success": false, "error": "not_found"}', 'no such task');
SELECT is(agg_heartbeat('NOBODY', '5m', gen_random_uuid()) - 'message', '{"success": false, "error": "not_found"}', 'no such claim');
SELECT probe.refuses(format('SELECT %s', call), state, message, '%', call) FROM (VALUES
	('agg_reset_task(NULL, ''5m'')', '22004', '%p_symbol%'), ('agg_reset_task(''EURUSD'', NULL)', '22004', '%p_tf%'), ('agg_reset_task(''EURUSD'', ''five'')', '22023', '%five%EURUSD%'),
	('agg_enable_task(NULL, ''5m'')', '22004', '%p_symbol%'), ('agg_disable_task(''EURUSD'', NULL)', '22004', '%p_tf%'),
	('agg_set_start(''EURUSD'', ''5m'', NULL)', '22004', '%p_start_utc%'), ('agg_set_start(''EURUSD'', ''5m'', ''-infinity'')', '22008', '%p_start_utc%EURUSD%'),
	('agg_heartbeat(''EURUSD'', ''5m'', NULL)', '22004', '%p_claim_token%'), ('agg_heartbeat(''EURUSD'', ''5m'', gen_random_uuid(), NULL)', '22004', '%p_now_utc%')) AS v (call, state, message);
SELECT * FROM finish();
