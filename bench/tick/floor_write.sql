-- The transaction of both floors: :read to a null sink, COPY of the finished bars, and one UPDATE of all states, which no index but the key sees.
DELETE FROM floor.derived_data_bars WHERE ts_utc = :'window_start';
UPDATE floor.tick_state SET last_agg_bar_ts_utc = :'window_start';
VACUUM ANALYZE floor.tick_state, floor.derived_data_bars;
SELECT format('COPY floor.derived_data_bars (%s) FROM %L (FORMAT binary)', bench.lean_columns(),
	:'folder' || '/tick_' || :round || '.copy') AS copy \gset
SET jit = off;
SET max_parallel_workers_per_gather = 0;
CHECKPOINT;
SELECT pg_current_wal_insert_lsn() AS wal_before \gset
\ir ../timer_start.sql
BEGIN;
EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) :read;
:copy;
UPDATE floor.tick_state SET
	last_agg_bar_ts_utc = last_agg_bar_ts_utc + interval '5 minutes', next_run_at = :'now'::timestamptz + interval '299 seconds',
	last_successful_at_utc = :'now', last_attempted_at_utc = :'now',
	total_runs = total_runs + 1, total_bars_created = total_bars_created + 1, updated_at = now();
COMMIT;
\ir ../timer_stop.sql
INSERT INTO bench.fact SELECT 'tick', 'KB of WAL, ' || :'contender', :round, round(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :'wal_before') / 1024);
