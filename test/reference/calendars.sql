-- Market calendars: which windows there are, and how many minutes of each the market is open. From the tables of rules alone, day by day,
-- with PostgreSQL's AT TIME ZONE and multiranges.

CREATE FUNCTION oracle.starts_late(cal agg_calendars) RETURNS int LANGUAGE sql IMMUTABLE AS $$
	SELECT (cal.day_start > time '12:00')::int
$$;

-- When the trading day of a date begins. A zone may set its clocks back further than a day is long: then the later day begins no earlier.
CREATE FUNCTION oracle.day_start(cal agg_calendars, trading date) RETURNS timestamptz LANGUAGE sql STABLE AS $$
	SELECT max((trading - back - oracle.starts_late(cal) + cal.day_start) AT TIME ZONE cal.time_zone) FROM generate_series(0, 2) AS back
$$;

-- A session's time as an instant: on the date on which the day begins, or on the next one if that day's clock has not come to it.
CREATE FUNCTION oracle.instant(cal agg_calendars, trading date, at time, is_end boolean) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
	local timestamp := trading - oracle.starts_late(cal) + at;
BEGIN
	IF at < cal.day_start OR (is_end AND at = cal.day_start) THEN
		local := local + interval '1 day';
	END IF;
	RETURN local AT TIME ZONE cal.time_zone;
END
$$;

-- When the market is open on a trading date.
CREATE FUNCTION oracle.open_on(cal agg_calendars, trading date) RETURNS tstzmultirange LANGUAGE plpgsql STABLE AS $$
DECLARE
	day tstzrange := tstzrange(oracle.day_start(cal, trading), oracle.day_start(cal, trading + 1));
	open tstzmultirange := '{}';
	hours record;
	exceptions int := 0;
BEGIN
	FOR hours IN SELECT * FROM agg_calendar_exceptions AS e WHERE e.calendar = cal.calendar AND e.trading_date = trading LOOP
		IF hours.closed THEN
			RETURN '{}';
		END IF;
		CONTINUE WHEN hours.opens IS NULL;
		exceptions := exceptions + 1;
		open := open + oracle.session(cal, trading, hours.opens, hours.closes);
	END LOOP;
	IF exceptions = 0 THEN
		FOR hours IN SELECT * FROM agg_calendar_sessions AS s WHERE s.calendar = cal.calendar AND s.weekday = extract(isodow FROM trading) LOOP
			open := open + oracle.session(cal, trading, hours.opens, hours.closes);
		END LOOP;
	END IF;
	RETURN open * day::tstzmultirange;
END
$$;

CREATE FUNCTION oracle.session(cal agg_calendars, trading date, opens time, closes time) RETURNS tstzmultirange LANGUAGE plpgsql STABLE AS $$
DECLARE
	a timestamptz := oracle.instant(cal, trading, opens, false);
	b timestamptz := oracle.instant(cal, trading, closes, true);
BEGIN
	RETURN CASE WHEN a < b THEN tstzmultirange(tstzrange(a, b)) ELSE '{}' END;
END
$$;

CREATE FUNCTION oracle.minutes(spans tstzmultirange) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(sum(extract(epoch FROM upper(s) - lower(s)) / 60), 0)::bigint FROM unnest(spans) AS s
$$;

CREATE TYPE oracle.calendar_day AS (trading date, begins timestamptz, ends timestamptz, open tstzmultirange);

CREATE FUNCTION oracle.calendar_days(cal agg_calendars, from_date date, to_date date) RETURNS SETOF oracle.calendar_day
LANGUAGE sql STABLE AS $$
	SELECT d.trading, oracle.day_start(cal, d.trading), oracle.day_start(cal, d.trading + 1), oracle.open_on(cal, d.trading)
	FROM (SELECT from_date + n AS trading FROM generate_series(0, to_date - from_date - 1) AS n) AS d
$$;

-- The date with which the day, week, month, quarter or year of a trading date begins.
CREATE FUNCTION oracle.first_date(cal agg_calendars, tf text, trading date) RETURNS date LANGUAGE plpgsql STABLE AS $$
BEGIN
	CASE tf
	WHEN '1d' THEN
		RETURN trading;
	WHEN '1w' THEN
		WHILE extract(isodow FROM trading - oracle.starts_late(cal)) <> cal.week_start LOOP
			trading := trading - 1;
		END LOOP;
		RETURN trading;
	WHEN '1mo' THEN
		RETURN date_trunc('month', trading);
	WHEN '3mo' THEN
		RETURN date_trunc('quarter', trading);
	WHEN '1y' THEN
		RETURN date_trunc('year', trading);
	END CASE;
END
$$;

