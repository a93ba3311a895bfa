-- Calendars of tasks: chosen by hand, by the registry, or in the table; and which windows are marked when rules change.
\ir include/tap.psql
\ir include/refusals.psql
SELECT no_plan();
DO $$ BEGIN PERFORM agg_setup(); END $$;
SET TimeZone = 'UTC';
CREATE VIEW marks AS SELECT canonical_symbol AS symbol, timeframe, from_utc, to_utc FROM agg_dirty_ranges WHERE due = 'now';
CREATE VIEW tasks AS SELECT canonical_symbol AS symbol, timeframe, source_timeframe AS source, calendar, last_agg_bar_ts_utc AS cursor FROM data_agg_state;
CREATE FUNCTION add_bar(symbol text, tf text, ts timestamptz) RETURNS void LANGUAGE sql AS
	$$INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES (symbol, tf, ts, 1, 1, 1, 1)$$;
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, last_agg_bar_ts_utc) VALUES
	('EURUSD', '5m', '1m', '2025-09-01 10:05'), ('EURUSD', '1h', '5m', '2025-09-01 10:00'), ('EURUSD', '4h', '1h', '2025-09-01 08:00'), ('EURUSD', '1d', NULL, '2025-09-01 00:00'), ('EURUSD', '1w', NULL, NULL),
	('OTHER', '1h', '5m', '2025-09-01');
SELECT add_bar('EURUSD', '1d', '2025-09-10') \g /dev/null

-- ---- by hand ----
SELECT probe.refuses($$SELECT agg_set_calendar('EURUSD', 'nobody')$$, '22023', 'calendar "nobody" does not exist (EURUSD)', '%agg_calendars%', 'an unknown calendar');
SELECT probe.refuses($$SELECT agg_set_calendar('EURUSD', 'NYSE')$$, '22023', 'calendar "NYSE" does not exist (EURUSD)', 'Did you mean "nyse"? agg_calendars lists%', 'another spelling of one');
SELECT probe.refuses($$SELECT agg_set_calendar('EURUSD', 'UTC')$$, '22023', 'calendar "UTC" does not exist (EURUSD)', 'Did you mean "utc"?%', 'or of the one that is built in');
SELECT probe.refuses($$SELECT agg_set_calendar('EURUSE', 'fx')$$, 'P0002', '%"EURUSE" does not exist', 'Did you mean "EURUSD"?%', 'a symbol that is misspelt');
BEGIN;
INSERT INTO core_asset_registry_all (canonical_symbol, active) VALUES ('FRESH', true), ('ASLEEP', false);
SELECT is(answer ->> 'message', message, 'a symbol without a task: ' || (answer ->> 'error'))
FROM (VALUES (agg_set_calendar('FRESH', 'fx'), 'FRESH has no task. Run sync_agg_state_from_registry() to create the tasks of all active assets.'),
	(agg_set_source('FRESH', 'exact'), 'FRESH has no task. Run sync_agg_state_from_registry() to create the tasks of all active assets.'),
	(agg_set_calendar('ASLEEP', 'fx'), 'ASLEEP has no task. ASLEEP is not active in core_asset_registry_all. Set active there (test_active for DEV and TEST), then run sync_agg_state_from_registry().')) AS v(answer, message);
ROLLBACK;
SELECT probe.refuses($$SELECT agg_set_calendar(NULL, 'fx')$$, '22004', '%p_symbol%', NULL, 'NULL');
SELECT probe.refuses($$SELECT agg_set_calendar('NOBODY', 'fx')$$, 'P0002', '%NOBODY%', NULL, 'a symbol that nobody knows');
SELECT is(count(*), 0::bigint, 'no calendar has days before a task needs it') FROM agg_calendar_days;
SELECT is(agg_set_calendar('EURUSD', 'fx') - 'note', '{"success": true, "canonical_symbol": "EURUSD", "calendar": "fx", "tasks": 5, "changed": [
	{"timeframe": "1d", "last_agg_bar_ts_utc": ["2025-09-01T00:00:00+00:00", "2025-08-31T21:00:00+00:00"]}, {"timeframe": "1h"}, {"timeframe": "1w"},
	{"timeframe": "4h", "last_agg_bar_ts_utc": ["2025-09-01T08:00:00+00:00", "2025-09-01T05:00:00+00:00"]}, {"timeframe": "5m"}]}', 'agg_set_calendar() says what has changed');
