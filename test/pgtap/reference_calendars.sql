-- Random calendars: the windows of agg_calendar_windows() and the minutes that they expect, beside the reference, which shares no code with
-- it. Zones with half-hour offsets, with daylight saving on either hemisphere and at odd hours, with dates that were skipped; 1990 to 2050;
-- AGGREGATION_CALENDAR_WINDOWS says how many windows at least.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../reference/oracle.sql
\ir ../reference/calendars.sql
SELECT no_plan();
\ir include/seeds.psql
\set wanted `echo "${AGGREGATION_CALENDAR_WINDOWS:-100000}"`
SET tests.wanted = :'wanted';

CREATE TABLE differences (calendar text, time_zone text, timeframe text, side text, window_start timestamptz, window_end timestamptz, trading_date date, expected_minutes bigint);
CREATE TABLE compared (calendar text, timeframe text, stored boolean, windows bigint);

-- A stretch of trading dates, the longer the wider the windows are.
CREATE PROCEDURE compare(cal agg_calendars, tf text, stored boolean) LANGUAGE plpgsql AS $$
DECLARE
	days int := CASE WHEN tf ~ 'h$' THEN oracle.whole(60, 250) WHEN tf = '1d' THEN 1000 WHEN tf = '1y' THEN 8000 ELSE 3000 END;
	from_date date := date '1990-01-15' + oracle.whole(0, 22200 - days);
	counted bigint;
BEGIN
	CREATE TEMPORARY TABLE wanted ON COMMIT DROP AS SELECT * FROM oracle.calendar_windows(cal, tf, from_date, from_date + days);
	SELECT count(*) INTO counted FROM wanted;
	CREATE TEMPORARY TABLE given ON COMMIT DROP AS
	SELECT w.* FROM agg_calendar_windows(cal.calendar, tf, (SELECT min(window_start) FROM wanted), (SELECT max(window_end) FROM wanted)) AS w;
	INSERT INTO compared VALUES (cal.calendar, tf, stored, counted);
	INSERT INTO differences
	SELECT cal.calendar, cal.time_zone, tf, x.side, x.window_start, x.window_end, x.trading_date, x.expected_minutes
	FROM (
		(SELECT 'reference' AS side, * FROM wanted EXCEPT SELECT 'reference', * FROM given)
		UNION ALL
		(SELECT 'extension', * FROM given EXCEPT SELECT 'extension', * FROM wanted)
	) AS x
	ORDER BY x.window_start, x.side
	LIMIT 5;
	DROP TABLE wanted, given;
END
$$;

DO $$
DECLARE
	s seeds;
	cal agg_calendars;
	tf text;
	enough bigint := current_setting('tests.wanted')::bigint / (SELECT count(*) FROM seeds);
	n int;
	stored boolean;
BEGIN
	FOR s IN SELECT * FROM seeds ORDER BY seed LOOP
		PERFORM start_of_random(s.seed);
		n := 0;
		WHILE (SELECT coalesce(sum(windows), 0) FROM compared WHERE calendar LIKE s.symbol || '/%') < enough LOOP
			n := n + 1;
			cal := oracle.make_calendar(s.symbol || '/' || n);
			stored := n % 3 > 0;
			IF stored THEN -- half of them as tasks use them, the rest as their rules say
				INSERT INTO data_agg_state (canonical_symbol, timeframe, calendar) VALUES (cal.calendar, '1d', cal.calendar);
			END IF;
			FOREACH tf IN ARRAY ARRAY['2h', '3h', '4h', '6h', '8h', '12h', '1d', '1w', '1mo', '3mo', '1y'] LOOP
				CALL compare(cal, tf, stored);
			END LOOP;
		END LOOP;
	END LOOP;
END
$$;
SELECT diag(format('%s windows of %s calendars in %s time zones', (SELECT sum(windows) FROM compared), (SELECT count(DISTINCT calendar) FROM compared),
	(SELECT count(DISTINCT c.time_zone) FROM compared JOIN agg_calendars AS c USING (calendar))));
SELECT is_empty('SELECT * FROM differences', 'no difference');
SELECT cmp_ok((SELECT sum(windows) FROM compared WHERE stored), '>', (SELECT sum(windows) FROM compared WHERE NOT stored), 'of days that are stored and of days by the rules');

-- What is shipped, too.
DO $$
DECLARE
	cal agg_calendars;
	tf text;
BEGIN
	DELETE FROM differences;
	PERFORM setseed(0.5);
	FOR cal IN SELECT * FROM agg_calendars WHERE shipped ORDER BY calendar LOOP
		FOREACH tf IN ARRAY ARRAY['2h', '4h', '1d', '1w', '1mo'] LOOP
			CONTINUE WHEN cal.calendar = 'utc' AND tf NOT IN ('4h', '1d'); -- UTC days are not limited to some years, and always open
			CALL compare(cal, tf, false);
		END LOOP;
	END LOOP;
END
$$;
SELECT is_empty('SELECT * FROM differences', 'nor in the calendars that are shipped');
SELECT * FROM finish();
