-- v_aggregation_unread_bars: bars of data_bars of which nothing is made, and why.
\ir include/tap.psql
SELECT no_plan();
SELECT agg_setup();

INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe) VALUES
	('EURUSD', '5m', NULL), ('EURUSD', '1h', NULL), ('GBPUSD', '5m', '1m'), ('USDCHF', '1h', '5m');
SELECT is_empty('SELECT * FROM v_aggregation_unread_bars', 'no bars, no rows');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT symbol, tf, t, 1, 1, 1, 1
FROM (VALUES ('EURUSD', '1m'), ('GBPUSD', '1m')) AS v(symbol, tf) CROSS JOIN generate_series('2025-07-01'::timestamptz, '2025-07-01 00:09', '1 minute') AS t;
SELECT is_empty('SELECT * FROM v_aggregation_unread_bars', 'bars that a task reads are not listed');

INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES
	('eurusd', '1m', '2025-07-01 00:00+00', 1, 1, 1, 1), ('eurusd', '1m', '2025-07-01 00:03+00', 1, 1, 1, 1), ('EURUSD', '5m', '2025-07-01', 1, 1, 1, 1),
	('EURUSD', '1M', '2025-07-02', 1, 1, 1, 1), ('USDCHF', '1m', '2025-07-01', 1, 1, 1, 1), ('AAPL', '1m', '2025-07-01', 1, 1, 1, 1);
CREATE FUNCTION unread() RETURNS TABLE (symbol text, tf text, minutes int, reason text) LANGUAGE sql AS $$
	SELECT canonical_symbol, timeframe, (EXTRACT(epoch FROM last_ts_utc - first_ts_utc) / 60)::int, v.reason FROM v_aggregation_unread_bars v
	ORDER BY canonical_symbol COLLATE "C", timeframe COLLATE "C" $$;
SELECT results_eq('SELECT * FROM unread()', $$VALUES
	('AAPL', '1m', 0, 'no task reads this symbol: register it in core_asset_registry_all and run sync_agg_state_from_registry()'),
	('EURUSD', '1M', 0, 'timeframes are written in lower case: 1m'),
	('EURUSD', '5m', 0, 'only 1m is read from data_bars, and wider bars are made of it'),
	('USDCHF', '1m', 0, 'no task reads this symbol: register it in core_asset_registry_all and run sync_agg_state_from_registry()'),
	('eurusd', '1m', 3, 'the task has this symbol as EURUSD')$$, 'each kind that nothing reads, once, with its reason');

-- The index reads its pairs, whether they have tasks of their own or not.
INSERT INTO data_agg_state (canonical_symbol, timeframe) VALUES ('DXY', '5m');
SELECT is_empty($$SELECT * FROM unread() WHERE symbol = 'USDCHF'$$, 'what only the index reads is read');
SELECT isnt_empty($$SELECT * FROM unread() WHERE symbol = 'AAPL'$$, 'what is no part of it is not');

-- The registry knows the symbol: what is wrong there is said.
INSERT INTO core_asset_registry_all (canonical_symbol, active, metadata) VALUES ('AAPL', false, '{}');
SELECT results_eq($$SELECT reason FROM unread() WHERE symbol = 'AAPL'$$, $$VALUES ('no task reads this symbol: it is not active in core_asset_registry_all')$$, 'not active');
UPDATE core_asset_registry_all SET active = true;
SELECT results_eq($$SELECT reason FROM unread() WHERE symbol = 'AAPL'$$,
	$$VALUES ('no task reads this symbol: run sync_agg_state_from_registry(), or look at metadata.agg in core_asset_registry_all')$$, 'active, and without a task');
UPDATE core_asset_registry_all SET metadata = '{"agg": {"delay_seconds": "x"}}';
SELECT count(*) AS was FROM data_agg_state \gset
CALL agg_run(p_sync_minutes => 0);
SELECT is(count(*), :was::bigint, 'the runner''s sync skips it') FROM data_agg_state;
SELECT results_eq($$SELECT env_name, assets_skipped FROM agg_registry_sync$$,
	$$VALUES ('prod', '[{"canonical_symbol": "AAPL", "error": "metadata.agg.delay_seconds must be a whole number from 0 to 2147483647"}]'::jsonb)$$, 'and keeps what it skipped');
SELECT results_eq($$SELECT reason FROM unread() WHERE symbol = 'AAPL'$$,
	$$VALUES ('the last sync skipped this asset, so correct it and sync again: metadata.agg.delay_seconds must be a whole number from 0 to 2147483647')$$, 'for whoever looks for unread bars');
SELECT is(explanation, 'there is no such task. The last sync skipped AAPL: metadata.agg.delay_seconds must be a whole number from 0 to 2147483647. '
	'Correct it in core_asset_registry_all, then run sync_agg_state_from_registry().', 'or asks why') FROM agg_why('AAPL', '5m', '2025-07-01');
DELETE FROM core_asset_registry_all;
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT is((SELECT assets_skipped FROM agg_registry_sync), '[]', 'until it is put right');
UPDATE data_agg_state SET enabled = true;

-- Bars ahead of the clock.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('GBPUSD', '1m', '2099-01-01', 1, 1, 1, 1), ('GBPUSD', '1m', '2099-01-01 00:07', 1, 1, 1, 1);
SELECT results_eq($$SELECT * FROM unread() WHERE symbol = 'GBPUSD'$$, $$VALUES ('GBPUSD', '1m', 7, 'ahead of the clock, so no window of theirs is over: correct or delete them')$$, 'bars ahead of the clock');
DELETE FROM data_bars WHERE canonical_symbol = 'GBPUSD' AND ts_utc > '2090-01-01';

-- Cost: by symbols, not by bars.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT 'AAPL', '1m', t, 1, 1, 1, 1 FROM generate_series('2025-08-01'::timestamptz, '2025-08-15', '1 minute') AS t;
ANALYZE data_bars;
CREATE FUNCTION pages_of(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) ' || statement INTO plan;
	RETURN (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint;
END $$;
SELECT cmp_ok(pages_of('SELECT * FROM v_aggregation_unread_bars'), '<', pages_of('SELECT count(ts_utc) FROM data_bars WHERE close > 0'),
	'twenty thousand bars more cost less than reading them');

-- A view that is made later is readable for the role that owns the tables.
CREATE ROLE aggregation_keeper;
DO $$ DECLARE t text; BEGIN FOREACH t IN ARRAY ARRAY['data_bars', 'derived_data_bars', 'data_agg_state'] LOOP EXECUTE format('ALTER TABLE %I OWNER TO aggregation_keeper', t); END LOOP; END $$;
DROP VIEW v_aggregation_unread_bars;
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('view v_aggregation_unread_bars', 'created')$$, 'a view that is missing is made');
SELECT ok(has_table_privilege('aggregation_keeper', 'v_aggregation_unread_bars', 'SELECT'), 'and its tables'' owner may read it');
SELECT * FROM finish();