SELECT results_eq($$SELECT timeframe, source, calendar, cursor FROM tasks WHERE symbol = 'EURUSD' ORDER BY 1$$,
	$$VALUES ('1d', NULL, 'fx', '2025-08-31 21:00'::timestamptz), ('1h', '5m', 'fx', '2025-09-01 10:00'), ('1w', NULL, 'fx', NULL), ('4h', '1h', 'fx', '2025-09-01 05:00'), ('5m', '1m', 'fx', '2025-09-01 10:05')$$, 'all tasks, cursors at the start of their windows');
SELECT is(calendar, NULL, 'of that symbol') FROM tasks WHERE symbol = 'OTHER';
SELECT results_eq('SELECT calendar, count(*), min(trading_date), max(trading_date) FROM agg_calendar_days GROUP BY 1', $$VALUES ('fx', 22281::bigint, '1990-01-01'::date, '2051-01-01'::date)$$, 'its days are stored');
SELECT set_eq('SELECT * FROM marks', $$VALUES ('EURUSD', '5m', '-infinity'::timestamptz, '2025-09-01 10:05'::timestamptz), ('EURUSD', '1h', '-infinity', '2025-09-01 10:00'), ('EURUSD', '4h', '-infinity', '2025-09-01 05:00'),
	('EURUSD', '1d', '-infinity', '2025-08-31 21:00'), ('EURUSD', '1d', '2025-08-31 21:00', '2025-09-10 00:01'), ('EURUSD', '1w', '-infinity', '2025-07-01')$$, 'all of it is marked, also bars ahead of a cursor');
SELECT set_eq('SELECT canonical_symbol, timeframe FROM agg_recent_tasks', $$VALUES ('EURUSD', '5m'), ('EURUSD', '1h'), ('EURUSD', '4h'), ('EURUSD', '1d'), ('EURUSD', '1w'), ('OTHER', '1h')$$, 'and listed for those who do not know it');
DELETE FROM agg_dirty_ranges;
SELECT is(agg_set_calendar('EURUSD', 'fx') -> 'changed', '[]', 'once more: nothing');
SELECT is_empty('SELECT * FROM marks', 'is marked');

-- A day that begins at a half hour cannot be made of hours.
INSERT INTO agg_calendars (calendar, time_zone, day_start) VALUES ('india', 'Asia/Kolkata', '09:00');
SELECT agg_set_calendar('EURUSD', 'india') \g /dev/null
SELECT results_eq($$SELECT timeframe, source, cursor FROM tasks WHERE symbol = 'EURUSD' ORDER BY 1$$,
	$$VALUES ('1d', '5m', '2025-08-31 03:30'::timestamptz), ('1h', '5m', '2025-09-01 10:00'), ('1w', NULL, NULL), ('4h', '5m', '2025-09-01 03:30'), ('5m', '1m', '2025-09-01 10:05')$$, 'sources that do not fit give way');
SELECT agg_set_calendar('EURUSD', 'utc') \g /dev/null
SELECT results_eq($$SELECT timeframe, source, calendar FROM tasks WHERE symbol = 'EURUSD' ORDER BY 1$$, $$VALUES ('1d', '1h', NULL), ('1h', '5m', NULL), ('1w', NULL, NULL), ('4h', '1h', NULL), ('5m', '1m', NULL)$$, 'and come back');

