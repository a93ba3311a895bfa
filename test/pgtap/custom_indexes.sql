-- agg_indexes: geometric baskets of any kind. Their minutes follow their components, whatever these are, and their rules.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-07-02 00:05+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
CREATE VIEW live AS SELECT canonical_symbol AS symbol, timeframe, ts_utc, open, high, low, close FROM derived_data_bars WHERE deleted_at IS NULL;
CREATE VIEW minutes AS SELECT canonical_symbol AS symbol, ts_utc, close, raw FROM data_bars WHERE source = 'synthetic';

-- The dollar index: constant and exponents as ICE publishes them.
SELECT results_eq('SELECT * FROM agg_indexes', $$VALUES ('DXY', 50.14348112::float8, '{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}'::text[], '{-0.576,0.136,-0.119,0.091,0.042,0.036}'::float8[], 8, 0)$$, 'the dollar index is the first row');

-- ---- rules ----
CREATE FUNCTION refused(given text, message text, name text) RETURNS text LANGUAGE sql AS
	$$SELECT probe.refuses('INSERT INTO agg_indexes (canonical_symbol, constant, components, exponents, decimals, carry_minutes) VALUES (' || given || ')', '22023', message, '_%', name)$$;
SELECT refused($$'X', 0, '{A}', '{1}', 8, 0$$, 'index "X": its constant is not a number above 0', 'a constant of 0');
SELECT refused($$'X', 'NaN', '{A}', '{1}', 8, 0$$, '%constant%', 'or none');
SELECT refused($$'X', 1, '{}', '{}', 8, 0$$, '%no components%', 'no component');
SELECT refused($$'X', 1, '{A,B}', '{1}', 8, 0$$, '%(2) and exponents (1) differ', 'too few exponents');
SELECT refused($$'X', 1, '{A}', '{1,2}', 8, 0$$, '%(1) and exponents (2) differ', 'too many');
SELECT refused($$'X', 1, '{A,NULL}', '{1,1}', 8, 0$$, '%NULL%', 'NULL');
SELECT refused($$'X', 1, '{A,A}', '{1,1}', 8, 0$$, '%"A" comes twice', 'a component twice');
SELECT refused($$'X', 1, '{A,X}', '{1,1}', 8, 0$$, '%component of itself', 'itself');
SELECT refused($$'X', 1, '{A}', '{0}', 8, 0$$, '%exponent of "A"%', 'an exponent of 0');
SELECT refused($$'X', 1, '{A}', '{Infinity}', 8, 0$$, '%exponent of "A"%', 'an infinite one');
SELECT refused($$'X', 1, '{A}', '{1}', 16, 0$$, '%decimals%', 'too many decimals');
SELECT refused($$'X', 1, '{A}', '{1}', 8, -1$$, '%carry_minutes%', 'a negative carry');
SELECT refused($$' X', 1, '{A}', '{1}', 8, 0$$, '%blanks%', 'blanks');
SELECT refused($$'X', 1, '{A," B "}', '{1,1}', 8, 0$$, '%" B " has blanks around it', 'blanks around a component');
SELECT refused($$'X', 1, ARRAY['A', repeat('x', 257)], '{1,1}', 8, 0$$, '%257 bytes, more than 256', 'a component that is longer than any symbol');
SELECT refused(format('%L, 1, %L, %L, 8, 0', 'X', (SELECT array_agg('C' || i) FROM generate_series(1, 65) i), (SELECT array_agg(1) FROM generate_series(1, 65))), '%65 components%', '65 components');
INSERT INTO agg_indexes (canonical_symbol, components, exponents) VALUES ('A', '{B,EURUSD}', '{1,1}'), ('B', '{C}', '{1}');
SELECT refused($$'C', 1, '{A}', '{1}', 8, 0$$, 'indexes are made of one another in a circle: C -> A -> B -> C', 'a circle');
SELECT probe.refuses($$UPDATE agg_indexes SET components = '{A}' WHERE canonical_symbol = 'B'$$, '22023', '%circle: B -> A -> B', NULL, 'a shorter one');
SELECT probe.refuses('TRUNCATE agg_indexes', '0A000', '%cannot be truncated', 'Use DELETE.', 'TRUNCATE');
DELETE FROM agg_indexes WHERE canonical_symbol IN ('A', 'B');

