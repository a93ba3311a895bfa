-- TimescaleDB at its best: the whole year as one batch.
\set aggregate timescale.bars_5m
\ir ../timescale/new_aggregate.sql
\ir ../timescale/options.sql
SET jit = off;
CHECKPOINT;
\ir ../timer_start.sql
CALL refresh_continuous_aggregate('timescale.bars_5m', '2025-06-30 00:00+00'::timestamptz, '2036-01-01 00:00+00'::timestamptz :options);
\ir ../timer_stop.sql
