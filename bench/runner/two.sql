-- Two runners at the same time, each in a session of its own that waits for a lock to be let go when the clock starts, and says when its call
-- came back; the later of the two counts.
\ir reset.sql
CREATE TABLE bench.returned (at timestamptz);
SELECT format('SET client_min_messages = warning;
CALL public.agg_run(p_now_utc => ''2025-06-01 00:00+00'');
SELECT pg_advisory_lock_shared(77);
CALL public.agg_run(p_now_utc => %L);
INSERT INTO bench.returned VALUES (clock_timestamp());', :'now') AS script \gset
\setenv BENCH_SCRIPT :script
SELECT pg_advisory_lock(77) \g /dev/null
\! for i in 1 2; do printf '%s\n' "$BENCH_SCRIPT" | psql -XqAt -o /dev/null & done; sleep 1
\ir ../timer_start.sql
SELECT pg_advisory_unlock(77) \g /dev/null
DO $$
BEGIN
	WHILE (SELECT count(*) FROM bench.returned) < 2 LOOP
		PERFORM pg_sleep(0.05);
	END LOOP;
END
$$;
INSERT INTO bench.sample SELECT :'measure', :'contender', :round, extract(epoch FROM max(at) - :'started') FROM bench.returned;
DROP TABLE bench.returned;
INSERT INTO bench.fact SELECT 'runner', 'two runners: tasks left behind', :round, count(*) FROM public.data_agg_state
WHERE last_agg_bar_ts_utc <> :'window_start'::timestamptz + interval '5 minutes';