-- ---- a cross, an index of an index, one that carries ----
INSERT INTO agg_indexes (canonical_symbol, constant, components, exponents, decimals, carry_minutes) VALUES
	('EURJPY', 1, '{EURUSD,USDJPY}', '{1,1}', 3, 0), ('GOLDDXY', 0.01, '{XAUUSD,DXY}', '{1,1}', 5, 0), ('CARRY', 2, '{GBPUSD,USDCHF}', '{1,-1}', 8, 3), ('DEEP', 1, '{GOLDDXY,CARRY}', '{0.5,2}', 8, 2);
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) SELECT s, '{"agg": {"start_utc": "2025-07-01T00:00:00Z"}}' FROM unnest('{EURUSD,USDJPY,EURJPY,DEEP,CARRY}'::text[]) AS s;
SELECT floor(random() * 1000000)::int AS seed \gset
\echo # seed :seed
SELECT setseed(:seed / 1000000.0) \g /dev/null
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT s, '1m', t, 1, 1, 1, CASE WHEN random() < 0.02 THEN -1 ELSE exp(random() - 0.5) END FROM unnest('{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF,XAUUSD}'::text[]) AS s, generate_series('2025-07-01'::timestamptz, '2025-07-01 23:59', '1 minute') AS t
WHERE random() < 0.9;
SELECT is(sync_agg_state_from_registry() -> 'assets_skipped', '[]', 'indexes are assets like others');
SELECT run();

-- An oracle: minute by minute, in numeric.
CREATE FUNCTION price(symbol text, t timestamptz, carry int) RETURNS numeric LANGUAGE sql STABLE AS
	$$SELECT close::numeric FROM data_bars WHERE canonical_symbol = symbol AND timeframe = '1m' AND ts_utc <= t AND ts_utc >= t - make_interval(mins => carry) AND close > 0 ORDER BY ts_utc DESC LIMIT 1$$;
CREATE VIEW expected AS
SELECT i.canonical_symbol AS symbol, t AS ts_utc, round((SELECT CASE WHEN count(*) = count(p) THEN i.constant::numeric * exp(sum(e::numeric * ln(p))) END
	FROM (SELECT e, price(c, t, i.carry_minutes) AS p FROM unnest(i.components, i.exponents) AS u(c, e)) x), i.decimals) AS value
FROM agg_indexes i CROSS JOIN generate_series('2025-07-01'::timestamptz, '2025-07-01 23:59', '1 minute') AS t
WHERE EXISTS (SELECT FROM data_bars b WHERE b.canonical_symbol = ANY (i.components) AND b.timeframe = '1m' AND b.ts_utc = t AND b.close > 0);
CREATE FUNCTION differences(indexes text[]) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (SELECT * FROM expected e WHERE e.symbol = ANY (indexes) AND e.value > 0) e FULL JOIN (SELECT * FROM minutes m WHERE m.symbol = ANY (indexes)) m USING (symbol, ts_utc)
	WHERE e.value IS NULL OR m.close IS NULL OR abs(m.close - e.value) > 1.01 * 10.0 ^ -(SELECT decimals FROM agg_indexes WHERE canonical_symbol = symbol)
$$;
SELECT is(differences('{EURJPY,CARRY,DEEP,GOLDDXY,DXY}'), 0::bigint, 'every minute of each index');
SELECT cmp_ok(count(*)::int, '>', 500, 'many minutes of ' || symbol) FROM minutes GROUP BY symbol ORDER BY symbol;
SELECT cmp_ok((SELECT count(*) FROM minutes WHERE symbol = 'CARRY')::int, '>', (SELECT count(*) FROM data_bars a JOIN data_bars b USING (ts_utc) WHERE a.canonical_symbol = 'GBPUSD' AND b.canonical_symbol = 'USDCHF' AND a.close > 0 AND b.close > 0)::int, 'prices are carried');
SELECT set_eq('SELECT DISTINCT symbol, raw FROM minutes', $$VALUES ('DXY', '{"kind": "dxy", "version": 1}'::jsonb), ('EURJPY', '{"kind": "index", "version": 1}'), ('GOLDDXY', '{"kind": "index", "version": 1}'), ('CARRY', '{"kind": "index", "version": 1}'), ('DEEP', '{"kind": "index", "version": 1}')$$, 'what raw says');
SELECT is_empty('SELECT * FROM agg_verify()', 'the proof agrees');

