-- Claims of workers that are gone: whoever runs tasks releases them, and by the same rule.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION stands(p_symbol text) RETURNS text LANGUAGE sql AS $$
	SELECT status || coalesce(', ' || regexp_replace(last_error, 'of .* UTC', 'of then'), '') FROM data_agg_state WHERE canonical_symbol = p_symbol $$;

SELECT world.task(s, '5m'), world.minutes(s, '2025-07-01 00:00+00', 15) FROM unnest(ARRAY['LEFT', 'BUSY', 'RENEWED', 'UNKNOWN']) AS s \g /dev/null
CREATE PROCEDURE claim_all() LANGUAGE sql AS $$
	UPDATE data_agg_state SET status = 'idle', last_error = NULL, next_run_at = NULL;
	SELECT agg_start('LEFT', '5m', now() - interval '901 seconds'), agg_start('BUSY', '5m', now() - interval '10 minutes');
	UPDATE data_agg_state SET status = 'running', running_started_at_utc = NULL WHERE canonical_symbol = 'UNKNOWN';
	SELECT agg_heartbeat('RENEWED', '5m', (agg_start('RENEWED', '5m', now() - interval '1 day') ->> 'claim_token')::uuid);
$$;

CALL claim_all();
SELECT count(*) FROM agg_get_due_tasks('prod', p_limit => 0) \g /dev/null
SELECT results_eq($$SELECT s, stands(s) FROM unnest(ARRAY['LEFT', 'BUSY', 'RENEWED', 'UNKNOWN']) AS s$$,
	$$VALUES ('LEFT', 'idle, claim of then was stale and has been released'), ('BUSY', 'running'), ('RENEWED', 'running'), ('UNKNOWN', 'idle, claim of unknown time was stale and has been released')$$, 'agg_get_due_tasks');

CALL claim_all();
CALL agg_run();
SELECT results_eq($$SELECT s, stands(s) FROM unnest(ARRAY['LEFT', 'BUSY', 'RENEWED', 'UNKNOWN']) AS s$$, $$VALUES ('LEFT', 'idle'), ('BUSY', 'running'), ('RENEWED', 'running'), ('UNKNOWN', 'idle')$$,
	'agg_run releases the same, and runs them');
SELECT is(count(*), 6::bigint, 'their bars are there') FROM derived_data_bars WHERE canonical_symbol IN ('LEFT', 'UNKNOWN');

CALL claim_all();
SELECT agg_run_batch() \g /dev/null
SELECT results_eq($$SELECT s, stands(s) FROM unnest(ARRAY['LEFT', 'BUSY', 'RENEWED', 'UNKNOWN']) AS s$$, $$VALUES ('LEFT', 'idle'), ('BUSY', 'running'), ('RENEWED', 'running'), ('UNKNOWN', 'idle')$$, 'agg_run_batch, too');

-- Whoever tries out another time takes nothing away from a worker of today.
CALL claim_all();
CALL agg_run(p_now_utc => '2099-01-01');
SELECT count(*) FROM agg_get_due_tasks('prod', '2099-01-01', 0) \g /dev/null
SELECT is(stands('BUSY'), 'running', 'a later time');
SELECT is(stands('LEFT'), 'idle', 'what is stale by the clock is stale');
CALL claim_all();
CALL agg_run(p_now_utc => '2025-07-02');
SELECT is(stands('LEFT'), 'running', 'an earlier time: nothing is stale yet');
SELECT * FROM finish();
