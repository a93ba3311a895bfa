-- First half of the floor: the source, every column that a bar is made of, in index order, thrown away. EXPLAIN (ANALYZE, TIMING OFF) is
-- the cheapest null sink there is: the executor runs the plan to its end, evaluates each row's columns, and hands them to a receiver that
-- does nothing; no formatting, no aggregate, two counter increments a row. The planner is told to use the index and one process.
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
CHECKPOINT;
\ir ../timer_start.sql
EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF)
SELECT ts_utc, open, high, low, close, vol, vwap, trade_count
FROM public.data_bars
WHERE canonical_symbol = 'BENCH' AND timeframe = '1m'
ORDER BY ts_utc;
\ir ../timer_stop.sql
