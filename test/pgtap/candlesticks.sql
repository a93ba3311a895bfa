-- Candlesticks in anybody's SQL: values against plain SQL on random data, whatever the order of rows and the plan; what survives a dump; what is
-- refused; and bars rolled up as the engine stores them.
\ir include/tap.psql
\ir include/refusals.psql
SET TimeZone = 'UTC';
SET extra_float_digits = 1;
SELECT no_plan();

-- An oracle of its own: numeric that is exactly a double.
CREATE FUNCTION exactly(x float8) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
	SELECT CASE WHEN bits < 0 THEN -1 ELSE 1 END * (CASE WHEN e = 0 THEN m ELSE m + 4503599627370496 END)::numeric
		* CASE WHEN greatest(e, 1) >= 1075 THEN 2::numeric ^ (greatest(e, 1) - 1075) ELSE 5::numeric ^ (1075 - greatest(e, 1)) * ('1e-' || 1075 - greatest(e, 1))::numeric END
	FROM (SELECT ('x' || encode(float8send(x), 'hex'))::bit(64)::bigint) AS b (bits), LATERAL (SELECT (bits >> 52) & 2047, bits & 4503599627370495) AS p (e, m)
$$;
SELECT is(exactly(x)::float8, x, 'the oracle is exact: ' || x) FROM unnest('{0.1, 100.25, -3, 1e10, 0, 12345.678}'::float8[]) AS x;
SELECT is(exactly(0.1), 0.1000000000000000055511151231257827021181583404541015625, 'in all digits');

SELECT setseed(0.25) \g /dev/null
CREATE TABLE ticks AS
SELECT n, 'S' || n % 3 AS symbol, timestamptz '2025-07-01 00:00+00' + trunc(random() * 3600) * interval '1 second' AS ts,
	CASE WHEN random() < 0.02 THEN NULL WHEN random() < 0.02 THEN 'NaN' WHEN random() < 0.02 THEN '-Infinity' ELSE round((90 + 20 * random())::numeric, 2)::float8 END AS price,
	CASE WHEN random() < 0.05 THEN NULL WHEN random() < 0.05 THEN 'NaN' WHEN random() < 0.02 THEN 'Infinity' WHEN random() < 0.1 THEN 0 WHEN random() < 0.02 THEN -1.5
		ELSE random() * 10 ^ (random() * 6) END AS size
FROM generate_series(1, 20000) AS n;
CREATE TABLE minutes AS SELECT symbol, date_trunc('minute', ts) AS minute, candlestick(ts, price, size) AS cs FROM ticks GROUP BY 1, 2;

CREATE VIEW good AS SELECT symbol, ts, price, CASE WHEN size NOT IN ('NaN', 'Infinity', '-Infinity') THEN size END AS size FROM ticks WHERE price NOT IN ('NaN', 'Infinity', '-Infinity');
CREATE TABLE oracle AS
SELECT symbol, date_trunc('minute', ts) AS minute, (array_agg(price ORDER BY ts, price))[1] AS open, max(price) AS high, min(price) AS low, (array_agg(price ORDER BY ts DESC, price))[1] AS close,
	min(ts) AS open_time, (array_agg(ts ORDER BY price DESC, ts))[1] AS high_time, (array_agg(ts ORDER BY price, ts))[1] AS low_time, max(ts) AS close_time,
	sum(exactly(size))::float8 AS volume, sum(exactly(price * size)) FILTER (WHERE size > 0)::float8 / sum(exactly(size)) FILTER (WHERE size > 0)::float8 AS vwap, count(*) AS trade_count
FROM good GROUP BY 1, 2;
SELECT cmp_ok(count(*), '>', 150::bigint, 'minutes to compare') FROM oracle;
SELECT set_eq('SELECT symbol, minute, open(cs), high(cs), low(cs), close(cs), open_time(cs), high_time(cs), low_time(cs), close_time(cs), volume(cs), vwap(cs), trade_count(cs) FROM minutes',
	'TABLE oracle', 'each value is what plain SQL gives, and sums are rounded once');

