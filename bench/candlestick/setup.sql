-- :ticks trades in memory, in the order in which they came.
SET client_min_messages = warning;
DROP TABLE IF EXISTS bench.tick;
CREATE UNLOGGED TABLE bench.tick (time timestamptz, price double precision, size double precision) WITH (autovacuum_enabled = off);
INSERT INTO bench.tick
SELECT timestamptz '2025-07-01 00:00+00' + n * interval '10 milliseconds', round((100 + sin(n / 50000.0) + ((n * 7919) % 97) * 0.001)::numeric, 3), 1 + (n * 31) % 500
FROM generate_series(0::bigint, :ticks - 1) AS n;
-- Without these PostgreSQL takes every trade for a minute of its own, and sorts.
CREATE STATISTICS bench.tick_minutes ON (date_bin('1 minute', time, '2025-07-01 00:00+00')) FROM bench.tick;
VACUUM ANALYZE bench.tick;
SELECT count(*) FROM bench.tick \g /dev/null
