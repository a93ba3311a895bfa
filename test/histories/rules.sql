-- The rules of a history: in which world it plays, which calendar and which source a symbol has at first, and how people change them meanwhile.
--
-- A world is three stretches of two hours of minutes each, and a calendar "own" of a zone with half hours. Its stretches lie where something is the matter:
-- a change of clocks, a holiday, an early close, a month that ends. In half of the rounds, the sessions of all calendars are the hours of the
-- first stretch, and most days of these months are closed: then days, weeks and months have enough source for a bar.
CREATE TABLE IF NOT EXISTS worlds (n int PRIMARY KEY, zone text, day_start time, stretches timestamptz[]);
INSERT INTO worlds VALUES
	(0, 'Asia/Kolkata', '05:00', '{2025-07-02 00:00+00, 2025-07-02 02:00+00, 2025-07-02 04:00+00}'), -- six hours of one day
	(1, 'America/St_Johns', '01:30', '{2025-11-01 03:30+00, 2025-11-02 03:30+00, 2025-11-03 04:30+00}'), -- at 04:30 the clocks go back; the day begins in the hour that comes twice
	(2, 'Australia/Lord_Howe', '02:15', '{2025-10-03 14:30+00, 2025-10-04 14:30+00, 2025-10-05 14:00+00}'), -- at 15:30 they go forward, by half an hour; the day begins in the one that is skipped
	(3, 'Asia/Kolkata', '21:30', '{2025-07-02 15:30+00, 2025-07-03 15:30+00, 2025-07-04 15:30+00}'), -- nyse: an ordinary day, one that ends at 17:00, a holiday
	(4, 'Asia/Kolkata', '02:45', '{2025-12-24 21:00+00, 2025-12-25 21:00+00, 2025-12-26 21:00+00}'), -- Christmas in all of them
	(5, 'Australia/Adelaide', '08:00', '{2025-03-07 21:00+00, 2025-03-09 21:00+00, 2025-03-10 20:30+00}'), -- a weekend on which the clocks in America go forward
	(6, 'Asia/Kolkata', '02:30', '{2025-05-30 20:00+00, 2025-06-01 20:30+00, 2025-06-02 20:30+00}') -- a month ends
ON CONFLICT DO NOTHING;
-- The market calendar of the round; only this one and "own" are used, because the days of a calendar take their time.
CREATE TABLE IF NOT EXISTS world (LIKE worlds, market text);

-- The time of a minute of the history: 0 to 359, and what comes behind.
CREATE OR REPLACE FUNCTION at(p_minute int) RETURNS timestamptz LANGUAGE sql STABLE AS $$
	SELECT stretches[1 + least(p_minute / 120, 2)] + make_interval(mins => p_minute - 120 * least(p_minute / 120, 2)) FROM world
$$;

-- Sessions in the local hours of a stretch, with a break for lunch or without; no session goes on beyond the beginning of a day.
CREATE OR REPLACE FUNCTION hours(p_from timestamptz, p_zone text, p_day_start time, p_lunch boolean, OUT opens time, OUT closes time) RETURNS SETOF record LANGUAGE sql STABLE AS $$
	SELECT l.t + make_interval(mins => greatest(h.a, p.a)), l.t + make_interval(mins => least(h.b, p.b))
	FROM (SELECT (p_from AT TIME ZONE p_zone)::time AS t) AS l,
		LATERAL (SELECT (extract(epoch FROM p_day_start - l.t)::int / 60 + 1440) % 1440 AS cut) AS c,
		LATERAL (VALUES (0, c.cut), (c.cut, 1440)) AS p(a, b),
		(VALUES (0, 120, false), (10, 50, true), (70, 110, true)) AS h(a, b, lunch)
	WHERE h.lunch = p_lunch AND greatest(h.a, p.a) < least(h.b, p.b)
$$;

CREATE TABLE IF NOT EXISTS shipped_calendars AS TABLE agg_calendars;
CREATE TABLE IF NOT EXISTS shipped_sessions AS TABLE agg_calendar_sessions;
CREATE TABLE IF NOT EXISTS shipped_exceptions AS TABLE agg_calendar_exceptions;

-- No calendar but utc. Nobody has tasks now.
CREATE OR REPLACE PROCEDURE forget_calendars() LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('aggregation.tracking', 'off', true);
	DELETE FROM agg_calendars WHERE calendar <> 'utc';
	DELETE FROM agg_calendar_days;
	PERFORM set_config('aggregation.tracking', 'on', true);
END
$$;

CREATE OR REPLACE PROCEDURE first_calendars(p_seed int) LANGUAGE plpgsql AS $$
DECLARE
	narrow boolean := p_seed / 7 % 2 = 0;