-- ---- in the table ----
SELECT probe.refuses($$INSERT INTO data_agg_state (canonical_symbol, timeframe, calendar) VALUES ('NEW', '5m', 'nobody')$$, '23503', '%"nobody" does not exist%', '%agg_set_calendar()%', 'a task with an unknown calendar');
SELECT probe.refuses($$UPDATE data_agg_state SET calendar = 'nobody' WHERE canonical_symbol = 'OTHER'$$, '23503', '%"nobody"%', NULL, 'or one that gets it');
SELECT probe.refuses($$INSERT INTO data_agg_state (canonical_symbol, timeframe, calendar) VALUES ('OTHER', '5m', 'fx')$$, '23514', 'task OTHER/5m has calendar "fx", but OTHER/1h has "utc"', '%agg_set_calendar()%', 'a task beside others of another calendar');
SELECT probe.refuses($$INSERT INTO data_agg_state (canonical_symbol, timeframe, calendar) VALUES ('NEW', '5m', 'fx'), ('NEW', '1h', 'nyse')$$, '23514', NULL, NULL, 'two at once');
SELECT probe.refuses($$UPDATE data_agg_state SET calendar = 'fx' WHERE canonical_symbol = 'EURUSD' AND timeframe = '1d'$$, '23514', '%EURUSD%', NULL, 'one of several that gets another');
DELETE FROM agg_dirty_ranges;
UPDATE data_agg_state SET calendar = 'nyse' WHERE canonical_symbol = 'OTHER';
SELECT set_eq('SELECT * FROM marks', $$VALUES ('OTHER', '1h', '-infinity'::timestamptz, '2025-09-01'::timestamptz)$$, 'an UPDATE of them all marks the same');
SELECT lives_ok($$UPDATE data_agg_state SET calendar = 'utc' WHERE canonical_symbol = 'EURUSD'$$, 'utc may be written as such');
SELECT lives_ok($$INSERT INTO data_agg_state (canonical_symbol, timeframe) VALUES ('EURUSD', '15m')$$, 'or not');

