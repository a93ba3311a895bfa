-- TimescaleDB's refresh of the window with no option given.
\ir this_round.sql
SET client_min_messages = warning;
CALL refresh_continuous_aggregate('timescale.bars_5m_default', '2025-06-01 00:00+00'::timestamptz, '2025-06-01 00:05+00'::timestamptz);
CHECKPOINT;
SELECT pg_current_wal_insert_lsn() AS wal_before \gset
\ir ../timer_start.sql
CALL refresh_continuous_aggregate('timescale.bars_5m_default', :'window_start'::timestamptz, :'window_start'::timestamptz + interval '5 minutes');
\ir ../timer_stop.sql
INSERT INTO bench.fact SELECT 'tick', 'KB of WAL, TimescaleDB, default call', :round, round(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :'wal_before') / 1024);
