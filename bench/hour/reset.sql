-- The windows that end with the hour are due and have no bar.
SET client_min_messages = warning;
SET aggregation.tracking = off;
DELETE FROM public.derived_data_bars d USING public.data_agg_state s
WHERE d.canonical_symbol = s.canonical_symbol AND d.timeframe = s.timeframe AND d.ts_utc + make_interval(mins => s.run_interval_minutes) = '2025-07-01 01:00+00';
UPDATE public.data_agg_state SET last_agg_bar_ts_utc = timestamptz '2025-07-01 01:00+00' - make_interval(mins => run_interval_minutes),
	next_run_at = '2025-07-01 01:00:30+00';
RESET aggregation.tracking;
VACUUM ANALYZE public.data_agg_state, public.derived_data_bars, public.ops_runlog;