-- ---- rules that change ----
SELECT agg_set_calendar('EURUSD', 'fx') \g /dev/null
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-09-01 21:00' WHERE canonical_symbol = 'EURUSD';
CREATE VIEW changed_at AS SELECT calendar, changed_at FROM agg_calendars WHERE calendar IN ('fx', 'nyse');
CREATE TABLE before AS SELECT * FROM changed_at;
DELETE FROM agg_dirty_ranges;
INSERT INTO agg_calendar_exceptions (calendar, trading_date, note) VALUES ('fx', '2025-07-04', 'mine'), ('fx', '2025-12-24', 'later');
SELECT set_eq('SELECT * FROM marks', $$SELECT 'EURUSD', tf, '2025-07-03 21:00'::timestamptz AS a, '2025-07-04 21:00'::timestamptz AS b FROM unnest('{5m,15m,1h,4h,1d,1w}'::text[]) AS tf$$, 'a holiday marks its day, as far as the tasks have come');
SELECT set_eq('SELECT calendar FROM changed_at EXCEPT SELECT calendar FROM (TABLE changed_at INTERSECT TABLE before) AS same', ARRAY['fx'], 'sessions hear of it');
DELETE FROM agg_dirty_ranges;
UPDATE agg_calendar_exceptions SET note = 'still mine' WHERE note = 'mine';
SELECT is_empty('SELECT * FROM marks', 'a note marks nothing');
UPDATE agg_calendar_exceptions SET closed = false WHERE note = 'still mine';
SELECT is(count(*), 6::bigint, 'opened again') FROM marks WHERE from_utc = '2025-07-03 21:00' AND to_utc = '2025-07-04 21:00';
DELETE FROM agg_dirty_ranges;
DELETE FROM agg_calendar_exceptions WHERE note = 'still mine';
SELECT is_empty('SELECT * FROM marks', 'a row that says what the weekday says may go');
UPDATE agg_calendar_sessions SET closes = '16:00' WHERE calendar = 'fx' AND weekday = 5;
SELECT results_eq($$SELECT from_utc, to_utc FROM marks WHERE timeframe = '1h' ORDER BY 1$$, $$SELECT d - interval '1 day', d FROM generate_series('2025-07-04 21:00'::timestamptz, '2025-08-29 21:00', '7 days') AS d$$, 'a session of a weekday marks those weekdays');
DELETE FROM agg_dirty_ranges;
UPDATE agg_calendars SET day_start = '18:00', time_zone = 'America/New_York' WHERE calendar = 'nyse';
SELECT is(count(*), 1::bigint, 'another start of the day marks everything') FROM marks WHERE symbol = 'OTHER' AND from_utc = '2025-07-01' AND to_utc = '2025-09-01';
DELETE FROM agg_dirty_ranges;
UPDATE agg_calendars SET week_start = 2 WHERE calendar = 'nyse';
SELECT is(count(*), 1::bigint, 'another start of the week, too') FROM marks WHERE symbol = 'OTHER' AND from_utc = '2025-07-01' AND to_utc = '2025-09-01';
DELETE FROM agg_dirty_ranges;
UPDATE agg_calendars SET outside_sessions = 'counted' WHERE calendar = 'nyse';
SELECT is(count(*), 1::bigint, 'and what becomes of candles outside of sessions') FROM marks WHERE symbol = 'OTHER' AND from_utc = '2025-07-01' AND to_utc = '2025-09-01';
DELETE FROM agg_dirty_ranges;
UPDATE agg_calendars SET day_start = '09:00' WHERE calendar = 'india';
SELECT is_empty('SELECT * FROM marks', 'a calendar that nobody has marks nothing');
SELECT set_eq('SELECT DISTINCT calendar FROM agg_calendar_days', ARRAY['fx', 'india', 'nyse'], 'days stay where they were needed once');
SELECT is(starts_at, '2025-01-01 03:30'::timestamptz, 'and follow the rules') FROM agg_calendar_days WHERE calendar = 'india' AND trading_date = '2025-01-01';

-- ---- calendars that go ----
SELECT probe.refuses($$DELETE FROM agg_calendars WHERE calendar = 'fx'$$, '23503', 'calendar "fx" is used by the tasks of EURUSD', '%agg_set_calendar()%', 'a calendar that tasks have cannot go');
SELECT probe.refuses($$UPDATE agg_calendars SET calendar = 'forex' WHERE calendar = 'fx'$$, '23503', '%"fx"%', NULL, 'nor be renamed');
DELETE FROM agg_calendars WHERE calendar = 'india';
SELECT set_eq('SELECT DISTINCT calendar FROM agg_calendar_days', ARRAY['fx', 'nyse'], 'another one goes with its days');

-- ---- rules of time zones ----
SELECT is(agg_refresh_calendars(), '{"success": true, "changed": [], "tasks_marked": 0}', 'nothing to refresh');
UPDATE agg_calendar_days SET starts_at = starts_at - interval '1 hour' WHERE calendar = 'fx' AND trading_date BETWEEN '2025-08-05' AND '2025-08-07';
UPDATE agg_calendar_days SET opens = '{}', closes = '{}' WHERE calendar = 'nyse' AND trading_date = '2025-07-08';
SELECT is(agg_refresh_calendars(), '{"success": true, "changed": [{"calendar": "fx", "from_utc": "2025-08-03T21:00:00+00:00", "to_utc": "2025-08-07T21:00:00+00:00", "ranges": 1},
	{"calendar": "nyse", "from_utc": "2025-07-07T22:00:00+00:00", "to_utc": "2025-07-08T22:00:00+00:00", "ranges": 1}], "tasks_marked": 7}', 'days that the clock has moved');
SELECT set_eq('SELECT DISTINCT symbol, from_utc, to_utc FROM marks', $$VALUES ('EURUSD', '2025-08-03 21:00'::timestamptz, '2025-08-07 21:00'::timestamptz), ('OTHER', '2025-07-07 22:00', '2025-07-08 22:00')$$, 'are marked');
SELECT is(agg_refresh_calendars() ->> 'tasks_marked', '0', 'once');

