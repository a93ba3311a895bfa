-- The same for TimescaleDB: a hypertable into which the same feed writes, and two continuous aggregates that hold the bars of the hour before, one
-- for each way to call the refresh, so that in each round both make the window for the first time.
SET client_min_messages = warning;
\ir ../timescale/hypertable.sql
CALL bench.feed_minutes('timescale.data_bars', '2025-07-01 00:00+00', '2025-07-01 01:00+00');
VACUUM ANALYZE timescale.data_bars;
\set aggregate timescale.bars_5m_default
\ir ../timescale/new_aggregate.sql
\set aggregate timescale.bars_5m_best
\ir ../timescale/new_aggregate.sql
CALL refresh_continuous_aggregate('timescale.bars_5m_default', '2025-07-01 00:00+00'::timestamptz, '2025-07-01 01:00+00'::timestamptz);
CALL refresh_continuous_aggregate('timescale.bars_5m_best', '2025-07-01 00:00+00'::timestamptz, '2025-07-01 01:00+00'::timestamptz);
SELECT format('VACUUM ANALYZE %I.%I', materialization_hypertable_schema, materialization_hypertable_name)
FROM timescaledb_information.continuous_aggregates WHERE view_schema = 'timescale' \gexec
