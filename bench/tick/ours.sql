-- One call of agg_run: finds out what is due, claims, reads, writes bars and state, commits.
\ir reset.sql
SET client_min_messages = warning;
CALL public.agg_run(p_now_utc => '2025-06-01 00:00+00');
SELECT pg_current_wal_insert_lsn() AS wal_before \gset
\ir ../timer_start.sql
CALL public.agg_run(p_now_utc => :'now');
\ir ../timer_stop.sql
INSERT INTO bench.fact SELECT 'tick', 'KB of WAL, ours', :round, round(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :'wal_before') / 1024);
INSERT INTO bench.fact SELECT 'tick', 'one runner: tasks left behind', :round, count(*) FROM public.data_agg_state
WHERE last_agg_bar_ts_utc <> :'window_start'::timestamptz + interval '5 minutes';