BEGIN
	TRUNCATE world;
	INSERT INTO world SELECT w.*, (ARRAY['fx', 'nyse', 'cme_globex'])[p_seed / 14 % 3 + 1] FROM worlds AS w WHERE n = p_seed % 7;
	PERFORM set_config('aggregation.tracking', 'off', true);
	INSERT INTO agg_calendars SELECT * FROM shipped_calendars WHERE calendar <> 'utc';
	INSERT INTO agg_calendar_sessions SELECT * FROM shipped_sessions WHERE calendar <> 'utc';
	INSERT INTO agg_calendar_exceptions SELECT * FROM shipped_exceptions;
	INSERT INTO agg_calendars (calendar, time_zone, day_start, outside_sessions) SELECT 'own', zone, day_start, 'left_out' FROM world;
	IF narrow THEN
		DELETE FROM agg_calendar_sessions WHERE calendar <> 'utc';
	END IF;
	INSERT INTO agg_calendar_sessions
	SELECT c.calendar, d, h.opens, h.closes FROM agg_calendars AS c, world AS w, generate_series(1, 7) AS d, hours(w.stretches[1], c.time_zone, c.day_start, c.calendar = 'own') AS h
	WHERE c.calendar = 'own' OR (narrow AND c.calendar <> 'utc' AND d < 6);
	IF narrow THEN
		INSERT INTO agg_calendar_exceptions (calendar, trading_date, note)
		SELECT c.calendar, d::date, 'narrow' FROM agg_calendars AS c, world AS w, generate_series(w.stretches[1] - interval '40 days', w.stretches[3] + interval '40 days', '1 day') AS d
		WHERE c.calendar <> 'utc' AND d::date NOT BETWEEN (w.stretches[1] AT TIME ZONE c.time_zone)::date AND (w.stretches[3] AT TIME ZONE c.time_zone)::date + 1
			AND NOT EXISTS (SELECT FROM agg_calendar_exceptions AS e WHERE e.calendar = c.calendar AND e.trading_date = d::date);
	END IF;
	UPDATE agg_calendars SET changed_at = clock_timestamp();
	PERFORM set_config('aggregation.tracking', 'on', true);
END
$$;

-- The days of the calendars that tasks have.
CREATE OR REPLACE VIEW days AS
SELECT calendar, count(*), md5(string_agg(concat_ws(' ', trading_date, starts_at, opens, closes), ',' ORDER BY trading_date)) FROM agg_calendar_days
WHERE calendar IN (SELECT calendar FROM data_agg_state) GROUP BY calendar;

CREATE OR REPLACE FUNCTION some_calendar() RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT (ARRAY['own', 'own', market, market, 'utc'])[1 + dice(5)] FROM world $$;

-- The indexes: the dollar's, a cross, and one that is made of another index and carries prices.
CREATE OR REPLACE PROCEDURE first_indexes() LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('aggregation.tracking', 'off', true);
	INSERT INTO agg_indexes (canonical_symbol, constant, components, exponents, decimals, carry_minutes) VALUES
		('DXY', 50.14348112, '{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}', '{-0.576,0.136,-0.119,0.091,0.042,0.036}', 8, 0),
		('CROSS', 1, '{EURUSD,USDJPY}', '{1,1}', 5, 0),
		('DEEP', 2, '{CROSS,S10}', '{0.5,-1}', 8, 3);
	PERFORM set_config('aggregation.tracking', 'on', true);
END
$$;

CREATE OR REPLACE FUNCTION random_index_rule() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	index text := (ARRAY['DXY', 'CROSS', 'DEEP', 'DEEP'])[1 + dice(4)];
BEGIN
	CASE dice(4)
	WHEN 0 THEN
		RETURN format('UPDATE agg_indexes SET constant = %s WHERE canonical_symbol = %L;', 1 + dice(9), index);
	WHEN 1 THEN
		RETURN format('UPDATE agg_indexes SET carry_minutes = %s WHERE canonical_symbol = %L;', dice(6), index);
	WHEN 2 THEN
		RETURN format('UPDATE agg_indexes SET components[2] = %L, exponents[2] = %s WHERE canonical_symbol = %L;', (ARRAY['USDJPY', 'S11', 'S12'])[1 + dice(3)], 0.25 + dice(4), index);
	ELSE -- gone and back
		RETURN format(E'BEGIN;\nCREATE TEMPORARY TABLE gone ON COMMIT DROP AS SELECT * FROM agg_indexes WHERE canonical_symbol = %1$L;\nDELETE FROM agg_indexes WHERE canonical_symbol = %1$L;\n%2$s\nINSERT INTO agg_indexes TABLE gone;\nCOMMIT;',
			index, CASE WHEN dice(2) = 0 THEN format('SELECT agg_run_batch(p_max_tasks => %s);', 1 + dice(40)) ELSE '' END);
	END CASE;
