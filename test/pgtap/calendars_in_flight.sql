-- Rules of a calendar that change while its tasks are at work: nobody passes a window that is not over, and what nobody followed is made good.
\ir include/tap.psql
SELECT no_plan();
DO $$ BEGIN PERFORM agg_setup(); END $$;
SET TimeZone = 'UTC';
SET client_min_messages = error;

INSERT INTO agg_calendars (calendar, time_zone, day_start) VALUES ('c', 'America/New_York', '12:00');
INSERT INTO agg_calendar_sessions (calendar, weekday, opens, closes) SELECT 'c', d, '12:00', '12:00' FROM generate_series(1, 7) AS d;
INSERT INTO core_asset_registry_all (canonical_symbol, metadata)
SELECT s, format('{"agg": {"start_utc": "2025-09-10T00:00:00Z", "optional": ["1d", "1w", "1mo"], "mandatory": ["1h"], "calendar": "c", "source": "%s"}}', s)::jsonb FROM unnest('{chain,exact}'::text[]) AS s;
SELECT sync_agg_state_from_registry() \g /dev/null
CREATE PROCEDURE feed(p_from timestamptz, p_to timestamptz, p_close float8) LANGUAGE sql AS $$
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
	SELECT s, '1m', t, 1, 20, 0.5, p_close, 1 FROM unnest('{chain,exact}'::text[]) AS s, generate_series(p_from, p_to - interval '1 minute', '1 minute') AS t
