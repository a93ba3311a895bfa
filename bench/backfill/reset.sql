-- No bars, and every task at its start.
SET client_min_messages = warning;
SET aggregation.tracking = off;
TRUNCATE public.derived_data_bars, public.agg_dirty_ranges, public.agg_recent_tasks;
UPDATE public.data_agg_state SET last_agg_bar_ts_utc = agg_start_utc, next_run_at = agg_start_utc;
RESET aggregation.tracking;
VACUUM ANALYZE public.data_agg_state, public.derived_data_bars, public.ops_runlog;
SELECT timestamptz '2025-07-01 00:01+00' + :minutes * interval '1 minute' AS now \gset
