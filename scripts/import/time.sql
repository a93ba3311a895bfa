-- Stamps and zones, without a cast that could fail. Included by load.sql.

-- A line as it is meant: without a Windows line end (\r arrives as \x02) or spaces around
-- it, the first one without a byte order mark (\x01 each byte, like all outside ASCII).
CREATE FUNCTION pg_temp.tidy(line text, number int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT btrim(CASE WHEN number = 1 AND left(line, 3) = E'\x01\x01\x01' THEN substr(line, 4) ELSE line END, E' \t\x02') $$;

-- Minutes east of UTC of "+02:00", "-0400", "UTC-4", "GMT+0200"; NULL if it is no offset.
CREATE FUNCTION pg_temp.offset_minutes(zone text) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN zone ~* '^(utc|gmt)?[+-]([0-9]|0[0-9]|1[0-5])(:?[0-5][0-9])?$' THEN
	(CASE WHEN zone ~ '-' THEN -1 ELSE 1 END)
	* CASE WHEN zone ~ '(:|[0-9])[0-9]{2}$' THEN
		substring(zone FROM '[+-]([0-9]{1,2}):?[0-9]{2}$')::int * 60 + right(zone, 2)::int
	ELSE substring(zone FROM '[0-9]+$')::int * 60 END
	WHEN upper(zone) IN ('Z', 'UTC', 'GMT') THEN 0 END $$;

-- A zone as AT TIME ZONE takes it. An offset is turned into POSIX' own notation, in which
-- plus is WEST: to PostgreSQL "UTC-4" alone would mean four hours east.
CREATE FUNCTION pg_temp.zone_named(zone text) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT CASE WHEN pg_temp.offset_minutes(zone) IS NOT NULL THEN
	format('<UTC>%s%s:%s', CASE WHEN pg_temp.offset_minutes(zone) > 0 THEN '-' ELSE '+' END,
		abs(pg_temp.offset_minutes(zone)) / 60, lpad((abs(pg_temp.offset_minutes(zone)) % 60)::text, 2, '0'))
	ELSE (SELECT min(name) FROM pg_timezone_names WHERE lower(name) = lower(zone)) END $$;

-- "2024-02-29 23:59[:59[.999]]" as a timestamp; NULL if there is no such date or time.
CREATE FUNCTION pg_temp.clock(iso text) RETURNS timestamp LANGUAGE sql STABLE AS
$$ SELECT CASE
	WHEN iso !~ '^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]) ([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?$' THEN NULL
	WHEN substr(iso, 9, 2) <= '28' THEN iso::timestamp
	WHEN substr(iso, 9, 2)::int <= extract(day FROM make_date(substr(iso, 1, 4)::int, substr(iso, 6, 2)::int, 1) + interval '1 month - 1 day')
		THEN iso::timestamp END $$;

-- A number that float8 takes and that is finite.
\set number '^ *[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9][0-9]?)? *$'
