-- What the bars of a symbol are made of: by the chain, or exactly, of all minutes; chosen by hand or by the registry.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-07-21 00:05+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
CREATE VIEW tasks AS SELECT canonical_symbol AS symbol, timeframe, source_timeframe AS source, last_agg_bar_ts_utc AS cursor FROM data_agg_state;
CREATE VIEW live AS SELECT * FROM derived_data_bars WHERE deleted_at IS NULL;
CREATE VIEW marks AS SELECT canonical_symbol AS symbol, timeframe FROM agg_dirty_ranges;
-- Two thirds of the minutes: some windows of 5 minutes are too thin for a bar.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, trade_count)
SELECT s, '1m', t, 1 + i % 7, 9 + i % 11, 0.5 / (1 + i % 13), 1 + i % 5, i % 3, i % 4
FROM unnest(ARRAY['EURUSD', 'GBPUSD']) AS s, generate_series('2025-07-01'::timestamptz, '2025-07-20 23:59', '1 minute') WITH ORDINALITY AS g(t, i)
WHERE hashint8(i) % 3 <> 0;
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('EURUSD', '{"agg": {"mandatory": ["15m", "1h", "4h", "1d", "1w"]}}');
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT run();
SELECT set_eq($$SELECT timeframe, source FROM tasks$$, $$VALUES ('5m', '1m'), ('15m', '5m'), ('1h', '5m'), ('4h', '1h'), ('1d', '1h'), ('1w', '1d')$$, 'bars come by the chain');
SELECT cmp_ok(max(trade_count), '<', (SELECT sum(trade_count)::bigint FROM data_bars WHERE canonical_symbol = 'EURUSD' AND ts_utc >= '2025-07-14' AND ts_utc < '2025-07-21'), 'which loses minutes of thin windows') FROM live WHERE timeframe = '1w';

-- ---- by hand ----
SELECT probe.refuses($$SELECT agg_set_source('EURUSD', 'Exact')$$, '22023', 'bars cannot be made by source "Exact" (EURUSD)', '%exact%chain%', 'a word that means nothing');
SELECT probe.refuses($$SELECT agg_set_source('EURUSD', '5m')$$, '22023', 'bars cannot be made by source "5m" (EURUSD)', '%source_timeframe%', 'a timeframe, which is for a single task');
SELECT probe.refuses($$SELECT agg_set_source('EURUSE', 'exact')$$, 'P0002', '%"EURUSE" does not exist', 'Did you mean "EURUSD"?%', 'a symbol that is misspelt');
SELECT probe.refuses($$SELECT agg_set_source('EURUSD', NULL)$$, '22004', '%p_source%', NULL, 'NULL');
SELECT probe.refuses($$SELECT agg_set_source('NOBODY', 'exact')$$, 'P0002', '%NOBODY%', NULL, 'a symbol that nobody knows');
SELECT is(agg_set_source('GBPUSD', 'exact') - 'message', '{"success": false, "error": "not_found"}', 'a symbol without tasks');
SELECT is(agg_set_source('EURUSD', 'exact') - 'note', '{"success": true, "canonical_symbol": "EURUSD", "source": "exact", "tasks": 6, "changed": [
	{"timeframe": "15m", "source_timeframe": ["5m", "1m"]}, {"timeframe": "1d", "source_timeframe": ["1h", "1m"]}, {"timeframe": "1h", "source_timeframe": ["5m", "1m"]},
	{"timeframe": "1w", "source_timeframe": ["1d", "1m"]}, {"timeframe": "4h", "source_timeframe": ["1h", "1m"]}]}', 'agg_set_source() says what has changed');
SELECT set_eq('SELECT timeframe FROM marks', ARRAY['15m', '1h', '4h', '1d', '1w'], 'which is marked');
SELECT is(agg_set_source('EURUSD', '1m') -> 'changed', '[]', '1m says the same');
SELECT run();
SELECT is_empty('SELECT * FROM marks', 'the next runs');
SELECT is_empty('SELECT * FROM agg_verify()', 'make the bars anew');
-- An oracle of its own: windows in UTC, all minutes.
CREATE VIEW exact AS
SELECT f.timeframe, w.start AS ts_utc, (array_agg(b.open ORDER BY b.ts_utc))[1] AS open, max(b.high) AS high, min(b.low) AS low, (array_agg(b.close ORDER BY b.ts_utc DESC))[1] AS close,
	sum(b.vol) AS vol, sum(b.trade_count)::bigint AS trade_count, count(*)::int AS candles, f.minutes AS expected
FROM (VALUES ('5m', 5), ('15m', 15), ('1h', 60), ('4h', 240), ('1d', 1440), ('1w', 10080)) AS f(timeframe, minutes)
JOIN data_bars b ON b.canonical_symbol = 'EURUSD'
CROSS JOIN LATERAL (SELECT date_bin(f.minutes * interval '1 minute', b.ts_utc, '2024-01-01') AS start) w
WHERE w.start >= '2025-07-01'
GROUP BY f.timeframe, f.minutes, w.start
HAVING count(*) * 2 > f.minutes AND w.start + f.minutes * interval '1 minute' <= '2025-07-21';
SELECT set_eq('SELECT timeframe, ts_utc, open, high, low, close, vol, trade_count, source_candles, expected_candles FROM live', 'TABLE exact', 'from all minutes')
FROM (SELECT count(*) FROM exact) AS n(n) WHERE n > 3000;
SELECT is((SELECT count(*) FROM live WHERE timeframe IN ('15m', '1h', '4h', '1d') AND source_timeframe <> '1m'), 0::bigint, 'and say so');

