-- Several sessions at the same time: each runs :prepare, says that it is ready by waiting for a lock, which is let go when the clock starts, runs
-- the statements :work, and notes when they came back. The latest of them counts.
CREATE TABLE bench.returned (at timestamptz);
SELECT format('SET client_min_messages = warning; %s; SELECT pg_advisory_lock_shared(77); %s; INSERT INTO bench.returned VALUES (clock_timestamp());',
	:'prepare', :'work') AS script \gset
\setenv BENCH_SCRIPT :script
\setenv BENCH_SESSIONS :sessions
SELECT pg_advisory_lock(77) \g /dev/null
\! for i in $(seq "$BENCH_SESSIONS"); do printf '%s\n' "$BENCH_SCRIPT" | PGAPPNAME=bench_at_once psql -XqAt -v ON_ERROR_STOP=1 -o /dev/null & done
CALL bench.await_ready(:sessions);
CHECKPOINT;
\ir timer_start.sql
SELECT pg_advisory_unlock(77) \g /dev/null
CALL bench.await_returned(:sessions);
INSERT INTO bench.sample SELECT :'measure', :'contender', :round, extract(epoch FROM max(at) - :'started') FROM bench.returned;
DROP TABLE bench.returned;
