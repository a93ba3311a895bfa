-- Runs in sessions whose default is REPEATABLE READ: CALL agg_run() works in READ COMMITTED transactions, and batches with one snapshot, which
-- look again at all that they have made, come to an end, however little a call may do.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION made(p_symbol text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(timeframe || ' ' || n, ', ' ORDER BY n DESC) FROM (SELECT timeframe, count(*) AS n FROM derived_data_bars WHERE canonical_symbol = p_symbol AND deleted_at IS NULL GROUP BY 1) AS b
$$;
CREATE FUNCTION runs(p_symbol text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(timeframe || ' ' || total_runs, ', ' ORDER BY timeframe DESC) FROM data_agg_state WHERE canonical_symbol = p_symbol
$$;
SELECT world.task('CALL', '5m'), world.task('CALL', '15m'), world.minutes('CALL', '2025-07-01 00:00+00', 300);

-- ---- transactions of its own ----
SET default_transaction_isolation = 'repeatable read';
SELECT 'CALL agg_run(p_max_tasks => 1, p_max_windows => 20, p_time_budget => ''0'', p_now_utc => ''2025-07-01 05:01+00'')' FROM generate_series(1, 6) \gexec
RESET default_transaction_isolation;
SELECT is(made('CALL'), '5m 60, 15m 20', 'each task comes forward');
SELECT is(runs('CALL'), '5m 3, 15m 1', 'and no window is made twice');
SET default_transaction_isolation = 'serializable';
CALL agg_run(p_now_utc => '2025-07-01 05:01+00');
SHOW transaction_isolation \gset
SELECT is(:'transaction_isolation'::text, 'serializable', 'the session''s own transactions are what they were');
RESET default_transaction_isolation;

-- ---- the caller's ----
SELECT world.task('BATCH', '5m'), world.task('BATCH', '15m'), world.minutes('BATCH', '2025-07-01 00:00+00', 300);
SET default_transaction_isolation = 'repeatable read';
CREATE TABLE said (continues boolean);
SELECT 'INSERT INTO said SELECT (agg_run_batch(p_max_tasks => 1, p_max_windows => 20, p_now_utc => ''2025-07-01 05:01+00'') ->> ''continue'')::boolean' FROM generate_series(1, 12) \gexec
SELECT is(made('BATCH'), '5m 60, 15m 20', 'with one snapshot, too');
SELECT is((SELECT count(*) FROM said WHERE continues) < 11, true, 'and there is an end');
SELECT is_empty($$SELECT * FROM agg_dirty_ranges WHERE due = 'now'$$, 'no reason to run is left');
SELECT isnt_empty($$SELECT * FROM agg_dirty_ranges WHERE due = 'next_run'$$, 'but all is to be looked at when it runs');

-- More scattered changes than a call may look at, and as many marks beside them.
SELECT format($$UPDATE data_bars SET high = high + 1 WHERE canonical_symbol = 'BATCH' AND ts_utc = timestamptz '2025-07-01 00:00+00' + make_interval(mins => %s)$$, m) FROM generate_series(2, 290, 10) AS m \gexec
TRUNCATE said;
SELECT 'INSERT INTO said SELECT (agg_run_batch(p_max_windows => 5, p_now_utc => ''2025-07-01 05:01+00'') ->> ''continue'')::boolean' FROM generate_series(1, 20) \gexec
SELECT is((SELECT count(*) FROM said WHERE continues) < 19, true, 'late minutes come to an end as well');
SELECT is_empty($$SELECT * FROM agg_dirty_ranges WHERE due = 'now'$$, 'and leave no reason to run');
RESET default_transaction_isolation;
SELECT is_empty($$SELECT * FROM agg_verify() WHERE explanation IS DISTINCT FROM 'pending'$$, 'all bars are right');
SELECT is((SELECT count(*) FROM derived_data_bars b JOIN LATERAL (SELECT max(high) AS high FROM data_bars d WHERE d.canonical_symbol = 'BATCH' AND d.ts_utc >= b.ts_utc AND d.ts_utc < b.ts_utc + interval '5 minutes') m ON true
	WHERE b.canonical_symbol = 'BATCH' AND b.timeframe = '5m' AND b.high <> m.high), 0::bigint, 'those of 5m by their minutes');
UPDATE data_agg_state SET next_run_at = NULL;
CALL agg_run(p_now_utc => '2025-07-01 05:01+00');
SELECT is_empty('SELECT * FROM agg_dirty_ranges', 'a run that sees everything has nothing left to look at');
SELECT is_empty('SELECT * FROM agg_verify()', 'and the proof finds nothing');
SELECT * FROM finish();
