-- Once more, after one minute in a hundred and twenty came corrected in a re-import of the whole month.
CALL bench.month_again('extract(minute FROM ts_utc) = 7 AND extract(hour FROM ts_utc)::int % 2 = 0');
SELECT public.agg_mark_changed('MONTH', '2025-07-01', '2025-08-01') \g /dev/null
VACUUM public.data_bars;
CHECKPOINT;
\ir ../timer_start.sql
CALL bench.derive_month();
\ir ../timer_stop.sql
