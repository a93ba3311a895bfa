-- One call of agg_run: claims, reads, bars, task rows, commits.
\ir reset.sql
SET client_min_messages = warning;
CALL public.agg_run(p_now_utc => '2025-06-01 00:00+00');
\ir ../timer_start.sql
CALL public.agg_run(p_now_utc => :'now');
\ir ../timer_stop.sql
INSERT INTO bench.fact SELECT 'runner', 'one runner: tasks left behind', :round, count(*) FROM public.data_agg_state
WHERE last_agg_bar_ts_utc <> :'window_start'::timestamptz + interval '5 minutes';
\ir nothing_due.sql