-- ---- late minutes of parts, deep down ----
UPDATE data_bars SET close = 3 WHERE canonical_symbol = 'USDSEK' AND ts_utc = '2025-07-01 10:07';
DELETE FROM data_bars WHERE canonical_symbol = 'GBPUSD' AND ts_utc BETWEEN '2025-07-01 12:00' AND '2025-07-01 12:20';
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('XAUUSD', '1m', '2025-07-01 14:00', 1, 1, 1, 5) ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET close = 5;
SELECT is((SELECT count(*) FROM agg_verify() WHERE explanation = ''), 0::bigint, 'what is not done yet is known');
SELECT cmp_ok((SELECT count(*) FROM agg_verify())::int, '>', 0, 'and told');
SELECT run();
SELECT is(differences('{EURJPY,CARRY,DEEP,GOLDDXY,DXY}'), 0::bigint, 'late minutes reach every index');
SELECT is_empty('SELECT * FROM agg_verify()', 'and its bars');
-- A price that is carried into the next window.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT s, '1m', t, 1, 1, 1, 1.5 FROM unnest('{GBPUSD,USDCHF}'::text[]) AS s, generate_series('2025-07-01 15:19'::timestamptz, '2025-07-01 15:21', '1 minute') AS t
ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET close = 1.5;
DELETE FROM data_bars WHERE canonical_symbol = 'GBPUSD' AND ts_utc BETWEEN '2025-07-01 15:20' AND '2025-07-01 15:25';
SELECT run();
SELECT is(close, 2::float8, 'is carried') FROM minutes WHERE symbol = 'CARRY' AND ts_utc = '2025-07-01 15:20';
UPDATE data_bars SET close = 3 WHERE canonical_symbol = 'GBPUSD' AND ts_utc = '2025-07-01 15:19';
SELECT run();
SELECT is(close, 4::float8, 'and is another one, late') FROM minutes WHERE symbol = 'CARRY' AND ts_utc = '2025-07-01 15:20';
SELECT is(differences('{CARRY,DEEP}'), 0::bigint, 'all that is made of it');
SELECT is_empty('SELECT * FROM agg_verify()', 'with its bars');

-- ---- rules that change ----
UPDATE agg_indexes SET carry_minutes = 0, constant = 3 WHERE canonical_symbol = 'CARRY';
SELECT set_eq($$SELECT DISTINCT canonical_symbol FROM agg_dirty_ranges$$, ARRAY['CARRY', 'DEEP'], 'a rule that changes marks what is made of it');
SELECT run();
SELECT is(differences('{EURJPY,CARRY,DEEP,GOLDDXY,DXY}'), 0::bigint, 'and all of it is made anew');
SELECT is_empty('SELECT * FROM agg_verify()', 'with its bars');
UPDATE agg_indexes SET constant = 100 WHERE canonical_symbol = 'DXY';
SELECT run();
SELECT is(differences('{EURJPY,CARRY,DEEP,GOLDDXY,DXY}'), 0::bigint, 'also of an index that has no task of its own');
DELETE FROM agg_indexes WHERE canonical_symbol = 'EURJPY';
SELECT run();
SELECT cmp_ok(count(*)::int, '>', 500, 'minutes of an index that is deleted stay') FROM minutes WHERE symbol = 'EURJPY';
SELECT is_empty('SELECT * FROM agg_verify()', 'and count as ingested');
INSERT INTO agg_indexes (canonical_symbol, components, exponents) VALUES ('EURJPY', '{EURUSD,USDJPY}', '{1,1}');
SELECT run();
SELECT is(differences('{EURJPY}'), 0::bigint, 'a new one computes them again');

