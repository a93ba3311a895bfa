-- Six pairs of made-up 1-minute bars: a week of the currency market (Sunday 2025-09-07 17:00
-- in New York, which is 21:00 UTC, to Friday 2025-09-12 17:00), the weekend after it, without
-- a bar, and the first three hours of the next week.
--
-- They are GENERATED and say so in raw. They look like a market as far as an aggregator
-- sees it: sessions that are lively or sleepy, minutes without a tick, the thin hour in which
-- a trading day begins, hours so thin that bars come out incomplete or not at all, and a
-- weekend. EURUSD's feed writes a flat bar for a minute without a tick, as some feeds do: its
-- week is complete. Every draw is a hash of pair, minute and purpose, and all walking is in
-- whole points, so each run anywhere makes the same rows to the last bit.

BEGIN;

-- A whole number from 0 to bound - 1.
CREATE FUNCTION pg_temp.draw(what text, pair text, minute timestamp, bound int) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT (('x' || substr(md5('aggregation demo ' || what || ' ' || pair || ' ' || extract(epoch FROM minute)::bigint), 1, 7))::bit(28)::int % bound) $$;

CREATE TEMP TABLE pair (symbol text, first_points int, decimals int, liveliness int, missing_per_mille int, flat_bars bool) ON COMMIT DROP;
INSERT INTO pair VALUES
	('EURUSD', 117200, 5, 10, 2, true),
	('USDJPY', 147400, 3, 14, 3, false),
	('GBPUSD', 135100, 5, 12, 4, false),
	('USDCAD', 138300, 5, 9, 8, false),
	('USDSEK', 939000, 5, 70, 35, false),
	('USDCHF', 79800, 5, 8, 10, false);

-- How lively an hour of the day (UTC) is, in percent, and how many times more often than
-- in the liveliest one a minute has no tick.
CREATE TEMP TABLE session (hour int, lively int, thin int) ON COMMIT DROP;
INSERT INTO session
SELECT h,
	CASE WHEN h BETWEEN 12 AND 15 THEN 100 WHEN h BETWEEN 7 AND 11 THEN 80 WHEN h BETWEEN 16 AND 19 THEN 60
		WHEN h BETWEEN 0 AND 6 THEN 40 WHEN h = 20 THEN 30 ELSE 12 END,
	CASE WHEN h BETWEEN 7 AND 19 THEN 1 WHEN h BETWEEN 0 AND 6 THEN 3 WHEN h = 20 THEN 4 WHEN h = 21 THEN 16 ELSE 8 END
FROM generate_series(0, 23) h;

WITH tick AS (
	SELECT symbol, first_points, decimals, flat, liveliness * lively AS swing, minute,
		-- The sum of three draws is nearly bell-shaped; its mean is taken off.
		CASE WHEN flat THEN 0 ELSE (pg_temp.draw('a', symbol, minute, 201) + pg_temp.draw('b', symbol, minute, 201) + pg_temp.draw('c', symbol, minute, 201) - 300)
			* liveliness * lively / 10000 END AS step
	FROM pair
	CROSS JOIN generate_series(timestamp '2025-09-07 21:00', '2025-09-14 23:59', '1 minute') minute
	JOIN session ON hour = extract(hour FROM minute)
	CROSS JOIN LATERAL (SELECT pg_temp.draw('tick', symbol, minute, 1000) < least(missing_per_mille * thin, 700) AS flat) none
	WHERE NOT (minute >= '2025-09-12 21:00' AND minute < '2025-09-14 21:00')
		AND (flat_bars OR NOT flat)
), walk AS (
	SELECT *, first_points + sum(step) OVER w AS last
	FROM tick
	WINDOW w AS (PARTITION BY symbol ORDER BY minute)
), bar AS (
	SELECT *, lag(last, 1, first_points::bigint) OVER (PARTITION BY symbol ORDER BY minute)
		+ CASE WHEN flat THEN 0 ELSE pg_temp.draw('gap', symbol, minute, 3) - 1 END AS first
	FROM walk
)
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, source, raw)
SELECT symbol, '1m', minute AT TIME ZONE 'UTC',
	(first / 10::numeric ^ decimals)::double precision,
	((greatest(first, last) + CASE WHEN flat THEN 0 ELSE pg_temp.draw('up', symbol, minute, 2 + swing / 100) END) / 10::numeric ^ decimals)::double precision,
	((least(first, last) - CASE WHEN flat THEN 0 ELSE pg_temp.draw('down', symbol, minute, 2 + swing / 100) END) / 10::numeric ^ decimals)::double precision,
	(last / 10::numeric ^ decimals)::double precision,
	CASE WHEN flat THEN 0 ELSE 1 + pg_temp.draw('volume', symbol, minute, 20 + swing / 5) END,
	'ingest', '{"generated": true, "by": "aggregation demo"}'
FROM bar
ORDER BY symbol, minute
ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO NOTHING;

COMMIT;
