-- MetaTrader 4: "2021-01-25 02:48,open,high,low,close,volume", or as its history centre
-- writes it, "2021.01.25,02:48,open,…"; commas or tabs. The stamps are the broker's clock.
\set default_zone 'UTC'

INSERT INTO layout (file, separator, columns, at_date, at_time, at_open, at_high, at_low, at_close, at_vol)
SELECT file, separator, 6 + apart, CASE apart WHEN 1 THEN 1 END, 1 + apart, 2 + apart, 3 + apart, 4 + apart, 5 + apart, 6 + apart
FROM (
	SELECT file, CASE WHEN strpos(sample, E'\t') > 0 THEN E'\t' ELSE ',' END AS separator,
		CASE WHEN sample ~ '^[0-9]{4}[.-][0-9]{2}[.-][0-9]{2}[,\t]' THEN 1 ELSE 0 END AS apart
	FROM (SELECT file, CASE WHEN first_line ~ '^[0-9]' THEN first_line ELSE coalesce(first_data, '') END AS sample FROM opening) s
) d;

CREATE FUNCTION pg_temp.iso(stamp text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT translate(stamp, '.', '-') $$;

CREATE FUNCTION pg_temp.stamp_zone(stamp text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT NULL::text $$;
