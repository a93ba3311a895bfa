-- The year in :sessions sessions at the same time.
\ir reset.sql
\set prepare 'CALL public.agg_run(p_now_utc => \'2025-06-01 00:00+00\')'
SELECT format('CALL bench.run_until_current(%L)', :'now') AS work \gset
\ir ../at_once.sql
INSERT INTO bench.fact SELECT 'backfill', :'contender' || ': tasks left behind', :round, count(*) FROM public.data_agg_state
WHERE last_agg_bar_ts_utc + make_interval(mins => run_interval_minutes) <= :'now'::timestamptz - interval '30 seconds';
INSERT INTO bench.fact SELECT 'backfill', :'contender' || ': bars', :round, count(*) FROM public.derived_data_bars;
