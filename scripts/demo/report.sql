-- What is there now, per timeframe, and the last hours of DXY. Included by work.sql.

\pset border 1
\pset footer off
\pset null ''
\echo
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

SELECT EXISTS (SELECT FROM derived_data_bars WHERE canonical_symbol = 'DXY' AND timeframe = '1h') AS dxy
\gset
\if :dxy
\echo 'The last hours of DXY (UTC):'
SELECT * FROM (
	SELECT to_char(ts_utc AT TIME ZONE 'UTC', 'Dy YYYY-MM-DD HH24:MI') AS hour,
		round(open::numeric, 4) AS open, round(high::numeric, 4) AS high, round(low::numeric, 4) AS low, round(close::numeric, 4) AS close,
		source_candles || ' of ' || expected_candles AS "5m bars", quality_score AS quality
	FROM derived_data_bars
	WHERE canonical_symbol = 'DXY' AND timeframe = '1h' AND deleted_at IS NULL
	ORDER BY ts_utc DESC
	LIMIT 12
) last_hours
ORDER BY substr(hour, 5);
\endif
