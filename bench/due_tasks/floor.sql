-- What cannot be left out: one index probe a task for its window's minutes (to a null sink, see one_year/floor_read.sql), COPY of the
-- finished bars, one UPDATE of all task rows. One transaction.
\ir this_round.sql
VACUUM ANALYZE floor.data_agg_state, floor.derived_data_bars;
SELECT format('COPY floor.derived_data_bars (%s) FROM %L (FORMAT binary)', bench.lean_columns(),
	:'folder' || '/due_tasks_' || :round || '.copy') AS copy \gset
SET jit = off;
SET max_parallel_workers_per_gather = 0;
CHECKPOINT;
\ir ../timer_start.sql
BEGIN;
EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF)
SELECT b.*
FROM floor.data_agg_state s
CROSS JOIN LATERAL (
	SELECT ts_utc, open, high, low, close, vol, vwap, trade_count
	FROM public.data_bars d
	WHERE d.canonical_symbol = s.canonical_symbol AND d.timeframe = '1m'
		AND d.ts_utc >= s.last_agg_bar_ts_utc AND d.ts_utc < s.last_agg_bar_ts_utc + interval '5 minutes'
	ORDER BY d.ts_utc
	OFFSET 0
) b;
:copy;
UPDATE floor.data_agg_state SET
	status = 'idle', running_started_at_utc = NULL, hard_fail_streak = 0, last_error = NULL,
	last_successful_at_utc = :'now', last_attempted_at_utc = :'now',
	last_agg_bar_ts_utc = last_agg_bar_ts_utc + interval '5 minutes', next_run_at = :'now'::timestamptz + interval '299 seconds',
	total_runs = total_runs + 1, total_bars_created = total_bars_created + 1, updated_at = now();
COMMIT;
\ir ../timer_stop.sql
