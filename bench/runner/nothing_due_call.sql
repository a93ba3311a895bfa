SELECT clock_timestamp() AS began \gset
CALL public.agg_run(p_now_utc => '2025-06-01 00:00+00');
INSERT INTO call_time SELECT 1000 * extract(epoch FROM clock_timestamp() - :'began');