-- ---- by hand ----
DELETE FROM data_bars WHERE canonical_symbol = 'GOLDDXY';
SELECT probe.answers(agg_compute_index('GOLDDXY', '2025-07-01', '2025-07-02'), format('{"success": true, "inserted": %s, "updated": 0, "version": 1}', (SELECT count(*) FROM expected WHERE symbol = 'GOLDDXY' AND value > 0))::jsonb, 'agg_compute_index()');
SELECT probe.answers(agg_compute_index('NOBODY', '2025-07-01', '2025-07-02'), '{"success": false, "sqlstate": "P0002", "error": "there is no index NOBODY"}', 'of a symbol that is none');
SELECT probe.answers(agg_compute_index('DXY', '2025-07-02', '2025-07-01'), '{"success": false, "sqlstate": "22023"}', 'an inverted range');
DELETE FROM agg_indexes WHERE canonical_symbol = 'DXY';
SELECT probe.answers(calc_dxy_range_1m('2025-07-01', '2025-07-02'), '{"success": false, "sqlstate": "P0002"}', 'the old name needs its row');
SELECT is_empty($$SELECT object FROM agg_setup() WHERE action <> 'exists'$$, 'which nobody brings back');
INSERT INTO agg_indexes (canonical_symbol, constant, components, exponents) VALUES
	('DXY', 50.14348112, '{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}', '{-0.576,0.136,-0.119,0.091,0.042,0.036}');
SELECT probe.answers(calc_dxy_range_1m('2025-07-01', '2025-07-02'), '{"success": true}', 'who inserts it has it again');
SELECT run();
SELECT is(differences('{DXY}'), 0::bigint, 'with the minutes that its rules give');

-- ---- many ways down: 2 ^ 25 of them, and each index is computed once ----
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'BOTTOM', '1m', t, 1, 1, 1, 1 + extract(minute FROM t) / 64 FROM generate_series('2025-07-01 10:00'::timestamptz, '2025-07-01 10:19', '1 minute') AS t;
INSERT INTO agg_indexes (canonical_symbol, components, exponents, carry_minutes)
SELECT side || layer, ARRAY[CASE WHEN layer = 1 THEN 'BOTTOM' ELSE 'TIP' || layer - 1 END], '{1}'::float8[], CASE side WHEN 'LEFT' THEN 1 ELSE 0 END FROM generate_series(1, 25) AS layer, unnest('{LEFT,RIGHT}'::text[]) AS side
UNION ALL SELECT 'TIP' || layer, ARRAY['LEFT' || layer, 'RIGHT' || layer], '{0.5,0.5}', 0 FROM generate_series(1, 25) AS layer;
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('TIP25', '{"agg": {"start_utc": "2025-07-01T00:00:00Z", "source": "exact"}}'), ('TIP24', '{"agg": {"start_utc": "2025-07-01T00:00:00Z"}}');
SET statement_timeout = '60s';
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT run();
SELECT set_eq($$SELECT ts_utc, close FROM minutes WHERE symbol = 'TIP25'$$, $$SELECT ts_utc, close FROM data_bars WHERE canonical_symbol = 'BOTTOM'$$, 'the tip of 25 diamonds');
UPDATE data_bars SET close = 3 WHERE canonical_symbol = 'BOTTOM' AND ts_utc = '2025-07-01 10:07';
SELECT run();
SELECT set_eq($$SELECT ts_utc, close FROM minutes WHERE symbol = 'TIP25'$$, $$SELECT ts_utc, close FROM data_bars WHERE canonical_symbol = 'BOTTOM'$$, 'and late, from the bottom up');
SELECT is(high, 3::float8, 'with its bars') FROM live WHERE symbol = 'TIP25' AND timeframe = '5m' AND ts_utc = '2025-07-01 10:05';
RESET statement_timeout;
SELECT is_empty('SELECT * FROM agg_verify()', 'the proof agrees');

