-- A call that finds nothing due keeps when that changes, so that the next ones do not look at all tasks; and whatever makes a task due is
-- noticed at once.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();

SELECT world.task(s, tf) FROM unnest('{A,B}'::text[]) AS s, unnest('{5m,15m,1h}'::text[]) AS tf;
SELECT world.minutes(s, '2025-07-01 00:00+00', 120) FROM unnest('{A,B}'::text[]) AS s;
INSERT INTO core_asset_registry_all (canonical_symbol) SELECT 'Z' || n FROM generate_series(1, 3000) AS n;
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, agg_start_utc, next_run_at)
SELECT 'Z' || n, '5m', '1m', '2150-01-01 00:00+00', '2150-01-01 00:05+00' FROM generate_series(1, 3000) AS n;
VACUUM ANALYZE data_agg_state, core_asset_registry_all;
CALL agg_run(p_now_utc => '2025-07-01 02:01+00');

-- How often all tasks were looked at until now. Statistics come out between statements.
CREATE FUNCTION looks() RETURNS bigint LANGUAGE sql AS $$
	SELECT t.seq_tup_read / 3000 + i.idx_scan FROM pg_stat_user_tables AS t JOIN pg_stat_user_indexes AS i USING (relid)
	WHERE t.relname = 'data_agg_state' AND i.indexrelname = 'idx_agg_state_due_priority'
$$;
CREATE FUNCTION known() RETURNS text LANGUAGE sql AS $$ SELECT CASE WHEN count(*) = 0 THEN 'nothing' ELSE min(due_at)::text END FROM agg_next_due $$;
CREATE FUNCTION runs(symbol text, tf text) RETURNS bigint LANGUAGE sql AS $$ SELECT total_runs FROM data_agg_state WHERE canonical_symbol = symbol AND timeframe = tf $$;

TRUNCATE agg_next_due;
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT looks() AS before \gset
CALL agg_run(p_now_utc => '2025-07-01 02:02+00');
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT looks() - :before AS first_n \gset
SELECT cmp_ok(:first_n, '>', 0, 'who does not know looks at all tasks');
SELECT is(known(), (SELECT min(next_run_at)::text FROM data_agg_state), 'and keeps when the first of them is due');
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT looks() AS before \gset
CALL agg_run(p_now_utc => '2025-07-01 02:03+00');
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT looks() - :before AS second_n \gset
SELECT is(:second_n::bigint, 0::bigint, 'the next call looks at none');
SELECT is((SELECT count(*) FROM agg_get_due_tasks('prod', '2025-07-01 02:03+00')), 0::bigint, 'nor does a worker''s question, which gets the same answer');

-- Late bars are made without looking at all tasks, up the chain and again and again.
UPDATE data_bars SET high = 500 WHERE canonical_symbol = 'A' AND ts_utc = '2025-07-01 00:31+00';
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT looks() AS before \gset
CALL agg_run(p_now_utc => '2025-07-01 02:03+00');
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT looks() - :before AS late_n \gset
SELECT is(:late_n::bigint, 0::bigint, 'late work does not look at all tasks');
SELECT is((SELECT count(*) FROM derived_data_bars WHERE high = 500 AND deleted_at IS NULL), 3::bigint, 'and reaches every timeframe');
UPDATE data_bars SET high = 600 WHERE canonical_symbol = 'A' AND ts_utc = '2025-07-01 00:31+00';
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT looks() AS before \gset
CALL agg_run(p_now_utc => '2025-07-01 02:03+00');
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT looks() - :before AS again_n \gset
SELECT is(:again_n::bigint, 0::bigint, 'nor the next time');

-- Time passes.
SELECT runs('A', '5m') AS before \gset
SELECT world.minutes('A', '2025-07-01 02:00+00', 5);
CALL agg_run(p_now_utc => '2025-07-01 02:05:31+00');
SELECT is(runs('A', '5m'), (:before + 1)::bigint, 'a task runs when its time has come');

