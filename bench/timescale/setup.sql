-- The same year for TimescaleDB, where it is installed and preloaded: a hypertable with its default chunks.
CREATE EXTENSION IF NOT EXISTS timescaledb;
DROP SCHEMA IF EXISTS timescale CASCADE;
CREATE SCHEMA timescale;
CREATE TABLE timescale.data_bars (LIKE public.data_bars INCLUDING ALL);
SELECT create_hypertable('timescale.data_bars', 'ts_utc');
INSERT INTO timescale.data_bars SELECT * FROM public.data_bars ORDER BY ts_utc;
VACUUM ANALYZE timescale.data_bars;