-- ---- rows between minutes ----
INSERT INTO agg_indexes (canonical_symbol, components, exponents, carry_minutes) VALUES ('WHOLE', '{SECONDS,BOTTOM}', '{1,1}', 0), ('HELD', '{SECONDS,BOTTOM}', '{1,1}', 2);
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, agg_start_utc) VALUES ('WHOLE', '5m', '1m', '2025-07-01'), ('HELD', '5m', '1m', '2025-07-01');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT s, '1m', t, 1, 1, 1, 7 FROM unnest('{SECONDS,BOTTOM}'::text[]) AS s, generate_series('2025-07-01 10:00:30'::timestamptz, '2025-07-01 10:04:30', '1 minute') AS t;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('SECONDS', '1m', '2025-07-01 10:02', 1, 1, 1, 2);
SELECT timeframe FROM agg_aggregate_tasks('{WHOLE,HELD}', '{5m,5m}', p_now_utc => '2025-07-01 10:10') \g /dev/null
SELECT set_eq($$SELECT symbol, ts_utc, close FROM minutes WHERE symbol IN ('WHOLE', 'HELD')$$, $$SELECT s, ts_utc, 2 * close FROM data_bars, unnest('{WHOLE,HELD}'::text[]) AS s WHERE canonical_symbol = 'BOTTOM' AND ts_utc = date_trunc('minute', ts_utc) AND ts_utc BETWEEN '2025-07-01 10:02' AND CASE s WHEN 'WHOLE' THEN '2025-07-01 10:02' ELSE '2025-07-01 10:04' END::timestamptz$$, 'are no minutes of an index');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, source) VALUES ('WHOLE', '1m', '2025-07-01 10:03:30', 49, 49, 49, 49, 'synthetic');
SELECT set_eq($$SELECT ts_utc, difference FROM agg_verify('WHOLE')$$, $$VALUES ('2025-07-01 10:03:30'::timestamptz, 'surplus')$$, 'one that is there is too many');
SELECT timeframe FROM agg_aggregate_tasks('{WHOLE,HELD}', '{5m,5m}', p_now_utc => '2025-07-01 10:10') \g /dev/null
SELECT is_empty($$SELECT * FROM minutes WHERE symbol = 'WHOLE' AND ts_utc = '2025-07-01 10:03:30'$$, 'and goes');
SELECT is_empty($$SELECT * FROM agg_verify('WHOLE') UNION ALL SELECT * FROM agg_verify('HELD')$$, 'as the proof says');
DELETE FROM data_bars WHERE canonical_symbol = 'BOTTOM' AND ts_utc <> date_trunc('minute', ts_utc);

-- ---- not before the window is over ----
-- A mark ahead of the cursor, as one that absorbs changes while somebody derives leaves it: minutes of an index that nobody has computed yet are not missing.
INSERT INTO agg_indexes (canonical_symbol, components, exponents) VALUES ('EARLY', '{BOTTOM}', '{1}');
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, agg_start_utc) VALUES ('EARLY', '5m', '1m', '2025-07-01');
SELECT timeframe FROM agg_aggregate_tasks('{EARLY}', '{5m}', p_now_utc => '2025-07-01 10:13:30') \g /dev/null
INSERT INTO agg_dirty_ranges (canonical_symbol, timeframe, from_utc, to_utc) VALUES ('EARLY', '5m', '2025-07-01 10:12', '2025-07-01 10:13');
SELECT timeframe FROM agg_aggregate_tasks('{EARLY}', '{5m}', p_now_utc => '2025-07-01 10:13:40') \g /dev/null
SELECT set_eq($$SELECT ts_utc FROM live WHERE symbol = 'EARLY'$$, ARRAY['2025-07-01 10:00', '2025-07-01 10:05']::timestamptz[], 'no bar of a window that is not over');
SELECT timeframe FROM agg_aggregate_tasks('{EARLY}', '{5m}', p_now_utc => '2025-07-01 10:15:40') \g /dev/null
SELECT is(close, 1 + 14 / 64.0::float8, 'it is made when it is') FROM live WHERE symbol = 'EARLY' AND ts_utc = '2025-07-01 10:10';
SELECT timeframe FROM agg_aggregate_tasks('{EARLY}', '{5m}', p_now_utc => '2025-07-01 10:15:50') \g /dev/null
SELECT is_empty($$SELECT * FROM agg_dirty_ranges WHERE canonical_symbol = 'EARLY'$$, 'and the mark goes');

-- ---- what is read ----
SELECT is_empty($$SELECT * FROM v_aggregation_unread_bars WHERE canonical_symbol IN ('XAUUSD', 'GBPUSD')$$, 'parts of indexes are read');
SELECT * FROM finish();
