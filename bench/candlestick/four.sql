-- The cheapest that looks at every trade's price and size: four aggregates of PostgreSQL's own.
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SELECT count(*) FROM (SELECT price FROM bench.tick WHERE size < 0) AS t \g /dev/null
\ir ../timer_start.sql
SELECT count(*), min(price), max(price), sum(size) FROM bench.tick \g /dev/null
\ir ../timer_stop.sql