-- Neither the order of rows nor that of candlesticks matters, nor how often they are rolled up in between.
CREATE TABLE whole AS SELECT symbol, candlestick(ts, price, size) AS cs FROM ticks GROUP BY 1;
SELECT is(candlestick(ts, price, size ORDER BY n DESC)::text, (SELECT cs::text FROM whole w WHERE w.symbol = t.symbol), 'rows backwards') FROM ticks t GROUP BY symbol ORDER BY symbol;
SELECT is(candlestick(ts, price, size ORDER BY md5(n::text))::text, (SELECT cs::text FROM whole w WHERE w.symbol = t.symbol), 'rows at random') FROM ticks t GROUP BY symbol ORDER BY symbol;
SELECT is(rollup(cs ORDER BY md5(minute::text))::text, (SELECT cs::text FROM whole w WHERE w.symbol = m.symbol), 'rolled up from minutes') FROM minutes m GROUP BY symbol ORDER BY symbol;
SELECT is(rollup(cs)::text, (SELECT cs::text FROM whole w WHERE w.symbol = h.symbol), 'and in two steps')
FROM (SELECT symbol, rollup(cs) AS cs FROM minutes GROUP BY symbol, extract(minute FROM minute)::int % 7) AS h GROUP BY symbol ORDER BY symbol;

-- Nor does the plan: workers, and partitions that are aggregated one by one.
CREATE TABLE parted (LIKE ticks) PARTITION BY LIST (symbol);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES IN ('S0');
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN ('S1', 'S2');
INSERT INTO parted TABLE ticks;
ANALYZE ticks, parted;
CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP plan := plan || line || E'\n'; END LOOP;
	RETURN plan;
END
$$;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 3;
SELECT matches(plan_of('SELECT symbol, candlestick(ts, price, size) FROM ticks GROUP BY symbol'), 'Finalize.*Gather.*Partial', 'workers aggregate parts');
SELECT set_eq('SELECT symbol, candlestick(ts, price, size)::text FROM ticks GROUP BY symbol', 'SELECT symbol, cs::text FROM whole', 'which give the same bits');
SELECT is(rollup(cs)::text, (SELECT rollup(cs)::text FROM whole), 'as do rollups') FROM minutes;
SELECT matches(plan_of('SELECT rollup(minute, open(cs), high(cs), low(cs), close(cs), volume(cs), vwap(cs), trade_count(cs)) FROM minutes'), '^Aggregate\n', 'whose order matters stays whole');
SELECT is(candlestick(ts, NULL, size)::text, NULL, 'workers that find nothing') FROM ticks;
SET max_parallel_workers_per_gather = 0;
SET enable_partitionwise_aggregate = on;
SELECT matches(plan_of('SELECT candlestick(ts, price, size) FROM parted'), 'Finalize Aggregate\n.*Append\n.*Partial Aggregate', 'partitions are aggregated one by one');
SELECT is(candlestick(ts, price, size)::text, (SELECT rollup(cs)::text FROM whole), 'and put together') FROM parted;
RESET max_parallel_workers_per_gather;

-- Over the frames of a window.
SELECT is_empty($$SELECT * FROM (SELECT candlestick(ts, price, size) OVER w AS framed, n, array_agg(n) OVER w AS rows FROM ticks WHERE n < 200 WINDOW w AS (ORDER BY n ROWS 9 PRECEDING)) AS f
	WHERE framed::text IS DISTINCT FROM (SELECT candlestick(ts, price, size)::text FROM ticks t WHERE t.n = ANY (f.rows))$$, 'window frames');

-- Nothing, and unknown.
SELECT is(candlestick(now(), NULL, 1)::text, NULL, 'no price, no candlestick');
SELECT is(candlestick(NULL, 1, 1)::text, NULL, 'nor without a time');
SELECT is(candlestick(now(), 'NaN', 1)::text, NULL, 'NaN is no price');
SELECT is(open(NULL), NULL, 'NULL of NULL');
SELECT is(rollup(NULL::candlestick)::text, NULL, 'nothing rolled up');
SELECT is(volume(c) IS NULL AND vwap(c) IS NULL AND trade_count(c) = 1, true, 'a price without a volume') FROM (SELECT candlestick(now(), 5, NULL) AS c) AS t;
SELECT is(volume(c) = 0 AND vwap(c) IS NULL, true, 'nothing was traded') FROM (SELECT candlestick(now(), 5, 0) AS c) AS t;
SELECT is(candlestick('infinity', 5, 1)::text, 'open 5 at infinity, high 5 at infinity, low 5 at infinity, close 5 at infinity, trades 1, volume 1, turnover 5', 'infinite times are times');