-- A late minute reaches all of them at once.
SELECT ts_utc AS thin FROM generate_series('2025-07-03 10:00'::timestamptz, '2025-07-03 11:00', '1 minute') AS g(ts_utc) WHERE NOT EXISTS (SELECT FROM data_bars b WHERE b.canonical_symbol = 'EURUSD' AND b.ts_utc = g.ts_utc) LIMIT 1 \gset
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, trade_count) VALUES ('EURUSD', '1m', :'thin', 1, 1000, 1, 1, 1, 1);
SELECT run();
SELECT is(count(*), 4::bigint, 'a late minute of a thin window') FROM live WHERE timeframe IN ('15m', '1h', '4h', '1d') AND high = 1000 AND ts_utc <= :'thin' AND ts_utc > :'thin'::timestamptz - interval '1 day';
SELECT is_empty('SELECT * FROM agg_verify()', 'reaches them');

-- ---- back ----
DELETE FROM data_agg_state WHERE timeframe = '1h';
SELECT derived_soft_delete_range('EURUSD', '1h', '2025-07-01', '2025-07-21') \g /dev/null
SELECT agg_set_source('EURUSD', 'chain') \g /dev/null
SELECT set_eq($$SELECT timeframe, source FROM tasks$$, $$VALUES ('5m', '1m'), ('15m', '5m'), ('4h', '5m'), ('1d', '5m'), ('1w', '1d')$$, 'a chain of what the symbol has tasks for');
SELECT run();
SELECT is_empty('SELECT * FROM agg_verify()', 'and its bars');

-- ---- the registry ----
UPDATE core_asset_registry_all SET metadata = '{"agg": {"mandatory": ["15m", "1h", "4h", "1d", "1w"], "source": "1m"}}';
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('GBPUSD', '{"agg": {"mandatory": ["1h"], "optional": ["1d"], "source": "1m", "calendar": "fx"}}'),
	('BAD', '{"agg": {"source": "5m"}}'), ('WORSE', '{"agg": {"source": 1}}'), ('MISPLACED', '{"source": "1m"}'), ('CHAIN', '{"agg": {"source": "chain", "optional": ["1d"]}}');
CREATE TABLE synced AS SELECT sync_agg_state_from_registry() AS answer;
SELECT is(answer -> 'assets_skipped', '[{"canonical_symbol": "BAD", "error": "metadata.agg.source must be \"1m\" (all bars are made of minutes) or \"chain\" (of narrower bars)"},
	{"canonical_symbol": "WORSE", "error": "metadata.agg.source must be \"1m\" (all bars are made of minutes) or \"chain\" (of narrower bars)"}]', 'another word skips its asset') FROM synced;
SELECT is(answer -> 'unknown_keys', '[{"canonical_symbol": "MISPLACED", "keys": "metadata.source (belongs into metadata.agg)"}]', 'a key beside metadata.agg is named') FROM synced;
SELECT is_empty($$SELECT * FROM tasks WHERE symbol = 'EURUSD' AND source <> '1m'$$, 'metadata say it for all tasks');
SELECT set_eq($$SELECT timeframe, source FROM tasks WHERE symbol = 'GBPUSD'$$, $$VALUES ('1h', '1m'), ('1d', '1m')$$, 'and nothing between them is needed');
SELECT set_eq($$SELECT timeframe, source FROM tasks WHERE symbol = 'CHAIN'$$, $$VALUES ('5m', '1m'), ('1h', '5m'), ('1d', '1h')$$, 'or the chain');
SELECT run();
SELECT is_empty('SELECT * FROM agg_verify()', 'all bars are what the tasks say');
UPDATE core_asset_registry_all SET metadata = metadata #- '{agg,source}';
SELECT is(sync_agg_state_from_registry() ->> 'tasks_updated', '0', 'where metadata say nothing, the tasks keep what they have');
UPDATE core_asset_registry_all SET metadata = jsonb_set(metadata, '{agg,optional}', '["30m", "1d"]') WHERE canonical_symbol IN ('GBPUSD', 'CHAIN');
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT set_eq($$SELECT symbol, source FROM tasks WHERE timeframe = '30m'$$, $$VALUES ('GBPUSD', '1m'), ('CHAIN', '5m')$$, 'new ones do as the others');
UPDATE data_agg_state SET source_timeframe = '1m' WHERE canonical_symbol = 'CHAIN' AND timeframe = '1d';
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT is(source, '1h', 'one task among others is no rule') FROM tasks WHERE symbol = 'CHAIN' AND timeframe = '1d';
UPDATE core_asset_registry_all SET metadata = jsonb_set(metadata, '{agg,source}', '"chain"') WHERE canonical_symbol = 'GBPUSD';
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT set_eq($$SELECT timeframe, source FROM tasks WHERE symbol = 'GBPUSD'$$, $$VALUES ('5m', '1m'), ('30m', '5m'), ('1h', '5m'), ('1d', '1h')$$, 'and back');
SELECT run();
SELECT is_empty('SELECT * FROM agg_verify()', 'all bars are what the tasks say');
SELECT * FROM finish();
