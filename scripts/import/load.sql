-- Numbered lines on standard input become 1-minute bars in data_bars, in one transaction.
--
-- No line can raise an error: a text is cast only after its shape and its range were
-- checked (CASE keeps that order), so a bad line is a row with a reason and not the end
-- of the import. The steps are files of their own:
--   time.sql     stamps and zones           FORMAT.sql   where the fields of a line are
--   lines.sql    lines become minutes       report.sql   what happened, for people
--
-- psql variables: format, symbol, timezone ('' = as the format has it), keep_flat, names
-- (of what is read, one a line) and said (a file that takes what is being done).

\set SHOW_CONTEXT never
\pset footer off
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET timezone = 'UTC';
SET standard_conforming_strings = on;
SET work_mem = '64MB';
SET jit = off;

SELECT coalesce(
	(SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'aggregation'),
	(SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass('data_bars')),
	'') AS schema
\gset
SELECT to_regclass(format('%I.data_bars', :'schema')) IS NOT NULL AS ready
\gset
\if :ready
\else
DO $$ BEGIN
	RAISE EXCEPTION 'the database "%" has no table data_bars', current_database()
		USING HINT = 'Run in it: CREATE EXTENSION aggregation; SELECT * FROM agg_setup();';
END $$;
\endif

BEGIN;
\ir time.sql
SELECT pg_temp.zone_named(:'timezone') IS NOT NULL OR :'timezone' = '' AS zone_known
\gset
\if :zone_known
\else
DO $$ BEGIN
	RAISE EXCEPTION 'there is no such time zone'
		USING HINT = 'Give an offset such as UTC-4 or +02:00, or a name from pg_timezone_names such as America/New_York.';
END $$;
\endif

CREATE TEMP TABLE source ON COMMIT DROP AS
SELECT file::int, name
FROM string_to_table(:'names', E'\n') WITH ORDINALITY AS n (name, file);

CREATE TEMP TABLE line (file int, number int, text text) ON COMMIT DROP;
\copy pg_temp.line FROM PSTDIN WITH (FORMAT csv, DELIMITER E'\003', QUOTE E'\004', NULL E'\005')

-- The line that tells what a file looks like: its first one, and its first with data.
CREATE TEMP TABLE opening ON COMMIT DROP AS
SELECT source.file, pg_temp.tidy(f.text, 1) AS first_line, pg_temp.tidy(d.text, 2) AS first_data
FROM source
LEFT JOIN LATERAL (SELECT text FROM pg_temp.line WHERE line.file = source.file AND number = 1 LIMIT 1) f ON true
LEFT JOIN LATERAL (SELECT text FROM pg_temp.line WHERE line.file = source.file AND number > 1 LIMIT 1) d ON true;

-- Where the fields of a file's lines are: positions from 1, NULL for what it does not have.
CREATE TEMP TABLE layout (
	file int, separator text, columns int,
	at_date int, at_time int, at_open int, at_high int, at_low int, at_close int,
	at_vol int, at_vwap int, at_quote_vol int, at_trades int
) ON COMMIT DROP;

SELECT :'format' || '.sql' AS format_file, '' AS default_zone
\gset
\ir :format_file
SELECT coalesce(pg_temp.zone_named(nullif(:'timezone', '')), :'default_zone') AS zone
\gset
\o :said
\qecho 'reading time stamps and numbers'
\o
\ir lines.sql
\o :said
\qecho 'comparing with data_bars'
\o
\ir store.sql
\ir report.sql
