-- The year's 5m bars in UTC.
\ir start_over.sql
\ir ../timer_start.sql
SELECT public.catchup_aggregation_range('UTC', '5m', '2025-07-01 00:00+00', p_max_windows => 200000, p_now_utc => '2036-01-01 00:00+00');
\ir ../timer_stop.sql
