-- Binance klines, 12 columns: open_time,open,high,low,close,volume,close_time,quote_volume,
-- count,… with a header in newer files. open_time is epoch milliseconds (13 digits until
-- 2286), in spot files since 2025 microseconds (16 digits). vwap = quote_volume / volume.
\set default_zone 'UTC'

INSERT INTO layout (file, separator, columns, at_time, at_open, at_high, at_low, at_close, at_vol, at_quote_vol, at_trades)
SELECT file, ',', 12, 1, 2, 3, 4, 5, 6, 8, 9 FROM source;

CREATE FUNCTION pg_temp.iso(stamp text) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT CASE
	WHEN stamp ~ '^[0-9]{12,13}$' THEN (timestamp '1970-01-01' + stamp::bigint * interval '1 millisecond')::text
	WHEN stamp ~ '^[0-9]{15,16}$' THEN (timestamp '1970-01-01' + stamp::bigint * interval '1 microsecond')::text END $$;

CREATE FUNCTION pg_temp.stamp_zone(stamp text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT NULL::text $$;