-- ---- sources that do not fit any more ----
INSERT INTO agg_calendars (calendar, time_zone, day_start) VALUES ('halves', 'Asia/Kolkata', '05:30');
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, calendar, agg_start_utc, last_agg_bar_ts_utc) VALUES
	('FIT', '5m', '1m', 'halves', '2025-07-01', '2025-07-03'), ('FIT', '15m', '5m', 'halves', '2025-07-01', '2025-07-03'), ('FIT', '1h', '15m', 'halves', '2025-07-01', '2025-07-03'), ('FIT', '4h', '1h', 'halves', '2025-07-01', '2025-07-03'),
	('FIT', '1d', '1h', 'halves', '2025-07-01', '2025-07-03'), ('FIT', '1w', '1d', 'halves', '2025-07-01', '2025-06-30'), ('FINE', '4h', '5m', 'halves', '2025-07-01', NULL);
CREATE VIEW fit AS SELECT timeframe, source FROM tasks WHERE symbol = 'FIT';
UPDATE agg_calendars SET day_start = '09:30' WHERE calendar = 'halves';
SELECT set_eq('TABLE fit', $$VALUES ('5m', '1m'), ('15m', '5m'), ('1h', '15m'), ('4h', '1h'), ('1d', '1h'), ('1w', '1d')$$, 'days that begin at another full hour UTC leave the sources as they are');
UPDATE agg_calendars SET day_start = '09:15' WHERE calendar = 'halves';
SELECT set_eq('TABLE fit', $$VALUES ('5m', '1m'), ('15m', '5m'), ('1h', '15m'), ('4h', '5m'), ('1d', '5m'), ('1w', '1d')$$, 'at a quarter, what was made of hours is made of what fits');
SELECT is(source, '5m', 'and what fits stays') FROM tasks WHERE symbol = 'FINE';
SELECT set_has($$SELECT timeframe, from_utc, to_utc FROM marks WHERE symbol = 'FIT'$$, $$VALUES ('4h', '2025-07-01'::timestamptz, '2025-07-03'::timestamptz)$$, 'its bars are made anew');
UPDATE agg_calendars SET day_start = '09:13' WHERE calendar = 'halves';
SELECT set_eq('TABLE fit', $$VALUES ('5m', '1m'), ('15m', '5m'), ('1h', '15m'), ('4h', '1m'), ('1d', '1m'), ('1w', '1d')$$, 'else of minutes');
SELECT is(source, '1m', 'each task') FROM tasks WHERE symbol = 'FINE';
DELETE FROM data_agg_state WHERE canonical_symbol IN ('FIT', 'FINE');
DELETE FROM agg_calendars WHERE calendar = 'halves';

-- ---- while tracking is off ----
DELETE FROM agg_dirty_ranges;
SET aggregation.tracking = off;
INSERT INTO agg_calendar_exceptions (calendar, trading_date, note) VALUES ('fx', '2025-07-07', 'loaded');
RESET aggregation.tracking;
SELECT is_empty('SELECT * FROM marks', 'what is loaded while tracking is off');
SELECT is(agg_refresh_calendars() ->> 'tasks_marked', '6', 'agg_refresh_calendars() follows up');
SET aggregation.tracking = off;
INSERT INTO agg_calendar_exceptions (calendar, trading_date, closed, opens, closes) VALUES ('fx', '2025-07-09', false, '10:00', '12:00'), ('fx', '2025-07-09', false, '11:00', '13:00');
INSERT INTO agg_calendars (calendar, time_zone) VALUES ('mars', 'Mars/Olympus_Mons');
RESET aggregation.tracking;
SELECT probe.refuses('SELECT agg_refresh_calendars()', '22023', 'calendar "fx", 2025-07-09: the session from 11:00 to 13:00 overlaps the one from 10:00 to 12:00', '%follow each other%', 'and refuses what the triggers would have refused');
SELECT probe.refuses($$SELECT agg_set_calendar('OTHER', 'mars')$$, '22023', 'time zone "Mars/Olympus_Mons" of calendar "mars" does not exist', '%pg_timezone_names%', 'as does the first task of a calendar');
SET aggregation.tracking = off;
DELETE FROM agg_calendar_exceptions WHERE calendar = 'fx' AND trading_date = '2025-07-09';
DELETE FROM agg_calendars WHERE calendar = 'mars';
RESET aggregation.tracking;

