-- Two runners at the same time, each in a session of its own.
\ir reset.sql
\set sessions 2
\set prepare 'CALL public.agg_run(p_now_utc => \'2025-06-01 00:00+00\')'
SELECT format('CALL public.agg_run(p_now_utc => %L)', :'now') AS work \gset
\ir ../at_once.sql
INSERT INTO bench.fact SELECT 'runner', 'two runners: tasks left behind', :round, count(*) FROM public.data_agg_state
WHERE last_agg_bar_ts_utc <> :'window_start'::timestamptz + interval '5 minutes';
