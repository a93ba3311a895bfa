-- Failing: transient failures keep the streak, all others add to it; at the threshold a mandatory task becomes hard_failed, an optional one
-- disabled, and both wait for an explicit reset.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION state(p_symbol text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', status, hard_fail_streak, coalesce(last_error, 'NULL')) FROM data_agg_state WHERE canonical_symbol = p_symbol
$$;
CREATE FUNCTION fail(p_symbol text, kind text, threshold int DEFAULT 3, message text DEFAULT 'boom') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
BEGIN
	PERFORM agg_start(p_symbol, '5m', '2025-07-01 10:00+00');
	answer := agg_finish(p_symbol, '5m', false, NULL, NULL, kind, message, '2025-07-01 10:00:07+00', threshold);
	RETURN CASE WHEN (answer ->> 'success')::boolean THEN '' ELSE answer::text || ' ' END || state(p_symbol);
END
$$;

SELECT world.task(s, '5m', mandatory => s <> 'OPT') FROM unnest(ARRAY['MAND', 'OPT', 'SOFT', 'ONE', 'TEXT']) AS s;
SELECT is(fail('MAND', 'hard'), 'idle 1 boom', 'the first failure');
SELECT is(fail('MAND', 'transient'), 'idle 1 boom', 'a transient one keeps the streak');
SELECT is(fail('MAND', 'hard'), 'idle 2 boom', 'the second');
SELECT is(fail('MAND', NULL), 'hard_failed 3 boom', 'the third, of no kind: a mandatory task is hard_failed');
SELECT is(agg_start('MAND', '5m', '2025-07-01 10:00+00') - 'message', '{"success": false, "error": "not_idle_or_missing"}', 'it cannot be started');
SELECT is_empty($$SELECT * FROM agg_get_due_tasks('prod', '2099-01-01', 100, 1) WHERE canonical_symbol = 'MAND'$$, 'and is not due');
SELECT is(state('MAND'), 'hard_failed 3 boom', 'however long it waits');
UPDATE data_agg_state SET status = 'idle', hard_fail_streak = 0 WHERE canonical_symbol = 'MAND';
SELECT is(fail('MAND', 'hard'), 'idle 1 boom', 'after a reset it runs again');
SELECT agg_finish('MAND', '5m', true, '2025-07-01 00:05+00', NULL, NULL, NULL, '2025-07-01 10:01+00') \g /dev/null
SELECT is(state('MAND'), 'idle 0 NULL', 'a success resets the streak and the error');

SELECT is(fail('OPT', k), expected, 'optional: ' || n) FROM (VALUES (1, 'hard', 'idle 1 boom'), (2, 'nonsense', 'idle 2 boom'), (3, 'hard', 'disabled 3 boom')) AS v (n, k, expected);
SELECT is((SELECT enabled FROM data_agg_state WHERE canonical_symbol = 'OPT'), true, 'disabled is a status; the switch is the operator''s');
SELECT is(fail('SOFT', 'transient'), 'idle 0 boom', 'transient for ever: ' || n) FROM generate_series(1, 5) AS n;
SELECT is(fail('ONE', 'hard', 1), 'hard_failed 1 boom', 'a threshold of one');

-- A failure moves no cursor and adds no bars, but it is a run.
SELECT agg_finish('SOFT', '5m', false, '2025-07-01 10:00+00', '{"bars_created": 5}', 'transient', 'late', '2025-07-01 10:01+00') \g /dev/null
SELECT is(jsonb_build_object('cursor', last_agg_bar_ts_utc, 'bars', total_bars_created, 'runs', total_runs, 'succeeded', last_successful_at_utc), '{"cursor": null, "bars": 0, "runs": 6, "succeeded": null}', 'a failure is a run without a result')
FROM data_agg_state WHERE canonical_symbol = 'SOFT';

-- The message: all of it up to 1,900 characters, whatever it is made of.
SELECT is(fail('TEXT', 'transient', 3, m), 'idle 0 ' || kept, what) FROM (VALUES
	('a message of 1,900 characters', repeat('x', 1900), repeat('x', 1900)),
	('a longer one is cut', repeat('y', 100000), repeat('y', 1900)),
	('characters are counted, not bytes', repeat('é', 3000), repeat('é', 1900)),
	('even outside the basic plane', repeat('😀', 1901), repeat('😀', 1900)),
	('quotes, backslashes and lines', E'it''s \\ "so"\n%s {x}', E'it''s \\ "so"\n%s {x}')) AS v (what, m, kept);
SELECT fail('TEXT', 'transient', 3, NULL) \g /dev/null
SELECT is((SELECT last_error FROM data_agg_state WHERE canonical_symbol = 'TEXT') IS DISTINCT FROM E'it''s \\ "so"\n%s {x}', true, 'a failure without a message does not keep the old one');

SELECT * FROM finish();
