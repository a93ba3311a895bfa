-- A call with nothing due among all these tasks: the median of seven, in milliseconds.
CREATE TEMP TABLE call_time (ms numeric);
\ir nothing_due_call.sql
\ir nothing_due_call.sql
\ir nothing_due_call.sql
\ir nothing_due_call.sql
\ir nothing_due_call.sql
\ir nothing_due_call.sql
\ir nothing_due_call.sql
INSERT INTO bench.fact
SELECT 'runner', 'milliseconds of a call with nothing due', :round, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 2) FROM call_time;
