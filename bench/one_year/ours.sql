-- The extension, the same year into an empty table, in one call.
TRUNCATE public.derived_data_bars;
SELECT public.catchup_aggregation_range('WARMUP', '5m', '2025-07-01 00:00+00', 1, '2025-07-02 00:00+00');
CHECKPOINT;
\ir ../timer_start.sql
SELECT public.catchup_aggregation_range('BENCH', '5m', '2025-07-01 00:00+00', p_max_windows => 200000, p_now_utc => '2036-01-01 00:00+00');
\ir ../timer_stop.sql
