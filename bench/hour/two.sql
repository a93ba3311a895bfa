-- An hour's end in two sessions at the same time.
\ir reset.sql
\set sessions 2
\set prepare 'CALL public.agg_run(p_now_utc => \'2025-06-01 00:00+00\')'
\set work 'CALL bench.run_until_current(\'2025-07-01 01:00:31+00\')'
\ir ../at_once.sql
\ir check.sql
