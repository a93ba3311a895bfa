-- What is there now, per timeframe, and the trading days and last hours of one symbol:
-- DXY, where it is there. Included by work.sql.

\pset border 1
\pset footer off
\pset null ''
\echo
\echo 'Quality: 2, every minute in which the market was open is there; 1, at least 80 %; 0, at least 60 %; -1, more than half.'
SELECT b.timeframe, count(*) AS bars, count(DISTINCT canonical_symbol) AS symbols,
	count(*) FILTER (WHERE quality_score = 2) AS "quality 2",
	count(*) FILTER (WHERE quality_score = 1) AS "1",
	count(*) FILTER (WHERE quality_score = 0) AS "0",
	count(*) FILTER (WHERE quality_score = -1) AS "-1",
	coalesce(max(s.bars), 0) AS "made now", round(coalesce(max(s.seconds), 0)::numeric, 2) AS seconds
FROM derived_data_bars b
LEFT JOIN (SELECT timeframe, sum(bars) AS bars, sum(seconds) AS seconds FROM spent GROUP BY timeframe) s USING (timeframe)
WHERE deleted_at IS NULL
GROUP BY b.timeframe
ORDER BY CASE right(b.timeframe, 1) WHEN 'm' THEN 1 WHEN 'h' THEN 60 WHEN 'd' THEN 1440 ELSE 10080 END
	* left(b.timeframe, -1)::int;

SELECT count(*) AS closed, string_agg(DISTINCT canonical_symbol, ', ') AS symbols
FROM derived_data_bars
WHERE timeframe = '5m' AND deleted_at IS NULL AND expected_candles = 0
\gset
SELECT :closed > 0 AS closed_at_all
\gset
\if :closed_at_all
\echo :closed 'bars of 5m lie where their market was closed (':symbols'): was their file read in the right time zone? See ./run import --help.'
\echo
\endif

SELECT canonical_symbol AS symbol, c.calendar, c.time_zone
FROM (SELECT DISTINCT canonical_symbol, calendar FROM data_agg_state) s
JOIN agg_calendars c USING (calendar)
ORDER BY canonical_symbol <> 'DXY', canonical_symbol
LIMIT 1
\gset

\echo 'The last trading days of' :symbol '(':time_zone'):'
SELECT * FROM (
	SELECT day.trading_date AS day, to_char(b.ts_utc AT TIME ZONE :'time_zone', 'Dy YYYY-MM-DD HH24:MI') AS begins,
		round(open::numeric, 4) AS open, round(high::numeric, 4) AS high, round(low::numeric, 4) AS low, round(close::numeric, 4) AS close,
		source_candles || ' of ' || expected_candles AS minutes, quality_score AS quality
	FROM derived_data_bars b
	CROSS JOIN LATERAL agg_calendar_windows(:'calendar', '1d', b.ts_utc, b.ts_utc + interval '1 minute') day
	WHERE canonical_symbol = :'symbol' AND timeframe = '1d' AND deleted_at IS NULL
	ORDER BY b.ts_utc DESC
	LIMIT 5
) last_days
ORDER BY day;

\echo 'The last hours of' :symbol '(UTC):'
SELECT * FROM (
	SELECT to_char(ts_utc AT TIME ZONE 'UTC', 'Dy YYYY-MM-DD HH24:MI') AS hour,
		round(open::numeric, 4) AS open, round(high::numeric, 4) AS high, round(low::numeric, 4) AS low, round(close::numeric, 4) AS close,
		source_candles || ' of ' || expected_candles AS minutes, quality_score AS quality
	FROM derived_data_bars
	WHERE canonical_symbol = :'symbol' AND timeframe = '1h' AND deleted_at IS NULL
	ORDER BY ts_utc DESC
	LIMIT 12
) last_hours
ORDER BY substr(hour, 5);
