-- The window that begins at :window_start is due for every task and has no bar.
DELETE FROM public.derived_data_bars WHERE ts_utc = :'window_start';
UPDATE public.data_agg_state SET last_agg_bar_ts_utc = :'window_start', next_run_at = :'window_start'::timestamptz + interval '330 seconds';
VACUUM ANALYZE public.data_agg_state, public.derived_data_bars, public.ops_runlog;
CHECKPOINT;