-- What makes a task due is noticed at once, whoever does it.
CALL agg_run(p_now_utc => '2025-07-01 02:05:40+00');
SELECT isnt(known(), '-infinity', 'known again');
SELECT runs('B', '1h') AS before \gset
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'B' AND timeframe = '1h';
SELECT is(known(), '-infinity', 'an UPDATE by hand');
CALL agg_run(p_now_utc => '2025-07-01 02:05:41+00');
SELECT is(runs('B', '1h'), (:before + 1)::bigint, 'makes it run');
CALL agg_run(p_now_utc => '2025-07-01 02:05:42+00');
SELECT isnt(known(), '-infinity', 'known again');
SELECT agg_disable_task('B', '5m') \g /dev/null
UPDATE data_agg_state SET next_run_at = '2025-07-01 02:00+00' WHERE canonical_symbol = 'B' AND timeframe = '5m';
CALL agg_run(p_now_utc => '2025-07-01 02:05:43+00');
CALL agg_run(p_now_utc => '2025-07-01 02:05:43+00');
SELECT cmp_ok(known(), '>', '2025-07-01 02:05:43', 'a task that is switched off is not waited for');
SELECT runs('B', '5m') AS before \gset
SELECT agg_enable_task('B', '5m') \g /dev/null
CALL agg_run(p_now_utc => '2025-07-01 02:05:44+00');
SELECT is(runs('B', '5m'), (:before + 1)::bigint, 'a task that is switched on');
CALL agg_run(p_now_utc => '2025-07-01 02:05:44+00');
SELECT world.task('C', '5m');
SELECT world.minutes('C', '2025-07-01 02:00+00', 5);
CALL agg_run(p_now_utc => '2025-07-01 02:05:45+00');
SELECT is(runs('C', '5m'), 1::bigint, 'a new task');
CALL agg_run(p_now_utc => '2025-07-01 02:05:46+00');
SELECT isnt(known(), '-infinity', 'known again');
BEGIN;
SAVEPOINT a;
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'A';
ROLLBACK TO a;
SELECT isnt(known(), '-infinity', 'what is rolled back is nobody''s');
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'A' AND timeframe = '15m';
SELECT is(known(), '-infinity', 'but what comes after it is noticed');
COMMIT;
SELECT runs('A', '15m') AS before \gset
CALL agg_run(p_now_utc => '2025-07-01 02:05:47+00');
SELECT is(runs('A', '15m'), (:before + 1)::bigint, 'and runs');

-- A worker's own claims: what it returns is due when agg_finish() says.
CALL agg_run(p_now_utc => '2025-07-01 02:05:48+00');
SELECT agg_start('A', '5m', '2025-07-01 02:05:48+00') \g /dev/null
SELECT agg_finish('A', '5m', false, NULL, NULL, 'transient', 'x', '2025-07-01 02:04:50+00') \g /dev/null
SELECT runs('A', '5m') AS before \gset
CALL agg_run(p_now_utc => '2025-07-01 02:05:51+00');
SELECT is(runs('A', '5m'), (:before + 1)::bigint, 'a task that a worker has returned');

-- What somebody has found is believed for a minute: a change that no trigger has seen is found after that.
UPDATE data_agg_state SET next_run_at = '2200-01-01 00:00+00';
CALL agg_run();
SELECT is(known(), '2200-01-01 00:00:00+00', 'years may pass until something is due');
ALTER TABLE data_agg_state DISABLE TRIGGER aggregation_due;
SELECT runs('A', '5m') AS before \gset
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'A' AND timeframe = '5m';
CALL agg_run();
SELECT is(runs('A', '5m'), :before::bigint, 'nobody has seen this');
UPDATE agg_next_due SET looked_at = looked_at - interval '61 seconds';
CALL agg_run();
SELECT is(runs('A', '5m'), (:before + 1)::bigint, 'but a minute later everybody looks');
UPDATE agg_next_due SET due_at = '2200-01-01 00:00+00', looked_at = clock_timestamp() + interval '1 hour';
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'A' AND timeframe = '5m';
CALL agg_run();
SELECT is(runs('A', '5m'), (:before + 2)::bigint, 'as where somebody has looked in the future');
ALTER TABLE data_agg_state ENABLE TRIGGER aggregation_due;

-- The table is the extension's; who empties it loses nothing.
TRUNCATE agg_next_due;
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'B' AND timeframe = '15m';
SELECT runs('B', '15m') AS before \gset
CALL agg_run(p_now_utc => '2025-07-01 02:06+00');
SELECT is(runs('B', '15m'), (:before + 1)::bigint, 'an empty table means that nobody knows');
CALL agg_run(p_now_utc => '2025-07-01 02:06+00');
SELECT is((SELECT count(*) FROM agg_next_due), 1::bigint, 'one row is enough');
SELECT throws_ok('SELECT agg_note_due()', '39P01', NULL, 'the trigger''s function is nothing to call');
SELECT is((SELECT count(*) FROM agg_verify()), 0::bigint, 'every bar is true');
SELECT * FROM finish();
