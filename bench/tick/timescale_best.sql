-- TimescaleDB at its best: the window as one batch.
\ir this_round.sql
\ir ../timescale/options.sql
SET client_min_messages = warning;
SET jit = off;
CALL refresh_continuous_aggregate('timescale.bars_5m_best', '2025-06-01 00:00+00'::timestamptz, '2025-06-01 00:05+00'::timestamptz :options);
CHECKPOINT;
SELECT pg_current_wal_insert_lsn() AS wal_before \gset
\ir ../timer_start.sql
CALL refresh_continuous_aggregate('timescale.bars_5m_best', :'window_start'::timestamptz, :'window_start'::timestamptz + interval '5 minutes' :options);
\ir ../timer_stop.sql
INSERT INTO bench.fact SELECT 'tick', 'KB of WAL, TimescaleDB, one batch', :round, round(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :'wal_before') / 1024);