-- Of names that are words of SQL, too: nothing keeps them from being called.
SELECT is(format('%s %s %s %s', open(cs), high(cs), low(cs), close(cs)), '1 1 1 1', 'as functions') FROM (SELECT candlestick('2025-07-01', 1, 1) AS cs) AS t;
SELECT is((cs).open + (cs).close, 2::float8, 'as attributes') FROM (SELECT candlestick('2025-07-01', 1, 1) AS cs) AS t;
DO $$
DECLARE
	cs candlestick := candlestick('2025-07-01', 2, 3, 1, 2);
	sum float8;
BEGIN
	PERFORM open(cs), close(cs);
	sum := open(cs) + close(cs);
	ASSERT sum = 4;
END
$$;
SELECT is(open, 1::float8, 'and as names of columns') FROM (SELECT open(cs) open, close(cs) AS close FROM (SELECT candlestick('2025-07-01', 1, 1) AS cs) AS t) AS c;

-- Text and binary, exactly.
SELECT is_empty('SELECT cs FROM minutes WHERE cs::text::candlestick::text <> cs::text', 'text comes back');
SET DateStyle = 'German';
SET TimeZone = 'Asia/Kolkata';
SELECT is_empty('SELECT cs FROM minutes WHERE cs::text !~ ''\+00:00''', 'in UTC, whatever the session''s settings');
RESET DateStyle;
SET TimeZone = 'UTC';
SELECT current_setting('data_directory') || '/candlesticks' AS file \gset
COPY minutes TO :'file' (FORMAT binary);
CREATE TABLE copied (LIKE minutes);
COPY copied FROM :'file' (FORMAT binary);
SELECT set_eq('SELECT symbol, minute, cs::text FROM copied', 'SELECT symbol, minute, cs::text FROM minutes', 'COPY BINARY there and back');
TRUNCATE copied;
COPY minutes TO :'file';
COPY copied FROM :'file';
SELECT set_eq('SELECT symbol, minute, cs::text FROM copied', 'SELECT symbol, minute, cs::text FROM minutes', 'COPY there and back');
SELECT is(candlestick(ts, p, v)::text::candlestick::text, candlestick(ts, p, v)::text, 'any magnitude')
FROM (SELECT timestamptz '4713-01-01 00:00+00 BC' + n * interval '1 month' AS ts, 1e-300 * 10 ^ n AS p, 10.0::float8 ^ (150 - n) AS v FROM generate_series(1, 300) AS n) AS t;

-- Malformed input.
SELECT probe.refuses(format('SELECT %L::candlestick', text), '22P02', 'invalid input syntax for type candlestick: "%"', 'It looks like: open 1 at %', 'refused: ' || text)
FROM unnest(ARRAY['', 'open', 'open 1', '{}', 'open 1 at noon', 'open NaN at 2025-07-01, high 1 at 2025-07-01, low 1 at 2025-07-01, close 1 at 2025-07-01',
	'open 1 at 2025-07-02, high 1 at 2025-07-01, low 1 at 2025-07-01, close 1 at 2025-07-01', 'open 1 at 2025-07-01, high 1 at 2025-07-01, low 1 at 2025-07-01, close 1 at 2025-07-01, volume 1']) AS text;
