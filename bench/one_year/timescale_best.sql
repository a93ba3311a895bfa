-- TimescaleDB at its best: the whole year as one batch. Versions whose procedure takes no options do that anyway.
\ir ../timescale/new_aggregate.sql
SELECT EXISTS (SELECT 1 FROM pg_proc WHERE proname = 'refresh_continuous_aggregate' AND 'options' = ANY (proargnames)) AS batches \gset
\if :batches
	\set options ', options => \'{"buckets_per_batch": 0}\''
\else
	\set options ''
\endif
SET jit = off;
CHECKPOINT;
\ir ../timer_start.sql
CALL refresh_continuous_aggregate('timescale.bars_5m', '2025-06-30 00:00+00'::timestamptz, '2036-01-01 00:00+00'::timestamptz :options);
\ir ../timer_stop.sql
