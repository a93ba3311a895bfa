-- Once more, after every minute came corrected in a re-import of the whole month.
CALL bench.month_again('true');
SELECT public.agg_mark_changed('MONTH', '2025-07-01', '2025-08-01') \g /dev/null
VACUUM public.data_bars;
CHECKPOINT;
\ir ../timer_start.sql
CALL bench.derive_month();
\ir ../timer_stop.sql