-- The windows that begin on the trading dates from from_date on and before to_date. Those of days, weeks and months begin with the first
-- window that begins in the range.
CREATE FUNCTION oracle.calendar_windows(cal agg_calendars, tf text, from_date date, to_date date)
RETURNS TABLE (window_start timestamptz, window_end timestamptz, trading_date date, expected_minutes bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	width interval := CASE right(tf, 1) WHEN 'm' THEN make_interval(mins => left(tf, -1)::int) WHEN 'h' THEN make_interval(hours => left(tf, -1)::int) END;
	day oracle.calendar_day;
	open_until_now bigint := 0;
	begun date;
BEGIN
	FOR day IN SELECT * FROM oracle.calendar_days(cal, from_date, to_date) LOOP
		CONTINUE WHEN day.begins = day.ends; -- the zone has skipped it
		IF width IS NULL THEN
			IF begun IS DISTINCT FROM oracle.first_date(cal, tf, day.trading) THEN
				IF window_start IS NOT NULL THEN
					window_end := day.begins;
					expected_minutes := open_until_now;
					RETURN NEXT;
				END IF;
				-- The first one may have begun before the range.
				window_start := CASE WHEN begun IS NOT NULL OR oracle.first_date(cal, tf, day.trading) = day.trading THEN day.begins END;
				trading_date := day.trading;
				begun := oracle.first_date(cal, tf, day.trading);
				open_until_now := 0;
			END IF;
			open_until_now := open_until_now + oracle.minutes(day.open);
		ELSIF width <= interval '1 hour' THEN
			RAISE 'these count from the epoch in every calendar';
		ELSE
			trading_date := day.trading;
			window_start := day.begins;
			WHILE window_start < day.ends LOOP
				window_end := least(window_start + width, day.ends);
				expected_minutes := oracle.minutes(day.open * tstzmultirange(tstzrange(window_start, window_end)));
				RETURN NEXT;
				window_start := window_start + width;
			END LOOP;
		END IF;
	END LOOP;
END
$$;

-- ---- random rules ----

CREATE TABLE oracle.zones (n int PRIMARY KEY, zone text);
INSERT INTO oracle.zones
SELECT row_number() OVER (ORDER BY zone), zone
FROM unnest(ARRAY['UTC', 'America/New_York', 'America/Chicago', 'Europe/London', 'Europe/Dublin', 'Asia/Tokyo', 'Asia/Kolkata', 'Asia/Kathmandu',
	'Asia/Tehran', 'Asia/Gaza', 'Asia/Pyongyang', 'Australia/Sydney', 'Australia/Adelaide', 'Australia/Lord_Howe', 'Pacific/Chatham', 'Pacific/Apia',
	'Pacific/Kwajalein', 'Pacific/Kiritimati', 'America/St_Johns', 'America/Sao_Paulo', 'America/Santiago', 'America/Havana', 'America/Caracas',
	'Africa/Cairo', 'Africa/Casablanca', 'Antarctica/Troll', 'Europe/Moscow', 'Europe/Istanbul']) AS zone;

CREATE FUNCTION oracle.whole(least_one int, greatest_one int) RETURNS int LANGUAGE sql VOLATILE AS $$
	SELECT least_one + floor(random() * (greatest_one - least_one + 1))::int
$$;

-- Cuts a day into up to three sessions: minutes since its start, in order.
CREATE FUNCTION oracle.random_cuts(most int) RETURNS int[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	wanted int := 2 * oracle.whole(0, most);
	cuts int[] := '{}';
	cut int;
BEGIN
	WHILE cardinality(cuts) < wanted LOOP
		cut := CASE WHEN oracle.chance(0.2) THEN 1440 WHEN oracle.chance(0.2) THEN 0 WHEN oracle.chance(0.5) THEN 30 * oracle.whole(0, 48) ELSE oracle.whole(0, 1440) END;
		IF cut <> ALL (cuts) THEN
			cuts := cuts || cut;
		END IF;
	END LOOP;
	RETURN ARRAY(SELECT c FROM unnest(cuts) AS c ORDER BY c);
END
$$;

CREATE FUNCTION oracle.make_calendar(name text) RETURNS agg_calendars LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	starts time := CASE WHEN oracle.chance(0.6) THEN time '00:00' + make_interval(mins => 30 * oracle.whole(0, 47)) ELSE time '00:00' + make_interval(mins => oracle.whole(0, 1439)) END;
	result agg_calendars;
	cuts int[];
	trading date;
BEGIN
	INSERT INTO agg_calendars (calendar, time_zone, day_start, week_start, outside_sessions)
	SELECT name, z.zone, starts, oracle.whole(1, 7), 'counted' FROM oracle.zones AS z ORDER BY random() LIMIT 1;
	FOR weekday IN 1..7 LOOP
		cuts := oracle.random_cuts(3);
		FOR i IN 1..cardinality(cuts) / 2 LOOP
			INSERT INTO agg_calendar_sessions (calendar, weekday, opens, closes)
			VALUES (name, weekday, starts + make_interval(mins => cuts[2 * i - 1]), starts + make_interval(mins => cuts[2 * i]));
		END LOOP;
	END LOOP;
	FOR n IN 1..40 LOOP
		trading := date '1990-01-01' + oracle.whole(0, 22000);
		CONTINUE WHEN EXISTS (SELECT FROM agg_calendar_exceptions AS e WHERE e.calendar = name AND e.trading_date = trading);
		IF oracle.chance(0.3) THEN
			INSERT INTO agg_calendar_exceptions (calendar, trading_date) VALUES (name, trading);
			CONTINUE;
		END IF;
		cuts := oracle.random_cuts(2);
		INSERT INTO agg_calendar_exceptions (calendar, trading_date, closed, opens, closes)
		SELECT name, trading, false, starts + make_interval(mins => cuts[2 * i - 1]), starts + make_interval(mins => cuts[2 * i])
		FROM generate_series(1, cardinality(cuts) / 2) AS i;
		IF cuts = '{}' THEN -- as on every other such weekday
			INSERT INTO agg_calendar_exceptions (calendar, trading_date, closed) VALUES (name, trading, false);
		END IF;
	END LOOP;
	SELECT * INTO result FROM agg_calendars AS c WHERE c.calendar = name;
	RETURN result;
END
$$;