SET aggregation.tracking = off;
UPDATE agg_calendars SET week_start = 3 WHERE calendar = 'nyse';
UPDATE agg_calendars SET time_zone = 'Europe/London' WHERE calendar = 'cme_globex';
RESET aggregation.tracking;
DELETE FROM agg_dirty_ranges;
SELECT is(agg_refresh_calendars(), '{"success": true, "changed": [{"calendar": "nyse", "from_utc": "4600-01-01T00:00:00+00:00 BC", "to_utc": "290000-01-01T00:00:00+00:00", "ranges": 1}], "tasks_marked": 1}', 'and the start of the week');
SELECT is(count(*), 1::bigint, 'all windows are marked') FROM marks WHERE symbol = 'OTHER' AND from_utc = '2025-07-01' AND to_utc = '2025-09-01';
SELECT is(agg_refresh_calendars() ->> 'tasks_marked', '0', 'once again');

-- ---- the column, written by hand ----
INSERT INTO agg_calendars (calendar, time_zone, day_start) VALUES ('odd', 'Asia/Kathmandu', '09:17');
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, agg_start_utc) VALUES ('HAND', '5m', '1m', '2025-07-01'), ('HAND', '1h', '5m', '2025-07-01'), ('HAND', '4h', '1h', '2025-07-01'), ('HAND', '1d', NULL, '2025-07-01');
UPDATE data_agg_state SET calendar = 'odd' WHERE canonical_symbol = 'HAND';
SELECT set_eq($$SELECT timeframe, source FROM tasks WHERE symbol = 'HAND'$$, $$VALUES ('5m', '1m'), ('1h', '5m'), ('4h', '1m'), ('1d', '1m')$$, 'has the tasks made of what fits');
-- A cursor goes back to the start of its window, as with agg_set_calendar(): the day that has begun is not passed over, and not made before it is over.
UPDATE data_agg_state SET calendar = NULL, next_run_at = 'infinity', last_agg_bar_ts_utc = CASE timeframe WHEN '1d' THEN '2025-07-03 00:00+00' ELSE '2025-07-03 09:00+00' END::timestamptz WHERE canonical_symbol = 'HAND';
CREATE VIEW cursors AS SELECT timeframe, last_agg_bar_ts_utc AS cursor, next_run_at IS NULL AS due FROM data_agg_state WHERE canonical_symbol = 'HAND';
SELECT set_eq('TABLE cursors', $$VALUES ('5m', '2025-07-03 09:00+00'::timestamptz, false), ('1h', '2025-07-03 09:00+00', false), ('4h', '2025-07-03 08:00+00', true), ('1d', '2025-07-03 00:00+00', false)$$, 'a cursor written with the calendar fits it');
UPDATE data_agg_state SET calendar = 'fx' WHERE canonical_symbol = 'HAND';
SELECT set_eq('TABLE cursors', $$VALUES ('5m', '2025-07-03 09:00+00'::timestamptz, false), ('1h', '2025-07-03 09:00+00', false), ('4h', '2025-07-03 05:00+00', true), ('1d', '2025-07-02 21:00+00', true)$$, 'cursors go back into the windows of a calendar');
UPDATE data_agg_state SET calendar = 'utc', next_run_at = 'infinity' WHERE canonical_symbol = 'HAND';
SELECT set_eq('TABLE cursors', $$VALUES ('5m', '2025-07-03 09:00+00'::timestamptz, false), ('1h', '2025-07-03 09:00+00', false), ('4h', '2025-07-03 04:00+00', true), ('1d', '2025-07-02 00:00+00', true)$$, 'also of none');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'HAND', '1m', t, 1, 1, 1, 1 FROM generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-03 11:59+00', '1 minute') AS t;
UPDATE data_agg_state SET calendar = 'fx', last_agg_bar_ts_utc = '2025-07-03 00:00+00' WHERE canonical_symbol = 'HAND';
SELECT * FROM generate_series(1, 3) CROSS JOIN LATERAL agg_aggregate_tasks('{HAND,HAND,HAND,HAND}', '{5m,1h,4h,1d}', 100000 + generate_series, '2025-07-03 12:00+00') \g /dev/null
SELECT is_empty($$SELECT * FROM derived_data_bars WHERE canonical_symbol = 'HAND' AND timeframe = '1d' AND ts_utc >= '2025-07-02 21:00+00' AND deleted_at IS NULL$$, 'no bar of the day that is not over');
SELECT set_eq($$SELECT ts_utc FROM derived_data_bars WHERE canonical_symbol = 'HAND' AND timeframe = '4h' AND ts_utc >= '2025-07-02 21:00+00' AND deleted_at IS NULL$$, ARRAY['2025-07-02 21:00+00', '2025-07-03 01:00+00', '2025-07-03 05:00+00']::timestamptz[], 'and all windows that are');
SELECT is_empty($$SELECT * FROM agg_verify('HAND')$$, 'as the proof says');
DROP VIEW cursors;
DELETE FROM data_bars WHERE canonical_symbol = 'HAND';
DELETE FROM data_agg_state WHERE canonical_symbol = 'HAND';
DELETE FROM derived_data_bars WHERE canonical_symbol = 'HAND';
DELETE FROM agg_calendars WHERE calendar = 'odd';