END
$$;

-- What the registry says of a symbol at first: all calendars of the round, and exact symbols among them.
CREATE OR REPLACE FUNCTION first_metadata(p_n int, p_seed int) RETURNS jsonb LANGUAGE sql STABLE AS $$
	SELECT jsonb_build_object('agg', jsonb_strip_nulls(jsonb_build_object(
		'optional', CASE WHEN (p_n + p_seed) % 2 = 0 THEN '["15m", "4h", "1d", "1w", "1mo"]' ELSE '["15m", "4h", "1d"]' END::jsonb,
		'start_utc', to_char((at(0) - make_interval(days => CASE p_seed % 3 WHEN 0 THEN 0 ELSE 35 END)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
		'calendar', (ARRAY[(SELECT market FROM world), 'own', (SELECT market FROM world), 'own', 'own'])[(p_n * 3 + p_seed) % 8 + 1],
		'source', (ARRAY['1m', 'chain'])[(p_n + p_seed) % 5 + 1])))
$$;

-- When all tasks start, by the registry.
CREATE OR REPLACE FUNCTION first_start() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT min(metadata #>> '{agg,start_utc}')::timestamptz FROM core_asset_registry_all $$;

-- One change of the rules, as a statement or two.
CREATE OR REPLACE FUNCTION random_rule() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	s text := (SELECT symbol FROM symbols ORDER BY random() LIMIT 1);
	c record;
	w record;
	-- A change of a calendar makes the days of sixty years, so these are the rarer ones.
	kind int := CASE WHEN dice(2) = 0 THEN dice(6) ELSE 6 + dice(12) END;
	moment timestamptz := at(dice(360));
	day text;
	metadata text;
	step text := (ARRAY['5 min', '30 min', '-10 min', '-1 hour'])[1 + dice(4)];
	weekdays text := CASE WHEN dice(2) = 0 THEN '' ELSE format(' AND weekday = %s', 1 + dice(7)) END;
BEGIN
	IF dice(4) = 0 THEN
		RETURN random_index_rule();
	END IF;
	SELECT * INTO w FROM world;
	SELECT * INTO c FROM agg_calendars WHERE calendar = (ARRAY['own', w.market])[1 + dice(2)];
	day := quote_literal((moment AT TIME ZONE c.time_zone)::date + dice(3) - CASE WHEN c.day_start > '12:00' THEN 0 ELSE 1 END);
	CASE kind
	WHEN 0, 1 THEN
		RETURN format('SELECT agg_set_calendar(%L, %L);', s, some_calendar());
	WHEN 2, 3 THEN
		RETURN format('SELECT agg_set_source(%L, %L);', s, (ARRAY['exact', 'chain'])[1 + dice(2)]);
	WHEN 4 THEN
		metadata := CASE WHEN dice(3) = 0 THEN 'metadata #- ''{agg,calendar}''' ELSE format('jsonb_set(metadata, ''{agg,calendar}'', to_jsonb(%L::text))', some_calendar()) END;
		RETURN format(E'UPDATE core_asset_registry_all SET metadata = %s WHERE canonical_symbol = %L;\nSELECT sync_agg_state_from_registry(''prod'');', metadata, s);
	WHEN 5 THEN
		metadata := CASE WHEN dice(3) = 0 THEN 'metadata #- ''{agg,source}''' ELSE format('jsonb_set(metadata, ''{agg,source}'', to_jsonb(%L::text))', (ARRAY['1m', 'chain'])[1 + dice(2)]) END;
		RETURN format(E'UPDATE core_asset_registry_all SET metadata = %s WHERE canonical_symbol = %L;\nSELECT sync_agg_state_from_registry(''prod'');', metadata, s);
	WHEN 6, 7 THEN
		RETURN format('INSERT INTO agg_calendar_exceptions (calendar, trading_date, note) VALUES (%L, %s, ''history'') ON CONFLICT DO NOTHING;', c.calendar, day);
	WHEN 8 THEN
		RETURN format('DELETE FROM agg_calendar_exceptions WHERE calendar = %L AND NOT shipped AND %s;', c.calendar, CASE WHEN dice(2) = 0 THEN 'note = ''history''' ELSE 'trading_date = ' || day END);
	WHEN 9 THEN
		RETURN format('UPDATE agg_calendar_exceptions SET closed = %s, opens = NULL, closes = NULL WHERE calendar = %L AND trading_date = %s;', (ARRAY['false', 'NOT closed'])[1 + dice(2)], c.calendar, day);
	WHEN 10 THEN
		RETURN format('INSERT INTO agg_calendar_exceptions (calendar, trading_date, closed, opens, closes, note) SELECT c.calendar, %s, false, h.opens, h.closes, ''history'' FROM agg_calendars AS c, hours(at(%s), c.time_zone, c.day_start, %s) AS h WHERE c.calendar = %L ON CONFLICT DO NOTHING;',
			day, dice(3) * 120 + dice(3) * 30, (ARRAY['true', 'false'])[1 + dice(2)], c.calendar);
	WHEN 11 THEN
		RETURN format('UPDATE agg_calendar_sessions SET %s = %1$s + interval %L WHERE calendar = %L%s;', (ARRAY['opens', 'closes'])[1 + dice(2)], step, c.calendar, weekdays);
	WHEN 12 THEN
		RETURN format(E'BEGIN;\nDELETE FROM agg_calendar_sessions WHERE calendar = %L;\nINSERT INTO agg_calendar_sessions SELECT c.calendar, d, h.opens, h.closes FROM agg_calendars AS c, generate_series(1, %s) AS d, hours(at(%s), c.time_zone, c.day_start, %s) AS h WHERE c.calendar = %1$L;\nCOMMIT;',
			c.calendar, 5 + dice(3), dice(3) * 120, (ARRAY['true', 'false'])[1 + dice(2)]);
	WHEN 13 THEN
		RETURN format('UPDATE agg_calendars SET outside_sessions = CASE outside_sessions WHEN ''counted'' THEN ''left_out'' ELSE ''counted'' END WHERE calendar = %L;', c.calendar);
	WHEN 14 THEN -- to an hour at which no session goes on, mostly
		RETURN format('UPDATE agg_calendars SET day_start = (at(%s) AT TIME ZONE time_zone)::time + interval ''%s min'' WHERE calendar = %L;', dice(3) * 120, (ARRAY[0, 10, 50, 60, 70, 110, 120, 300])[1 + dice(8)], c.calendar);
	WHEN 15 THEN
		RETURN CASE WHEN dice(2) = 0 THEN format('UPDATE agg_calendars SET week_start = %s WHERE calendar = %L;', 1 + dice(7), c.calendar)
			ELSE format('UPDATE agg_calendars SET time_zone = %L WHERE calendar = ''own'';', (ARRAY[w.zone, 'Asia/Kathmandu', 'Australia/Adelaide'])[1 + dice(3)]) END;
	WHEN 16 THEN -- most days of a month
		RETURN format('INSERT INTO agg_calendar_exceptions (calendar, trading_date, note) SELECT %L, %s::date + d, ''history'' FROM generate_series(-%s, %s) AS d ON CONFLICT DO NOTHING;', c.calendar, day, dice(30), dice(30));
	ELSE -- what is written without tracking is not checked
		RETURN CASE WHEN dice(2) = 0 THEN 'SELECT agg_refresh_calendars();'
			ELSE format(E'BEGIN;\nSELECT FROM agg_calendars WHERE calendar = %1$L FOR UPDATE;\nSET LOCAL aggregation.tracking = off;\nINSERT INTO agg_calendar_exceptions (calendar, trading_date, note) SELECT %1$L, %2$s, ''history'' WHERE NOT EXISTS (SELECT FROM agg_calendar_exceptions WHERE calendar = %1$L AND trading_date = %2$s);\nSET LOCAL aggregation.tracking = on;\nSELECT agg_refresh_calendars();\nCOMMIT;', c.calendar, day) END;
	END CASE;
END
$$;

-- Changes of rules: alone, or some in a transaction with a run, which stays open a while or is rolled back.
CREATE OR REPLACE FUNCTION random_rules() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	s text := (SELECT symbol FROM symbols ORDER BY random() LIMIT 1);
	tf text := (ARRAY['5m', '15m', '1h', '4h', '1d', '1w'])[1 + dice(6)];
	nap text := format('SELECT pg_sleep(%s);', round(random()::numeric / 20, 4));
	runs text[] := ARRAY['', '', format('SELECT agg_run_batch(p_max_tasks => %s);', 1 + dice(40)), format('SELECT catchup_aggregation_range(%L, %L, at(0), %s);', s, tf, 1 + dice(80)), random_change()];
	rules text := replace(replace(random_rule(), E'BEGIN;\n', ''), E'\nCOMMIT;', '');
BEGIN
	IF dice(2) = 0 THEN
		RETURN random_rule();
	END IF;
	IF dice(4) = 0 THEN
		rules := rules || E'\n' || nap || E'\n' || replace(replace(random_rule(), E'BEGIN;\n', ''), E'\nCOMMIT;', '');
	END IF;
	RETURN concat_ws(E'\n', CASE WHEN dice(4) = 0 THEN E'BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT count(*) FROM symbols;\n' || nap ELSE 'BEGIN;' END,
		runs[1 + dice(5)], rules, nap, runs[1 + dice(5)], CASE WHEN dice(4) = 0 THEN 'ROLLBACK;' ELSE 'COMMIT;' END);
END
$$;
