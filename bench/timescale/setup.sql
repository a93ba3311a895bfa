-- The same year for TimescaleDB, where it is installed and preloaded: a hypertable with its default chunks.
\ir hypertable.sql
INSERT INTO timescale.data_bars SELECT * FROM public.data_bars ORDER BY ts_utc;
VACUUM ANALYZE timescale.data_bars;
