-- Which tasks are due, for whom, and in what order; and what happens to tasks that were left running.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION due(env text DEFAULT 'prod', max_rows int DEFAULT 100, stale int DEFAULT 900) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(canonical_symbol || '/' || timeframe, ' ' ORDER BY n), '-')
	FROM agg_get_due_tasks(env, '2025-07-01 12:00+00', max_rows, stale) WITH ORDINALITY AS t (canonical_symbol, timeframe, c, d, e, f, g, h, i, j, n)
$$;

-- Mandatory, then the shorter window, then priority, then the longest without success, then the symbol.
SELECT world.task('B', tf) FROM unnest(ARRAY['1h', '5m', '1d', '1w', '30m', '15m', '4h']) AS tf;
SELECT is(due(), 'B/5m B/15m B/30m B/1h B/4h B/1d B/1w', 'by width, not by the text');
SELECT world.task('OPT', '5m', mandatory => false);
SELECT is(due(), 'B/5m B/15m B/30m B/1h B/4h B/1d B/1w OPT/5m', 'mandatory first, whatever the width');
SELECT world.task('A', '5m'), world.task('C', '5m'), world.task('D', '5m'), world.task('E', '5m');
UPDATE data_agg_state SET task_priority = 50 WHERE canonical_symbol = 'E';
UPDATE data_agg_state SET last_successful_at_utc = '2025-07-01 11:00+00' WHERE canonical_symbol = 'A';
UPDATE data_agg_state SET last_successful_at_utc = '2025-07-01 10:00+00' WHERE canonical_symbol = 'C';
SELECT is(due('prod', 5), 'E/5m B/5m D/5m C/5m A/5m', 'priority, never run, the longest without success; the limit counts in this order');
SELECT is(due('prod', 0), '-', 'a limit of zero');
SELECT is(due('prod', 2147483647), due('prod', 12), 'a huge limit');
SELECT results_eq($$SELECT * FROM agg_get_due_tasks('prod', '2025-07-01 12:00+00', 1)$$,
	$$VALUES ('E'::text, '5m'::text, '1m'::text, 5, 30, NULL::timestamptz, 'idle'::text, 0, 50, true)$$, 'a row in full');

-- Not yet due, switched off, of an inactive asset, of no asset.
UPDATE data_agg_state SET next_run_at = '2025-07-01 12:00:00.000001+00' WHERE canonical_symbol = 'A';
UPDATE data_agg_state SET next_run_at = '2025-07-01 12:00:00+00' WHERE canonical_symbol = 'C';
UPDATE data_agg_state SET enabled = false WHERE canonical_symbol = 'D';
SELECT is(due('prod', 3), 'E/5m B/5m C/5m', 'a microsecond early is not due, on the dot is; switched off is not');
UPDATE core_asset_registry_all SET active = false WHERE canonical_symbol = 'E';
UPDATE core_asset_registry_all SET active = false, test_active = true WHERE canonical_symbol = 'C';
ALTER TABLE core_asset_registry_all ALTER COLUMN active DROP NOT NULL; -- an older table allows it
UPDATE core_asset_registry_all SET active = NULL WHERE canonical_symbol = 'OPT';
INSERT INTO data_agg_state (canonical_symbol, timeframe, is_mandatory) VALUES ('ORPHAN', '5m', true);
SELECT is(due('prod', 100), 'B/5m B/15m B/30m B/1h B/4h B/1d B/1w', 'an inactive asset''s are not');
SELECT is(due(env), 'C/5m', env || ' looks at test_active') FROM unnest(ARRAY['DEV', 'TEST', 'dev', 'Test']) AS env;
SELECT is(due(env), due('prod'), env || ' looks at active') FROM unnest(ARRAY['PROD', 'staging', 'developer', '', 'DEV ']) AS env;
UPDATE data_agg_state AS t SET status = v.s, running_started_at_utc = '2025-07-01 11:59+00' FROM (VALUES ('5m', 'disabled'), ('15m', 'hard_failed'), ('30m', 'running')) AS v (tf, s)
WHERE t.canonical_symbol = 'B' AND t.timeframe = v.tf;
SELECT is(due(), 'B/1h B/4h B/1d B/1w', 'only idle tasks are due');

-- Left running: back to idle after the time that is allowed, with a note; in the same call due.
UPDATE data_agg_state SET enabled = false WHERE timeframe NOT IN ('30m', '1h');
UPDATE data_agg_state SET running_started_at_utc = '2025-07-01 11:45+00', last_error = NULL, hard_fail_streak = 2, claim_token = '11111111-1111-1111-1111-111111111111' WHERE canonical_symbol = 'B' AND timeframe = '30m';
SELECT is(due(), 'B/1h', '900 seconds and not one more: it runs');
SELECT is(due(stale => 899), 'B/30m B/1h', 'longer than allowed: it is due');
SELECT is(jsonb_build_object('status', status, 'streak', hard_fail_streak, 'noted', coalesce(last_error, '') <> ''), '{"status": "idle", "streak": 2, "noted": true}', 'idle, with a note') FROM data_agg_state WHERE timeframe = '30m';
SELECT matches(last_error, '(?i)stale|running', 'that says why') FROM data_agg_state WHERE timeframe = '30m';
UPDATE data_agg_state SET status = 'running', running_started_at_utc = '2025-07-01 01:00+00', last_error = repeat('x', 1900) WHERE timeframe = '30m';
SELECT due() \g /dev/null
SELECT cmp_ok(length(last_error), '<=', 1900, 'the note is no longer than any other error') FROM data_agg_state WHERE timeframe = '30m';
UPDATE data_agg_state SET status = 'running', running_started_at_utc = NULL WHERE timeframe = '30m';
SELECT is(due(), 'B/30m B/1h', 'running since nobody knows when: recovered as well');
UPDATE data_agg_state SET status = 'running', running_started_at_utc = '2025-07-01 13:00+00' WHERE timeframe = '30m';
SELECT is(due(), 'B/1h', 'running since the future: left alone');
SELECT is(due(stale => 2147483647), 'B/1h', 'a huge allowance');

-- Looking writes nothing.
CREATE TABLE looked AS SELECT probe.fingerprint() AS digest, due() AS answer;
SELECT is(probe.fingerprint(), digest, 'a look at due tasks writes no row') FROM looked;

-- The index serves it.
INSERT INTO core_asset_registry_all (canonical_symbol) SELECT 'S' || i FROM generate_series(1, 3000) AS i;
INSERT INTO data_agg_state (canonical_symbol, timeframe, is_mandatory, next_run_at) SELECT 'S' || i, tf, true, '2025-07-01 00:00+00' FROM generate_series(1, 3000) AS i, unnest(ARRAY['5m', '1h']) AS tf;
ANALYZE;
SELECT is((SELECT count(DISTINCT canonical_symbol) FROM agg_get_due_tasks('prod', '2025-07-01 12:00+00', 2000)), 2000::bigint, 'many tasks: all of the shorter window first');

SELECT * FROM finish();