-- ---- the registry ----
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES
	('GBPUSD', '{"agg": {"calendar": "fx", "optional": ["4h", "1d"]}}'), ('BAD', '{"agg": {"calendar": "nobody"}}'), ('WORSE', '{"agg": {"calendar": 7}}'), ('PLAIN', '{}'),
	('EURUSD', '{"agg": {"optional": ["4h", "1d", "1w"]}}'), ('OTHER', '{"agg": {"calendar": "utc"}}');
DELETE FROM agg_dirty_ranges;
SELECT is(sync_agg_state_from_registry() -> 'assets_skipped', '[{"canonical_symbol": "BAD", "error": "metadata.agg.calendar names \"nobody\", which is not a calendar"},
	{"canonical_symbol": "WORSE", "error": "metadata.agg.calendar must be the name of a calendar, such as \"utc\" or \"fx\""}]', 'an unknown calendar skips its asset');
SELECT results_eq('SELECT symbol, array_agg(DISTINCT calendar), count(*) FROM tasks GROUP BY 1 ORDER BY 1', $$VALUES ('EURUSD', '{fx}'::text[], 6::bigint), ('GBPUSD', '{fx}', 4), ('OTHER', '{NULL}', 2), ('PLAIN', '{NULL}', 2)$$,
	'the metadata choose; where they say nothing, the tasks keep what they have');
SELECT set_eq($$SELECT symbol, timeframe FROM marks WHERE symbol <> 'EURUSD'$$, $$VALUES ('OTHER', '1h')$$, 'a calendar that a sync changes is a changed calendar');
SELECT is(sync_agg_state_from_registry() - 'assets_skipped' - 'timestamp_utc' - 'env' - 'agg_start_utc', '{"success": true, "tasks_created": 0, "tasks_updated": 0, "tasks_disabled": 0, "unknown_keys": [], "data_before_start": []}', 'the next sync has nothing to do');
UPDATE core_asset_registry_all SET metadata = '{"agg": {"calendar": "fx", "optional": ["4h", "1d"]}}' WHERE canonical_symbol = 'OTHER';
SELECT is(sync_agg_state_from_registry() ->> 'tasks_updated', '2', 'tasks that get another calendar are updated');