CREATE FUNCTION received(value bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	file text := current_setting('data_directory') || '/candlestick';
BEGIN
	CREATE TEMP TABLE IF NOT EXISTS incoming (cs candlestick);
	CREATE TEMP TABLE IF NOT EXISTS outgoing (cs bytea);
	TRUNCATE incoming, outgoing;
	INSERT INTO outgoing VALUES (value);
	EXECUTE format('COPY outgoing TO %L (FORMAT binary)', file);
	EXECUTE format('COPY incoming FROM %L (FORMAT binary)', file);
	RETURN (SELECT cs FROM incoming);
END
$$;
SELECT candlestick_send(cs) AS good FROM minutes LIMIT 1 \gset
SELECT is(received(:'good'), (SELECT cs::text FROM minutes LIMIT 1), 'what is sent is received');
SELECT probe.refuses(format('SELECT received(%L)', bytes), '22P03', 'invalid binary form of a candlestick: ' || message, hint, 'refused: ' || message)
FROM (VALUES (''::bytea, 'it is too short', 'Send%'), (substr(:'good'::bytea, 1, 30), 'it is too short', 'Send%'), (:'good'::bytea || '\x00', 'it is malformed', 'Send%'),
	(set_byte(:'good', 0, 2), 'version 2 of the binary form is not known', 'Update%'), (set_byte(:'good', 1, 255), '%', 'Send%'),
	(overlay(:'good'::bytea PLACING '\x7ff8000000000000' FROM 11 FOR 8), 'a price is not finite', 'Send%'),
	(overlay(:'good'::bytea PLACING '\x7000000000000000' FROM 3 FOR 8), 'a time is not between those of open and close', 'Send%')) AS b (bytes, message, hint);

-- Bars, by the engine's rules. Stored bars of all widths are what rollup() makes of their source.
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT world.task('EURUSD', '5m'), world.task('EURUSD', '1h');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
SELECT 'EURUSD', '1m', m, 1 + random(), 2 + random(), random(), 1 + random(), CASE WHEN random() < 0.9 THEN random() * 1000 END, CASE WHEN random() < 0.9 THEN 1 + random() END, CASE WHEN random() < 0.9 THEN (random() * 100)::int END
FROM generate_series(timestamptz '2025-07-01 00:00+00', '2025-07-02 00:00+00', '1 minute') AS m;
CALL agg_run(p_now_utc => '2025-07-02 01:00+00');
CREATE FUNCTION rolled_up(p_source text, p_from text, p_width interval) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT concat_ws('' '', window_start, open(cs), high(cs), low(cs), close(cs), volume(cs), vwap(cs), trade_count(cs)) FROM (
		SELECT date_bin($1, ts_utc, ''2025-07-01'') AS window_start, rollup(ts_utc, open, high, low, close, vol, vwap, trade_count ORDER BY ts_utc) AS cs
		FROM %I WHERE timeframe = $2 AND canonical_symbol = ''EURUSD'' AND ts_utc < ''2025-07-02'' GROUP BY 1) AS w', p_source) USING p_width, p_from;
END
$$;
SELECT set_eq($$SELECT rolled_up('data_bars', '1m', '5 minutes')$$, $$SELECT concat_ws(' ', ts_utc, open, high, low, close, vol, vwap, trade_count) FROM derived_data_bars WHERE timeframe = '5m' AND deleted_at IS NULL$$,
	'5m bars, bit for bit');
SELECT set_eq($$SELECT rolled_up('derived_data_bars', '5m', '1 hour')$$, $$SELECT concat_ws(' ', ts_utc, open, high, low, close, vol, vwap, trade_count) FROM derived_data_bars WHERE timeframe = '1h' AND deleted_at IS NULL$$,
	'1h bars, bit for bit');
SELECT is((open(c), high(c), low(c), close(c), open_time(c), high_time(c), low_time(c), close_time(c), trade_count(c)), (open(e), high(e), low(e), close(e), open_time(e), high_time(e), low_time(e), close_time(e), trade_count(e)),
	'the two rollups of bars differ in no price or time')
FROM (SELECT rollup(ts_utc, open, high, low, close, vol, vwap, trade_count ORDER BY random()) AS c, rollup(candlestick(ts_utc, open, high, low, close, vol, vwap, trade_count)) AS e FROM data_bars) AS b;
SELECT is(abs(volume(c) - volume(e)) <= 1e-12 * volume(e) AND abs(vwap(c) - vwap(e)) <= 1e-12 * vwap(e), true, 'and in the last bits of their sums at most')
FROM (SELECT rollup(ts_utc, open, high, low, close, vol, vwap, trade_count ORDER BY ts_utc) AS c, rollup(candlestick(ts_utc, open, high, low, close, vol, vwap, trade_count)) AS e FROM data_bars) AS b;
SELECT is(candlestick('2025-07-01', 1, 2, NULL, 1)::text, NULL, 'a bar without a low is none');
SELECT is((volume(c), vwap(c), trade_count(c)), (7::float8, NULL::float8, NULL::bigint), 'a volume without a vwap') FROM candlestick('2025-07-01', 1, 2, 0.5, 1, 7) AS c;
SELECT is(trade_count(rollup(candlestick(timestamptz '2025-07-01', 1, 1, 1, 1, NULL, NULL, 9223372036854775807))), NULL, 'too many trades for a bigint') FROM generate_series(1, 2);

-- VWAP from an anchor, and of each trading day.
SELECT is_empty($$SELECT * FROM (SELECT ts_utc, vwap(rollup(ts_utc, open, high, low, close, vol, vwap, trade_count) OVER (ORDER BY ts_utc)) AS anchored FROM data_bars WHERE ts_utc BETWEEN '2025-07-01 13:30+00' AND '2025-07-01 15:00+00') AS a
	WHERE anchored IS DISTINCT FROM (SELECT sum(vwap * vol ORDER BY ts_utc) / sum(vol ORDER BY ts_utc) FROM data_bars b WHERE vol > 0 AND vwap IS NOT NULL AND b.ts_utc BETWEEN '2025-07-01 13:30+00' AND a.ts_utc)$$,
	'anchored, minute by minute');
SELECT is(count(*) > 1000 AND count(DISTINCT trading_date) = 2 AND bool_and(session IS NOT DISTINCT FROM own), true, 'by the days of a calendar') FROM (
	SELECT d.trading_date, vwap(rollup(b.ts_utc, b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count) OVER (PARTITION BY d.trading_date ORDER BY b.ts_utc)) AS session,
		(SELECT sum(m.vwap * m.vol ORDER BY m.ts_utc) / sum(m.vol ORDER BY m.ts_utc) FROM data_bars m WHERE m.vol > 0 AND m.vwap IS NOT NULL AND m.ts_utc >= d.starts_at AND m.ts_utc <= b.ts_utc) AS own
	FROM agg_trading_days('fx', '2025-07-01', '2025-07-02') AS d JOIN data_bars AS b ON b.ts_utc >= d.starts_at AND b.ts_utc < d.ends_at) AS s;

-- Bands around it.
SELECT is(vwap_deviation(price, size)::numeric(20, 8), (SELECT sqrt(sum(exactly(size) * (exactly(price) - m.vwap) ^ 2) / sum(exactly(size)))::numeric(20, 8) FROM good g WHERE g.symbol = t.symbol AND size > 0), 'the deviation of ' || symbol)
FROM ticks t JOIN (SELECT symbol, sum(exactly(price) * exactly(size)) / sum(exactly(size)) AS vwap FROM good WHERE size > 0 GROUP BY 1) AS m USING (symbol) GROUP BY symbol, m.vwap ORDER BY symbol;
SET max_parallel_workers_per_gather = 3;
SELECT matches(plan_of('SELECT vwap_deviation(price, size) FROM ticks'), 'Finalize.*Gather.*Partial', 'by workers');
SELECT is(vwap_deviation(price, size), (SELECT vwap_deviation(price, size ORDER BY md5(n::text)) FROM ticks), 'to the last bit') FROM ticks;
SELECT is(vwap_deviation(NULL, size), NULL, 'of nothing') FROM ticks;
RESET max_parallel_workers_per_gather;
SELECT is(array_agg(d ORDER BY n), '{0,0,0.5}', 'over a window') FROM (SELECT n, vwap_deviation(1000000 + n / 3, 1) OVER (ORDER BY n ROWS 1 PRECEDING) AS d FROM generate_series(1, 3) AS n) AS f;

-- Anybody may.
CREATE ROLE aggregation_test_anybody;
SET ROLE aggregation_test_anybody;
SELECT candlestick(now(), 1, 1) IS NOT NULL AND open(candlestick(now(), 1, 1, 1, 1)) = 1 AS anybody \gset
RESET ROLE;
SELECT ok(:'anybody', 'no right is needed');
DROP ROLE aggregation_test_anybody;

SELECT * FROM finish();
