-- TimescaleDB as it comes: refresh of the whole year with no option given. Recent versions then refresh ten buckets a transaction.
\set aggregate timescale.bars_5m
\ir ../timescale/new_aggregate.sql
CHECKPOINT;
\ir ../timer_start.sql
CALL refresh_continuous_aggregate('timescale.bars_5m', '2025-06-30 00:00+00'::timestamptz, '2036-01-01 00:00+00'::timestamptz);
\ir ../timer_stop.sql
