-- Every line becomes a row of "minute": a good bar, or skipped, or refused with a reason.
-- Included by load.sql. OFFSET 0 keeps each level's results from being computed twice.

CREATE TEMP TABLE minute (
	file int, number int, ts_utc timestamptz,
	open double precision, high double precision, low double precision, close double precision,
	vol double precision, vwap double precision, trades bigint,
	skipped text,  -- header, blank or flat: not a bar and not a fault
	refused text   -- the fault
) ON COMMIT DROP;

INSERT INTO minute
SELECT file, number, ts_utc, open, high, low, close, vol,
	CASE WHEN at_vwap IS NOT NULL THEN vwap WHEN vol > 0 THEN quote_vol / vol END, trades::bigint,
	CASE
		WHEN shape <> 'data' THEN shape
		WHEN NOT :'keep_flat'::boolean AND :'format' = 'dukascopy' AND vol = 0 AND low = high AND open = close THEN 'flat'
	END,
	CASE
		WHEN shape <> 'data' THEN NULL
		WHEN strpos(text, E'\x01') > 0 THEN 'bytes that are not plain text'
		WHEN length(text) >= 1000 THEN 'longer than 999 bytes'
		WHEN at_time IS NULL OR at_open IS NULL OR at_high IS NULL OR at_low IS NULL OR at_close IS NULL
			THEN 'no header that names time, open, high, low and close'
		WHEN cardinality(f) <> columns AND text ~ '"[+-]?[0-9]+,[0-9]+"' THEN 'a quoted number with a comma (write 1.08, not "1,08")'
		WHEN cardinality(f) <> columns THEN 'wrong number of fields'
		WHEN local_time IS NULL THEN 'no such date or time'
		WHEN stamp_zone IS NOT NULL AND pg_temp.offset_minutes(stamp_zone) IS NULL THEN 'no such offset from UTC'
		WHEN ts_utc IS NULL THEN 'a time that the zone skips (daylight saving)'
		WHEN ts_utc <> date_trunc('minute', ts_utc, 'UTC') THEN 'not on a whole minute'
		WHEN concat_ws(' ', open_text, high_text, low_text, close_text) ~ '(^| )[+-]?[0-9]+,[0-9]+( |$)'
			THEN 'a price with a decimal comma (write 1.08, not 1,08)'
		WHEN open IS NULL OR high IS NULL OR low IS NULL OR close IS NULL THEN 'a price that is not a finite number'
		WHEN vol IS NULL AND vol_text <> '' OR vol < 0 THEN 'a volume that is not a finite number from 0 up'
		WHEN quote_vol IS NULL AND quote_vol_text <> '' OR vwap IS NULL AND vwap_text <> '' THEN 'a vwap that is not a finite number'
		WHEN trades IS NULL AND trades_text <> '' OR trades < 0 OR trades > 1e15 OR trades <> trunc(trades) THEN 'a trade count that is not a whole number from 0 up'
		WHEN high < low THEN 'high below low'
		WHEN open NOT BETWEEN low AND high OR close NOT BETWEEN low AND high THEN 'open or close outside low to high'
		WHEN open = 0 AND high = 0 AND low = 0 AND close = 0 THEN 'all four prices are zero'
	END
FROM (
	SELECT *,
		CASE
			WHEN stamp_zone IS NOT NULL THEN local_time - pg_temp.offset_minutes(stamp_zone) * interval '1 minute'
			WHEN (local_time AT TIME ZONE :'zone') AT TIME ZONE :'zone' = local_time THEN (local_time AT TIME ZONE :'zone')::timestamp
		END AT TIME ZONE 'UTC' AS ts_utc,
		CASE WHEN length(open_text) < 50 AND open_text ~ :'number' THEN open_text::double precision END AS open,
		CASE WHEN length(high_text) < 50 AND high_text ~ :'number' THEN high_text::double precision END AS high,
		CASE WHEN length(low_text) < 50 AND low_text ~ :'number' THEN low_text::double precision END AS low,
		CASE WHEN length(close_text) < 50 AND close_text ~ :'number' THEN close_text::double precision END AS close,
		CASE WHEN length(vol_text) < 50 AND vol_text ~ :'number' THEN vol_text::double precision END AS vol,
		CASE WHEN length(vwap_text) < 50 AND vwap_text ~ :'number' THEN vwap_text::double precision END AS vwap,
		CASE WHEN length(quote_vol_text) < 50 AND quote_vol_text ~ :'number' THEN quote_vol_text::double precision END AS quote_vol,
		CASE WHEN length(trades_text) < 50 AND trades_text ~ :'number' THEN trades_text::double precision END AS trades
	FROM (
		SELECT *, pg_temp.clock(iso) AS local_time
		FROM (
			SELECT *, pg_temp.iso(stamp) AS iso, pg_temp.stamp_zone(stamp) AS stamp_zone
			FROM (
				SELECT *, CASE WHEN at_date IS NULL THEN f[at_time] ELSE f[at_date] || ' ' || f[at_time] END AS stamp,
					f[at_open] AS open_text, f[at_high] AS high_text, f[at_low] AS low_text, f[at_close] AS close_text,
					f[at_vol] AS vol_text, f[at_vwap] AS vwap_text, f[at_quote_vol] AS quote_vol_text, f[at_trades] AS trades_text
				FROM (
					SELECT *, string_to_array(replace(text, '"', ''), separator) AS f,
						CASE
							WHEN text = '' THEN 'blank'
							WHEN number = 1 AND text ~ '^["<]?[A-Za-z]' THEN 'header'
							ELSE 'data'
						END AS shape
					FROM (
						SELECT *
						FROM (SELECT file, number, pg_temp.tidy(text, number) AS text FROM line) l
						JOIN layout USING (file)
						OFFSET 0
					) tidied
					OFFSET 0
				) split
				OFFSET 0
			) field
			OFFSET 0
		) stamped
		OFFSET 0
	) clocked
	OFFSET 0
) parsed;

ANALYZE minute;

-- A file of longer bars looks just like one of minutes. Twenty stamps that all fall on
-- the same minute of two, three or five are no accident.
UPDATE minute
SET refused = 'a bar of more than one minute (import only 1-minute files)'
WHERE skipped IS NULL AND refused IS NULL AND file = ANY (ARRAY(
	SELECT file
	FROM (SELECT file, extract(minute FROM ts_utc)::int AS clock FROM minute WHERE skipped IS NULL AND refused IS NULL) stamp
	GROUP BY file
	HAVING count(*) >= 20
		AND (min(clock % 2) = max(clock % 2) OR min(clock % 3) = max(clock % 3) OR min(clock % 5) = max(clock % 5))
));
