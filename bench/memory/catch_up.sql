-- One catch-up of :windows windows in a backend of its own. It first says who it is, then waits a moment for the watcher.
TRUNCATE public.derived_data_bars;
CHECKPOINT;
SELECT pg_backend_pid();
SELECT pg_sleep(0.5) \g /dev/null
SELECT public.catchup_aggregation_range('BENCH', '5m', '2016-07-01 00:00+00', :windows, '2036-01-01 00:00+00') ->> 'bars_created';
SELECT pg_sleep(0.5) \g /dev/null
