-- No bars, every task at its start, and nothing noted of that; and the library is loaded.
SET aggregation.tracking = off;
TRUNCATE public.derived_data_bars, public.agg_dirty_ranges, public.agg_recent_tasks;
UPDATE public.data_agg_state SET last_agg_bar_ts_utc = agg_start_utc;
RESET aggregation.tracking;
VACUUM public.data_agg_state;
SELECT public.catchup_aggregation_range('WARMUP', '5m', '2025-07-01 00:00+00', 1, '2025-07-02 00:00+00');
CHECKPOINT;
