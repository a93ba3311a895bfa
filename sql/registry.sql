-- From the registry of assets to tasks: the defaults, what metadata.agg may say, and what a sync leaves alone.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS aggregation SCHEMA public;
SELECT count(*) >= 0 AS ready FROM agg_setup();
RESET client_min_messages;
CREATE FUNCTION pg_temp.sync(environment text DEFAULT 'prod') RETURNS TABLE (created text, updated text, disabled text, skipped text)
LANGUAGE sql AS $$
    SELECT a ->> 'tasks_created', a ->> 'tasks_updated', a ->> 'tasks_disabled',
           (SELECT string_agg(s ->> 'canonical_symbol', ', ') FROM jsonb_array_elements(a -> 'assets_skipped') AS s)
    FROM sync_agg_state_from_registry(environment) AS a
$$;
CREATE VIEW pg_temp.tasks AS
SELECT canonical_symbol AS symbol, timeframe, source_timeframe AS source, run_interval_minutes AS run_every, aggregation_delay_seconds AS delay,
       is_mandatory AS mandatory, task_priority AS priority, agg_start_utc, enabled
FROM data_agg_state;
-- an active asset gets 5m and 1h, both mandatory
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
SELECT * FROM pg_temp.sync();
SELECT * FROM pg_temp.tasks ORDER BY symbol, run_every;
-- its metadata may ask for more; a list pulls in what its members are built from, here 1h for 4h
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES
('DXY', '{"agg": {"mandatory": ["5m"], "optional": ["15m", "4h"], "start_utc": "2025-09-01T00:00:00Z", "delay_seconds": 90, "priority": 10}}');
SELECT * FROM pg_temp.sync();
SELECT * FROM pg_temp.tasks WHERE symbol = 'DXY' ORDER BY run_every;
-- nothing has changed: nothing is written
SELECT * FROM pg_temp.sync();
-- what a task has achieved stays when its configuration changes
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-02 00:00+00', hard_fail_streak = 2, status = 'running'
WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m';
UPDATE core_asset_registry_all SET metadata = '{"agg": {"priority": 50}}' WHERE canonical_symbol = 'EURUSD';
SELECT * FROM pg_temp.sync();
SELECT timeframe, task_priority, last_agg_bar_ts_utc, hard_fail_streak, status FROM data_agg_state WHERE canonical_symbol = 'EURUSD' ORDER BY run_interval_minutes;
-- metadata that cannot be understood is named, and its asset alone is left as it is
UPDATE core_asset_registry_all SET metadata = '{"agg": {"priority": "high"}}' WHERE canonical_symbol = 'EURUSD';
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES
('BAD1', '{"agg": ["5m"]}'), ('BAD2', '{"agg": {"mandatory": "5m"}}'), ('BAD3', '{"agg": {"optional": ["1m"]}}'), ('BAD4', '{"agg": {"start_utc": "soon"}}'),
('BAD5', '{"agg": {"delay_seconds": -1}}'), ('BAD6', '{"agg": {"enabled": "yes"}}'), ('GOOD', '{"of": "another program"}');
SELECT s ->> 'canonical_symbol' AS symbol, s ->> 'error' AS error
FROM jsonb_array_elements(sync_agg_state_from_registry('prod') -> 'assets_skipped') AS s ORDER BY 1;
SELECT symbol, timeframe, priority, enabled FROM pg_temp.tasks WHERE symbol IN ('EURUSD', 'GOOD') ORDER BY symbol, run_every;
DELETE FROM core_asset_registry_all WHERE canonical_symbol LIKE 'BAD_';
-- an asset that is switched off, no longer active, or gone has its tasks disabled; they keep their cursors and come back with it
UPDATE core_asset_registry_all SET metadata = '{"agg": {"enabled": false}}' WHERE canonical_symbol = 'EURUSD';
UPDATE core_asset_registry_all SET active = false WHERE canonical_symbol = 'DXY';
DELETE FROM core_asset_registry_all WHERE canonical_symbol = 'GOOD';
SELECT * FROM pg_temp.sync();
SELECT symbol, count(*) FILTER (WHERE enabled) AS enabled, count(*) FILTER (WHERE NOT enabled) AS disabled FROM pg_temp.tasks GROUP BY symbol ORDER BY symbol;
UPDATE core_asset_registry_all SET metadata = '{}';
SELECT * FROM pg_temp.sync();
SELECT timeframe, enabled, last_agg_bar_ts_utc FROM data_agg_state WHERE canonical_symbol = 'EURUSD' ORDER BY run_interval_minutes;
-- DEV and TEST, in any case, look at test_active; every other environment looks at active
TRUNCATE core_asset_registry_all, data_agg_state;
INSERT INTO core_asset_registry_all (canonical_symbol, active, test_active) VALUES ('LIVE', true, false), ('TRIAL', false, true);
SELECT * FROM pg_temp.sync('Dev');
SELECT DISTINCT symbol FROM pg_temp.tasks WHERE enabled;
SELECT * FROM pg_temp.sync('staging');
SELECT DISTINCT symbol FROM pg_temp.tasks WHERE enabled;
-- the start may be given for all assets that do not name one
SELECT sync_agg_state_from_registry('prod', '2025-12-01 00:00+00') - 'timestamp_utc' AS answer;
TRUNCATE data_bars, derived_data_bars, data_agg_state, core_asset_registry_all;
