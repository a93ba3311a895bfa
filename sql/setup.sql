-- agg_setup() makes what is missing and touches nothing else.
SET client_min_messages = warning;
SET timezone = 'UTC';
DROP EXTENSION IF EXISTS aggregation;
DROP TABLE IF EXISTS core_asset_registry_all, data_bars, derived_data_bars, data_agg_state, ops_runlog CASCADE;
CREATE EXTENSION aggregation SCHEMA public;
RESET client_min_messages;

-- what it would do on an empty database, and that saying so does nothing
SELECT object, action FROM agg_setup(dry_run => true);
SELECT count(*) FROM pg_tables WHERE tablename = 'data_bars';

-- what it does, and that there is nothing left to do
SELECT object, action FROM agg_setup();
SELECT object, action FROM agg_setup();

-- it mends what was taken away
DROP INDEX idx_agg_state_due_priority;
ALTER TABLE data_agg_state DROP COLUMN task_priority;
DROP INDEX derived_data_bars_live_idx;
ALTER TABLE data_bars DROP CONSTRAINT data_bars_source_check;
ALTER TABLE data_bars ADD CONSTRAINT data_bars_source_check CHECK (source IN ('massive_api', 'ingest'));
CREATE INDEX idx_agg_state_due_priority ON data_agg_state (is_mandatory DESC, timeframe);
SELECT * FROM agg_setup();

-- and names what it cannot mend: two live bars of one window
DROP INDEX derived_data_bars_live_idx;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT 'EURUSD', '5m', '2025-07-01', 1, 1, 1, 1 FROM generate_series(1, 2);
SELECT * FROM agg_setup(true);
SELECT * FROM agg_setup();
TRUNCATE derived_data_bars;
SELECT object, action FROM agg_setup();

-- the tables are nobody's members
DROP EXTENSION aggregation;
SELECT count(*) FROM data_bars;
CREATE EXTENSION aggregation SCHEMA public;
