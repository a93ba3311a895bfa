-- The old PL/pgSQL functions: a query and an upsert for each of the 105,120 windows, in one call.
TRUNCATE seed.derived_data_bars;
SELECT seed.catchup_aggregation_range('WARMUP', '5m', '2025-07-01 00:00+00', 1, '2025-07-02 00:00+00');
CHECKPOINT;
\ir ../timer_start.sql
SELECT seed.catchup_aggregation_range('BENCH', '5m', '2025-07-01 00:00+00', 200000, '2036-01-01 00:00+00');
\ir ../timer_stop.sql
