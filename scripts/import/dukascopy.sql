-- Dukascopy: 01.06.2023 00:00:00.000 GMT+0000,open,high,low,close,volume, day first, with
-- a header; the offset is missing in files exported as "Gmt time".
\set default_zone 'UTC'

INSERT INTO layout (file, separator, columns, at_time, at_open, at_high, at_low, at_close, at_vol)
SELECT file, ',', 6, 1, 2, 3, 4, 5, 6 FROM source;

CREATE FUNCTION pg_temp.iso(stamp text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN stamp ~ '^[0-9]{2}[.][0-9]{2}[.][0-9]{4} [0-9:]{8}([.][0-9]+)?( GMT([+-][0-9]{4})?)?$' THEN
	substr(stamp, 7, 4) || '-' || substr(stamp, 4, 2) || '-' || substr(stamp, 1, 2) || ' ' || split_part(substr(stamp, 12), ' ', 1) END $$;

CREATE FUNCTION pg_temp.stamp_zone(stamp text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(split_part(stamp, ' ', 3), '') $$;