$$;
CREATE PROCEDURE work(p_now timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 50 LOOP
		EXIT WHEN NOT (agg_run_batch(p_now_utc => p_now) -> 'continue')::boolean;
	END LOOP;
END
$$;
-- Bars that are there before their windows are over.
CREATE FUNCTION too_early(p_now timestamptz) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT b.canonical_symbol || '/' || b.timeframe || ' ' || b.ts_utc FROM derived_data_bars AS b
	JOIN data_agg_state AS s USING (canonical_symbol, timeframe)
	CROSS JOIN LATERAL agg_calendar_windows(s.calendar, b.timeframe, b.ts_utc, b.ts_utc + interval '1 us') AS w
	WHERE b.deleted_at IS NULL AND w.window_end > p_now
$$;
CREATE PROCEDURE start_over() LANGUAGE sql AS $$
	TRUNCATE data_bars, derived_data_bars;
	UPDATE data_agg_state SET last_agg_bar_ts_utc = NULL, next_run_at = NULL;
	WITH sessions AS (UPDATE agg_calendar_sessions SET opens = '12:00', closes = '12:00' WHERE calendar = 'c')
	UPDATE agg_calendars SET day_start = '12:00', time_zone = 'America/New_York' WHERE calendar = 'c';
	TRUNCATE agg_change_log, agg_dirty_ranges
$$;
CREATE PROCEDURE change(p_day_start time, p_zone text) LANGUAGE sql AS $$
	WITH sessions AS (UPDATE agg_calendar_sessions SET opens = p_day_start, closes = p_day_start WHERE calendar = 'c')
	UPDATE agg_calendars SET day_start = p_day_start, time_zone = p_zone WHERE calendar = 'c'
$$;
CREATE TABLE seen (what text, at_utc timestamptz, early text, past text, differences text, bars bigint);
CREATE PROCEDURE play(p_what text, p_day_start time, p_zone text) LANGUAGE plpgsql AS $$
DECLARE
	moment timestamptz;
	fed_until timestamptz := '2025-10-20 17:51+00';
BEGIN
	SET client_min_messages = error;
	CALL start_over();
	CALL feed('2025-09-10 00:00+00', fed_until, 1);
	CALL work('2025-10-20 17:52+00');
	CALL change(p_day_start, p_zone);
	FOREACH moment IN ARRAY ARRAY['2025-10-20 17:53+00', '2025-10-21 17:53+00', '2025-11-01 00:00+00', '2025-11-03 17:00+00']::timestamptz[] LOOP
		CALL feed(fed_until, moment - interval '1 minute', 9);
		fed_until := moment - interval '1 minute';
		COMMIT;
		CALL work(moment);
		INSERT INTO seen SELECT p_what, moment, (SELECT string_agg(e, ', ') FROM too_early(moment) AS e),
			(SELECT string_agg(canonical_symbol || '/' || timeframe, ', ') FROM data_agg_state WHERE last_agg_bar_ts_utc > moment),
			(SELECT string_agg(v::text, ', ') FROM (SELECT * FROM agg_verify() LIMIT 3) AS v),
			(SELECT count(*) FROM derived_data_bars WHERE deleted_at IS NULL AND timeframe IN ('1d', '1w', '1mo'));
		COMMIT;
	END LOOP;
END
$$;
CALL play('an earlier day', '00:00', 'America/New_York');
CALL play('a later day', '13:00', 'America/New_York');
CALL play('another zone', '12:00', 'Europe/Berlin');
SELECT is(early, NULL, what || ', ' || at_utc || ': no bar of a window that is not over') FROM seen;
SELECT is(past, NULL, what || ', ' || at_utc || ': no cursor is ahead of the clock') FROM seen;
SELECT is(differences, NULL, what || ', ' || at_utc || ': the proof finds nothing') FROM seen;
SELECT cmp_ok(bars, '>', 90::bigint, what || ', ' || at_utc || ': and there are bars') FROM seen WHERE at_utc > '2025-11-02';

-- ---- days that are missing ----
-- A task got its calendar while no trigger fired, or somebody has taken the days away.
CALL start_over();
CALL feed('2025-09-10 00:00+00', '2025-09-12 00:00+00', 1);
CALL work('2025-09-12 01:00+00');
SELECT is_empty('SELECT * FROM agg_verify()', 'all is well');
DELETE FROM agg_calendar_days WHERE calendar = 'c';
UPDATE data_bars SET close = 15 WHERE canonical_symbol = 'exact' AND ts_utc = '2025-09-11 10:00+00';
CALL work('2025-09-12 01:00+00');
SELECT cmp_ok((agg_refresh_calendars() ->> 'tasks_marked')::int, '>', 0, 'agg_refresh_calendars() makes missing days, and marks what they cover');
SELECT cmp_ok(count(*), '>', 0::bigint, 'they are there') FROM agg_calendar_days WHERE calendar = 'c';
CALL work('2025-09-12 01:00+00');
SELECT is_empty('SELECT * FROM agg_verify()', 'what changed meanwhile is made good');

DELETE FROM agg_calendar_days WHERE calendar = 'c';
INSERT INTO agg_calendar_exceptions (calendar, trading_date) VALUES ('c', '2025-09-11');
SELECT cmp_ok(count(*), '>', 0::bigint, 'so does a change of its rules') FROM agg_calendar_days WHERE calendar = 'c';
CALL work('2025-09-12 01:00+00');
SELECT is_empty('SELECT * FROM agg_verify()', 'with all that follows');

DELETE FROM agg_calendar_days WHERE calendar = 'c';
UPDATE data_bars SET close = 16 WHERE canonical_symbol = 'chain' AND ts_utc = '2025-09-11 10:00+00';
CALL work('2025-09-12 01:00+00');
SELECT agg_set_calendar('exact', 'c') \g /dev/null
CALL work('2025-09-12 01:00+00');
SELECT is_empty('SELECT * FROM agg_verify()', 'and agg_set_calendar(), for all tasks that have it');
SET session_replication_role = replica;
UPDATE data_agg_state SET calendar = 'nyse';
RESET session_replication_role;
SELECT cmp_ok((agg_refresh_calendars() ->> 'tasks_marked')::int, '>', 0, 'a calendar that came while no trigger fired');
SELECT lives_ok($$SELECT * FROM agg_why('exact', '1h', '2025-09-11 10:00+00')$$, 'has days then');
SELECT * FROM finish();
