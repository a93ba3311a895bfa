-- What a database of 1.0 may hold when it is updated: tasks, bars, marks, seals, refused ranges, a claimed task, a log that nobody has
-- absorbed, run log rows, an index. Run with search_path on the extension's schema.
SET timezone = 'UTC';
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES
	('EURUSD', '{"agg": {"optional": ["15m", "4h", "1d"]}}'), ('USDJPY', '{}'), ('GBPUSD', '{}'), ('USDCAD', '{}'), ('USDSEK', '{}'),
	('USDCHF', '{}'), ('DXY', '{}'), ('FROZEN', '{}'), ('CLAIMED', '{}'), ('SEALED', '{}');
SELECT sync_agg_state_from_registry('prod', '2025-07-01');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
SELECT r.canonical_symbol, '1m', '2025-07-01'::timestamptz + n * interval '1 minute', p, p + 0.02, p - 0.01, p + 0.01, n, p + 0.005, n % 7
FROM core_asset_registry_all AS r CROSS JOIN generate_series(0, 2879) AS n
CROSS JOIN LATERAL (SELECT 1 + (n * length(r.canonical_symbol) % 97) / 100.0::double precision AS p) AS price
WHERE r.canonical_symbol <> 'DXY' AND n % 13 <> 4 AND n NOT BETWEEN 600 AND 700;
SELECT calc_dxy_range_1m('2025-07-01', '2025-07-03');
CALL agg_run(p_now_utc => '2025-07-02 12:00+00');
-- late bars: in the past of a task that refuses them, and of one that takes them, with marks left over for the next run
SELECT agg_set_late_policy('FROZEN', '5m', 'freeze');
UPDATE data_bars SET close = close + 0.001 WHERE canonical_symbol IN ('FROZEN', 'USDJPY') AND ts_utc = '2025-07-01 03:01+00';
CALL agg_run(p_now_utc => '2025-07-02 12:30+00');
SELECT agg_seal_range('SEALED', '2025-07-01 02:00+00', '2025-07-01 03:00+00', 'retired');
DELETE FROM data_bars WHERE canonical_symbol = 'SEALED' AND ts_utc >= '2025-07-01 02:00+00' AND ts_utc < '2025-07-01 03:00+00';
CALL agg_run(p_now_utc => '2025-07-02 12:35+00');
INSERT INTO agg_dirty_ranges (canonical_symbol, timeframe, from_utc, to_utc, row_count, due) VALUES
	('GBPUSD', '5m', '2025-07-01 05:00+00', '2025-07-01 05:10+00', 3, 'now'),
	('GBPUSD', '5m', '2025-07-02 14:00+00', '2025-07-02 14:10+00', 0, 'once_passed'),
	('GBPUSD', '1h', '2025-07-01 05:00+00', '2025-07-01 06:00+00', 0, 'next_run');
SELECT derived_soft_delete_range('USDCHF', '5m', '2025-07-01 07:00+00', '2025-07-01 07:10+00', 'by hand') IS NOT NULL;
SELECT (agg_start('CLAIMED', '5m', '2025-07-02 12:40+00')) ->> 'success';
SELECT agg_disable_task('USDSEK', '1h') ->> 'success';
SELECT ops_runlog_start('00000000-0000-0000-0000-000000000001', 'job', 'cron', 'prod') ->> 'success';
SELECT ops_runlog_checkpoint('00000000-0000-0000-0000-000000000001', 'half', '{"n": 1}') ->> 'success';
-- the log as the update finds it
UPDATE data_bars SET high = high + 1 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 09:17+00';
DELETE FROM data_bars WHERE canonical_symbol = 'USDCAD' AND ts_utc >= '2025-07-01 11:00+00' AND ts_utc < '2025-07-01 11:05+00';
