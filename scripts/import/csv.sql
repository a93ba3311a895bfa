-- Any table whose header names its columns, separated by comma, semicolon or tab. Stamps are
-- ISO 8601: 2023-06-01T00:00:00Z, 2023-06-01 00:00, 2023-06-01 02:00:00+02:00. Other columns
-- are not looked at.
\set default_zone 'UTC'

INSERT INTO layout
SELECT h.file, h.separator, c.columns,
	CASE WHEN c.at_clock IS NOT NULL THEN c.at_day END, coalesce(c.at_clock, c.at_day),
	c.at_open, c.at_high, c.at_low, c.at_close, c.at_vol, c.at_vwap, c.at_quote_vol, c.at_trades
FROM (
	SELECT file, lower(first_line) AS names,
		CASE WHEN strpos(first_line, E'\t') > 0 THEN E'\t' WHEN strpos(first_line, ';') > 0 THEN ';' ELSE ',' END AS separator
	FROM opening
) h
CROSS JOIN LATERAL (
	SELECT count(*) AS columns,
		-- "date" and "time" apart are a day and a clock; one of them alone is the whole stamp.
		coalesce(min(n) FILTER (WHERE name IN ('date', 'day')),
			min(n) FILTER (WHERE name IN ('time', 'ts', 'ts_utc', 'timestamp', 'datetime', 'date_time', 'open_time', 'time_utc'))) AS at_day,
		CASE WHEN bool_or(name IN ('date', 'day')) THEN min(n) FILTER (WHERE name IN ('time', 'clock')) END AS at_clock,
		min(n) FILTER (WHERE name IN ('open', 'o')) AS at_open,
		min(n) FILTER (WHERE name IN ('high', 'h')) AS at_high,
		min(n) FILTER (WHERE name IN ('low', 'l')) AS at_low,
		min(n) FILTER (WHERE name IN ('close', 'c')) AS at_close,
		min(n) FILTER (WHERE name IN ('volume', 'vol', 'v', 'tick_volume')) AS at_vol,
		min(n) FILTER (WHERE name IN ('vwap', 'vw')) AS at_vwap,
		min(n) FILTER (WHERE name IN ('quote_volume')) AS at_quote_vol,
		min(n) FILTER (WHERE name IN ('trade_count', 'trades', 'count', 'n')) AS at_trades
	FROM (
		SELECT btrim(btrim(name, ' "<>')) AS name, n::int
		FROM string_to_table(h.names, h.separator) WITH ORDINALITY AS s (name, n)
	) s
) c;

CREATE FUNCTION pg_temp.iso(stamp text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT substr(stamp, 1, 10) || ' ' || substring(stamp FROM '^.{10}[ T]([0-9:.]+)') $$;

CREATE FUNCTION pg_temp.stamp_zone(stamp text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(btrim(regexp_replace(stamp, '^.{10}[ T][0-9:.]+', '')), '') $$;
