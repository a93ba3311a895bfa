-- The schema timescale with an empty hypertable for minutes, its chunks and its index by time as TimescaleDB makes them, and the key of ours.
-- A BRIN index by time is not copied: the planner would take it, and TimescaleDB is slower with it than with its own.
CREATE EXTENSION IF NOT EXISTS timescaledb;
DROP SCHEMA IF EXISTS timescale CASCADE;
CREATE SCHEMA timescale;
CREATE TABLE timescale.data_bars (LIKE public.data_bars INCLUDING ALL EXCLUDING INDEXES);
ALTER TABLE timescale.data_bars ADD PRIMARY KEY (canonical_symbol, timeframe, ts_utc);
SELECT create_hypertable('timescale.data_bars', 'ts_utc');
