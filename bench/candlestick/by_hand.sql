-- What one writes without a candlestick: the first and the last price by time, from arrays.
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SELECT count(*) FROM (SELECT price FROM bench.tick WHERE size < 0) AS t \g /dev/null
\ir ../timer_start.sql
SELECT (array_agg(price ORDER BY time))[1], max(price), min(price), (array_agg(price ORDER BY time DESC))[1], sum(size), sum(price * size) / sum(size), count(*) FROM bench.tick \g /dev/null
\ir ../timer_stop.sql
