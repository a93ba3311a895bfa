-- One window, by worked examples: what becomes of open, high, low, close, volumes, counts and quality.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();

-- Quality follows coverage: of five, of twelve, and of every other number that occurs.
CREATE FUNCTION quality_of(tf text, source_tf text, n int, expected int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	symbol text := format('Q/%s/%s', tf, n);
	at timestamptz := '2025-07-07 00:00+00'; -- a Monday
	width interval := CASE tf WHEN '1w' THEN interval '168 hours' WHEN '1d' THEN interval '24 hours' ELSE tf::interval END;
BEGIN
	IF source_tf = '1m' THEN
		PERFORM world.minutes(symbol, at, n);
	ELSE
		INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
		SELECT symbol, source_tf, at + width / expected * i, 1, 1, 1, 1 FROM generate_series(0, n - 1) AS i;
	END IF;
	INSERT INTO core_asset_registry_all (canonical_symbol) VALUES (symbol) ON CONFLICT DO NOTHING; -- else nobody knows one without a bar
	RETURN aggregate_window(symbol, tf, at, at + width);
END
$$;
CREATE FUNCTION qualities(tf text, source_tf text, expected int) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(coalesce(a ->> 'quality_score', '.'), ' ' ORDER BY n)
	FROM (SELECT n, quality_of(tf, source_tf, n, expected) AS a FROM generate_series(0, expected) AS n OFFSET 0) AS x
$$;
CREATE TABLE expected_qualities (tf text, source_tf text, expected int, qualities text);
INSERT INTO expected_qualities VALUES
	('5m', '1m', 5, '. . . 0 1 2'),
	('15m', '5m', 3, '. . 0 2'),
	('30m', '5m', 6, '. . . . 0 1 2'),
	('1h', '5m', 12, '. . . . . . . -1 0 0 1 1 2'),
	('4h', '1h', 4, '. . . 0 2'),
	('1d', '1h', 24, '. . . . . . . . . . . . . -1 -1 0 0 0 0 0 1 1 1 1 2'),
	('1w', '1d', 7, '. . . . -1 0 1 2');
SELECT is(qualities(tf, source_tf, expected), qualities, 'quality of ' || tf || ' by the number of ' || source_tf || ' bars') FROM expected_qualities ORDER BY expected;
SELECT is(source_timeframe || ' ' || expected_candles || ' ' || source_candles, e.source_tf || ' ' || e.expected || ' ' || e.expected, 'the bar says what it is made of: ' || e.tf)
FROM expected_qualities AS e, world.bar(format('Q/%s/%s', e.tf, e.expected), e.tf, '2025-07-07 00:00+00') ORDER BY e.expected;

-- The values.
SELECT world.minutes('PLAIN', '2025-07-01 00:00+00', 5);
SELECT probe.answers(aggregate_window('PLAIN', '5m', '2025-07-01 00:00+00', '2025-07-01 00:05+00', 3), '{"success": true, "stored": true, "source_count": 5, "refused": 0, "quality_score": 2}', 'a full window''s answer');
SELECT results_eq($$SELECT open, high, low, close, vol, vwap, trade_count, source, is_partial, derivation_version, deleted_at FROM world.bar('PLAIN', '5m', '2025-07-01 00:00+00')$$,
	$$VALUES (100::float8, 105::float8, 99::float8, 104.5::float8, 50::float8, 102::float8, 10::bigint, 'agg', false, 3, NULL::timestamptz)$$, 'a full window''s bar');
SELECT ok(raw @> '{"rule": "ohlcv", "source": "data_bars", "source_timeframe": "1m", "window": "5m"}', 'raw says how it came to be') FROM world.bar('PLAIN', '5m', '2025-07-01 00:00+00');

CREATE FUNCTION bar_of(symbol text, prices text) RETURNS derived_data_bars LANGUAGE plpgsql AS $$
BEGIN -- rows of "open high low close vol vwap trades", missing: -
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
	SELECT symbol, '1m', '2025-07-01 00:00+00'::timestamptz + make_interval(mins => n::int - 1), v[1]::float8, v[2]::float8, v[3]::float8, v[4]::float8, v[5]::float8, v[6]::float8, v[7]::bigint
	FROM string_to_table(prices, E'\n') WITH ORDINALITY AS l (line, n), LATERAL (SELECT array_agg(nullif(w, '-') ORDER BY k) AS v FROM regexp_split_to_table(trim(line), ' +') WITH ORDINALITY AS s (w, k)) AS words;
	PERFORM aggregate_window(symbol, '5m', '2025-07-01 00:00+00', '2025-07-01 00:05+00');
	RETURN world.bar(symbol, '5m', '2025-07-01 00:00+00');
END
$$;
SELECT results_eq($$SELECT vol, vwap, trade_count FROM bar_of('NOVOL', '1 1 1 1 - 5 -
1 1 1 1 - 6 -
1 1 1 1 - - -')$$, 'VALUES (NULL::float8, NULL::float8, NULL::bigint)', 'no volume at all: NULL, not zero');
SELECT results_eq($$SELECT vol, vwap, trade_count FROM bar_of('ZEROVOL', '1 1 1 1 0 5 0
1 1 1 1 0 6 0
1 1 1 1 0 7 -')$$, 'VALUES (0::float8, NULL::float8, 0::bigint)', 'volumes of zero: a sum of zero, and no weighted price');
SELECT results_eq($$SELECT vol, vwap, trade_count FROM bar_of('SOMEVWAP', '1 1 1 1 10 5 1
1 1 1 1 1000 - 2
1 1 1 1 30 9 -
1 1 1 1 - 900 4
1 1 1 1 -20 900 8')$$, 'VALUES (1020::float8, 8::float8, 15::bigint)', 'vwap over exactly those with a vwap and a volume above zero, on both sides');
SELECT results_eq($$SELECT vol, vwap FROM bar_of('NOTFINITE', '1 1 1 1 NaN 5 1
1 1 1 1 Infinity 7 1
1 1 1 1 10 NaN 1
1 1 1 1 10 Infinity 1
1 1 1 1 5 3 1')$$, 'VALUES (25::float8, 3::float8)', 'a volume or vwap that is not finite is missing');
SELECT results_eq($$SELECT open, high, low, close, vol, vwap, trade_count FROM bar_of('HUGE', '1e308 1e308 -1e308 1 1e308 2 9223372036854775807
1 1 1 1 1e308 2 1
1 1 1 1 1 2 1')$$, 'VALUES (1e308::float8, 1e308::float8, -1e308::float8, 1::float8, NULL::float8, NULL::float8, NULL::bigint)', 'sums that cannot be held are NULL, prices stand');
SELECT results_eq($$SELECT vol, vwap FROM bar_of('TINY', '1 1 1 1 5e-324 1e-300 1
1 1 1 1 5e-324 1e-300 1
1 1 1 1 5e-324 1e-300 1')$$, 'VALUES (1.5e-323::float8, 0::float8)', 'what is too small becomes zero, without an error');
SELECT is(array_agg(encode(float8send(x), 'hex')), ARRAY['0000000000000000', '8000000000000000'], 'of 0 and -0 the later one is the high, and the low')
FROM bar_of('ZEROS', '1 -0 0 1 - - -
1 -0 0 1 - - -
1 0 -0 1 - - -') AS b, unnest(ARRAY[b.high, b.low]) AS x;
SELECT is(encode(float8send(vol), 'hex'), encode(float8send(0.1::float8 + 0.2 + 0.3 + 0.4 + 0.7), 'hex'), 'sums go from left to right') FROM bar_of('LEFT', '1 1 1 1 0.1 - -
1 1 1 1 0.2 - -
1 1 1 1 0.3 - -
1 1 1 1 0.4 - -
1 1 1 1 0.7 - -');

-- Refused rows.
SELECT results_eq($$SELECT open, high, low, close, vol, trade_count, source_candles FROM bar_of('REFUSED', 'NaN 9 9 9 100 1 100
1 2 0.5 1.5 1 1 1
1 2 0.5 - 100 1 100
1 2 0.5 1.5 1 1 1
1 2 0.5 2 1 1 1')$$, 'VALUES (1::float8, 2::float8, 0.5::float8, 2::float8, 3::float8, 3::bigint, 3)', 'a row without a price is no candle, whatever else it has');
SELECT probe.answers(aggregate_window('REFUSED', '5m', '2025-07-01 00:00+00', '2025-07-01 00:05+00'), '{"stored": true, "source_count": 3, "refused": 2, "quality_score": 0}', 'and is counted as refused');
SELECT ok(bar_of('ONLYREFUSED', 'Infinity 1 1 1 1 1 1
1 -Infinity 1 1 1 1 1') IS NULL, 'refused rows alone make no bar');
SELECT probe.answers(aggregate_window('ONLYREFUSED', '5m', '2025-07-01 00:00+00', '2025-07-01 00:05+00'), '{"stored": false, "source_count": 0, "refused": 2, "reason": "insufficient_source_bars"}', 'and say so');

-- The two named windows are the general one.
SELECT is(aggregate_1m_to_5m_window('PLAIN', '2025-07-01 00:00+00', '2025-07-01 00:05+00', 3), aggregate_window('PLAIN', '5m', '2025-07-01 00:00+00', '2025-07-01 00:05+00', 3), '1m to 5m');
SELECT world.minutes('HOUR', '2025-07-01 00:00+00', 60);
SELECT is(count(*) FILTER (WHERE (a ->> 'quality_score')::int = 2), 12::bigint, 'twelve windows')
FROM (SELECT aggregate_1m_to_5m_window('HOUR', t, t + interval '5 min') AS a FROM generate_series('2025-07-01 00:00+00', '2025-07-01 00:55+00', interval '5 min') AS t OFFSET 0) AS x;
SELECT probe.answers(aggregate_5m_to_1h_window('HOUR', '2025-07-01 00:00+00', '2025-07-01 01:00+00'), '{"success": true, "stored": true, "source_count": 12, "quality_score": 2}', '5m to 1h');
SELECT results_eq($$SELECT open, high, low, close, vol, trade_count FROM world.bar('HOUR', '1h', '2025-07-01 00:00+00')$$, 'VALUES (100::float8, 160::float8, 99::float8, 159.5::float8, 600::float8, 120::bigint)', 'and its bar');

-- Only live rows are read, only the own symbol, timeframe and window; minutes in derived_data_bars and wide bars in data_bars are not sources.
UPDATE derived_data_bars SET deleted_at = '2025-07-02', high = 1e6 WHERE canonical_symbol = 'HOUR' AND timeframe = '5m' AND ts_utc >= '2025-07-01 00:40+00';
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('HOUR', '5m', '2025-07-01 00:40+00', 1, 1e6, 1, 1);
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('PLAIN', '1m', '2025-07-01 00:00:30+00', 1, 1e6, 1, 1);
SELECT probe.answers(aggregate_5m_to_1h_window('HOUR', '2025-07-01 00:00+00', '2025-07-01 01:00+00'), '{"source_count": 8, "quality_score": 0}', 'soft-deleted sources are not there');
SELECT is((world.bar('HOUR', '1h', '2025-07-01 00:00+00')).high, 140::float8, 'nor are their values');
SELECT probe.answers(aggregate_window('PLAIN', '5m', '2025-07-01 00:00+00', '2025-07-01 00:05+00', 3), '{"source_count": 5}', 'minutes come from data_bars alone');

-- A bar whose source became too thin is soft-deleted; when the source is back, a new one stands beside it.
DELETE FROM data_bars WHERE canonical_symbol = 'PLAIN' AND ts_utc > '2025-07-01 00:01+00';
SELECT probe.answers(aggregate_window('PLAIN', '5m', '2025-07-01 00:00+00', '2025-07-01 00:05+00'), '{"success": true, "stored": false, "source_count": 2, "reason": "insufficient_source_bars"}', 'too thin now');
SELECT results_eq($$SELECT deleted_at IS NOT NULL, open FROM derived_data_bars WHERE canonical_symbol = 'PLAIN' AND timeframe = '5m'$$, 'VALUES (true, 100::float8)', 'its bar is soft-deleted');
SELECT world.minutes('PLAIN', '2025-07-01 00:02+00', 3);
SELECT probe.answers(aggregate_window('PLAIN', '5m', '2025-07-01 00:00+00', '2025-07-01 00:05+00'), '{"stored": true, "source_count": 5}', 'back again');
SELECT results_eq($$SELECT deleted_at IS NOT NULL, count(*) FROM derived_data_bars WHERE canonical_symbol = 'PLAIN' AND timeframe = '5m' GROUP BY 1 ORDER BY 1$$, 'VALUES (false, 1::bigint), (true, 1)', 'one live, one deleted');

-- The session's settings are nobody's business.
SET TimeZone = 'Asia/Kathmandu';
SET DateStyle = 'SQL, DMY';
SET extra_float_digits = -15;
SET IntervalStyle = 'sql_standard';
SET standard_conforming_strings = off;
SELECT world.minutes('SETTINGS', '2025-07-01 00:00+00', 5, 1.0 / 3);
SELECT aggregate_window('SETTINGS', '5m', '2025-07-01 05:45+05:45', '2025-07-01 05:50+05:45') \g /dev/null
SELECT is(encode(float8send((world.bar('SETTINGS', '5m', '2025-07-01 00:00+00')).open), 'hex'), encode(float8send((1.0 / 3)::float8), 'hex'), 'neither time zone nor float digits change a bit');

SELECT * FROM finish();
