-- The same in the FX calendar, whose days the session has not read before.
\ir start_over.sql
\ir ../timer_start.sql
SELECT public.catchup_aggregation_range('FX', '5m', '2025-07-01 00:00+00', p_max_windows => 200000, p_now_utc => '2036-01-01 00:00+00');
\ir ../timer_stop.sql