-- ---- an exception is about its own date: only that is made anew, and nothing is forgotten ----
INSERT INTO agg_calendars (calendar, time_zone, day_start) VALUES ('apia', 'Pacific/Apia', '17:00'), ('havana', 'America/Havana', '00:00');
INSERT INTO agg_calendar_sessions SELECT c, d, '17:00', '01:30' FROM unnest('{apia,havana}'::text[]) AS c, generate_series(1, 7) AS d WHERE c = 'apia';
INSERT INTO agg_calendar_sessions SELECT 'havana', d, '00:00', '00:00' FROM generate_series(1, 7) AS d;
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('APIA', '{"agg": {"calendar": "apia"}}'), ('HAVANA', '{"agg": {"calendar": "havana"}}');
SELECT sync_agg_state_from_registry() \g /dev/null
CREATE FUNCTION as_if_made_anew(description text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	as_they_are text := (SELECT md5(string_agg(d::text, ',' ORDER BY d.calendar, d.trading_date)) FROM agg_calendar_days d WHERE calendar IN ('apia', 'havana'));
BEGIN
	RETURN NEXT is(agg_refresh_calendars() -> 'changed', '[]', description);
	SET LOCAL aggregation.tracking = off;
	DELETE FROM agg_calendar_days WHERE calendar IN ('apia', 'havana');
	RESET aggregation.tracking;
	PERFORM agg_refresh_calendars();
	RETURN NEXT is((SELECT md5(string_agg(d::text, ',' ORDER BY d.calendar, d.trading_date)) FROM agg_calendar_days d WHERE calendar IN ('apia', 'havana')), as_they_are, description || ', from nothing');
END
$$;
SELECT as_if_made_anew('as they begin');
INSERT INTO agg_calendar_exceptions (calendar, trading_date) SELECT c, d FROM unnest('{apia,havana}'::text[]) AS c, unnest('{1990-01-01,2011-12-29,2011-12-30,2011-12-31,2025-03-09,2025-11-02,2050-12-31}'::date[]) AS d;
SELECT as_if_made_anew('closed dates at the ends, where the clock is set, and one that the zone skipped');
UPDATE agg_calendar_exceptions SET closed = false, opens = '18:00', closes = '20:00', trading_date = trading_date + 1 WHERE calendar = 'apia' AND trading_date <> '2050-12-31';
SELECT as_if_made_anew('with hours, a date later');
DELETE FROM agg_calendar_exceptions WHERE calendar = 'apia' AND trading_date > '2000-01-01' OR calendar = 'havana' AND trading_date < '2012-01-01';
SELECT as_if_made_anew('gone');
SET aggregation.tracking = off;
DELETE FROM agg_calendar_days WHERE calendar = 'apia';
RESET aggregation.tracking;
INSERT INTO agg_calendar_exceptions (calendar, trading_date) VALUES ('apia', '2025-07-07');
SELECT as_if_made_anew('a calendar that has lost its days gets all of them');

-- ---- code that fires while a function of ours is at work ----
CREATE FUNCTION change_calendar() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM public.agg_calendar_exceptions WHERE calendar = 'fx' AND note = 'loaded';
	RETURN NULL;
END
$$;
CREATE TRIGGER change_calendar AFTER UPDATE ON data_agg_state FOR EACH ROW EXECUTE FUNCTION change_calendar();
SELECT probe.refuses($$SELECT agg_set_calendar('EURUSD', 'utc')$$, '55000', '%code that a function of the extension fires%', '%afterwards%', 'cannot change calendars');
DROP TRIGGER change_calendar ON data_agg_state;
SELECT * FROM finish();
