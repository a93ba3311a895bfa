-- HistData "ASCII": 20230601 000000;open;high;low;close;volume, in Eastern Standard Time all
-- year round (so the publisher's documentation; not all files in circulation keep to it).
\set default_zone '<EST>+5:00'

INSERT INTO layout (file, separator, columns, at_time, at_open, at_high, at_low, at_close, at_vol)
SELECT file, ';', 6, 1, 2, 3, 4, 5, 6 FROM source;

CREATE FUNCTION pg_temp.iso(stamp text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN stamp ~ '^[0-9]{8} [0-9]{6}$' THEN
	substr(stamp, 1, 4) || '-' || substr(stamp, 5, 2) || '-' || substr(stamp, 7, 5) || ':' || substr(stamp, 12, 2) || ':' || substr(stamp, 14, 2) END $$;

CREATE FUNCTION pg_temp.stamp_zone(stamp text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT NULL::text $$;
