-- A symbol is data, never syntax: quotes, backslashes, control characters, the odder corners of UTF-8, 10,000 characters.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();

CREATE TABLE symbols (what text, symbol text);
INSERT INTO symbols VALUES
	('single quotes', $$O'Reilly''s$$), ('an injection', $$x'; DROP TABLE data_bars; --$$), ('double quotes', 'a"b""c'), ('backslashes', '\x00\n\\'), ('dollar quotes', '$$x$$ $1 $tag$'), ('percent and braces', '%s%n{}[],"{1,2}"'),
	('a newline, a tab, a bell', E'a\nb\tc\ad'), ('spaces inside', 'EUR  USD'), ('a slash', 'EUR/USD'), ('an array', '{a,NULL,"b"}'), ('the word null', 'NULL'),
	('an accent', 'é'), ('the same accent in two parts', U&'e\0301'), ('right to left', U&'\202E' || 'DSURUE'), ('zero width', U&'EUR\200BUSD'), ('a byte order mark', U&'\FEFFEURUSD'), ('beyond the basic plane', '💶💵'),
	('the last code point', U&'\+10FFFF'), ('a private one', U&'\E000'), ('DEL and C1', U&'\007F\0085\009F'), ('Turkish i', 'ıİ'), ('ligatures', 'ﬁﬀ'), ('nearly as long as may be', repeat('x', 252)), ('and of four bytes each', repeat('😀', 63)),
	('hard to compress', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 7) AS i));
INSERT INTO symbols SELECT what || ', and one more character', symbol || '!' FROM symbols; -- neighbours must stay apart

-- The whole way of each: registry, task, claim, catch-up in two steps, finish.
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) SELECT symbol, '{"agg": {"delay_seconds": 0}}' FROM symbols;
SELECT is((sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') ->> 'tasks_created')::int, 2 * (SELECT count(DISTINCT symbol) FROM symbols)::int, 'two tasks for each');
CREATE TABLE numbered AS SELECT what, symbol, row_number() OVER (ORDER BY what) AS n FROM symbols;
SELECT world.minutes(symbol, '2025-07-01 00:00+00', 60, 1000 * n) FROM numbered \g /dev/null
SELECT is((SELECT array_agg(canonical_symbol ORDER BY canonical_symbol) FROM agg_get_due_tasks('prod', '2099-01-01', 1000) WHERE timeframe = '5m'), (SELECT array_agg(symbol ORDER BY symbol) FROM symbols), 'all are due under their own names');
SELECT probe.answers(agg_start(symbol, '5m', '2025-07-02'), jsonb_build_object('success', true, 'canonical_symbol', symbol, 'timeframe', '5m'), 'claimed: ' || what) FROM symbols ORDER BY what;
SELECT is(agg_bootstrap_cursor(symbol, '5m'), '2025-07-01 00:00+00', 'bootstrapped: ' || what) FROM symbols ORDER BY what;
SELECT probe.answers(catchup_aggregation_range(symbol, '5m', '2025-07-01', 5, '2025-07-02'), '{"bars_inserted": 5}', 'caught up: ' || what) FROM symbols ORDER BY what;
SELECT probe.answers(agg_finish(symbol, '5m', true, '2025-07-01 00:25+00', '{"bars_created": 5}', NULL, NULL, '2025-07-02'), '{"success": true}', 'finished: ' || what) FROM symbols ORDER BY what;
SELECT is((SELECT count(*) FROM agg_aggregate_tasks((SELECT array_agg(symbol ORDER BY what) || array_agg(symbol ORDER BY what) FROM symbols), (SELECT array_agg('1h'::text) || array_agg('5m'::text) FROM symbols), 100, '2025-07-02') AS a
	JOIN symbols AS s ON s.symbol = a.canonical_symbol WHERE a.bars_created = CASE a.timeframe WHEN '5m' THEN 7 ELSE 1 END), 2 * (SELECT count(*) FROM symbols), 'the rest in one call of the engine, each row under its own name');
SELECT results_eq($$SELECT n.what, b.open, b.close, b.source_candles FROM numbered AS n LEFT JOIN derived_data_bars AS b ON b.canonical_symbol = n.symbol AND b.timeframe = '1h' ORDER BY n.what$$,
	$$SELECT what, (1000 * n)::float8, (1000 * n + 59.5)::float8, 12 FROM numbered ORDER BY what$$, 'every symbol has its own bars, and no other''s');
SELECT probe.answers(aggregate_window(symbol, '5m', '2025-07-01 00:00+00', '2025-07-01 00:05+00'), '{"stored": true, "source_count": 5}', 'one window: ' || what) FROM symbols ORDER BY what;

-- In messages they are quoted whole or cut, never broken.
SELECT probe.refuses(format('SELECT catchup_aggregation_range(%L, %L, %L)', 'no ' || symbol, '5m', '2025-07-01'), 'P0002', 'Missing agg config %no %', '%sync_agg_state_from_registry()%', 'a missing task called ' || what)
FROM symbols WHERE symbol !~ '\n' ORDER BY what;
SELECT cmp_ok(length((probe.attempt(format('SELECT aggregate_window(%L, %L, %L, %L)', 'X', repeat('9', 1000000), '2025-07-01', '2025-07-02'))).message), '<', 20000, 'a timeframe of a million digits does not come back whole');

-- Timeframes, environments, kinds of failure and messages are data too.
SELECT is_empty($$SELECT * FROM agg_get_due_tasks(E'x''; DROP TABLE data_bars; --', '2025-07-01 00:00+00', 0)$$, 'an environment');
SELECT probe.answers(agg_finish('EUR/USD', '5m', false, NULL, NULL, E'kind''; DROP TABLE data_bars; --', E'it''s $$ \\ %s', '2025-07-02'), '{"success": true}', 'a kind of failure');
SELECT is(last_error, E'it''s $$ \\ %s', 'a message') FROM data_agg_state WHERE canonical_symbol = 'EUR/USD' AND timeframe = '5m';
SELECT has_table('data_bars');

SELECT * FROM finish();
