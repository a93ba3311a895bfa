-- An hour's end in one session.
\ir reset.sql
CALL public.agg_run(p_now_utc => '2025-06-01 00:00+00');
CHECKPOINT;
\ir ../timer_start.sql
CALL bench.run_until_current('2025-07-01 01:00:31+00');
\ir ../timer_stop.sql
\ir check.sql
