-- The arrays of each minute.
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SELECT count(*) FROM (SELECT price FROM bench.tick WHERE size < 0) AS t \g /dev/null
\ir ../timer_start.sql
SELECT date_bin('1 minute', time, '2025-07-01 00:00+00'), (array_agg(price ORDER BY time))[1], max(price), min(price), (array_agg(price ORDER BY time DESC))[1], sum(size), sum(price * size) / sum(size), count(*) FROM bench.tick GROUP BY 1 \g /dev/null
\ir ../timer_stop.sql
