-- The calendars that the extension brings along: what they say, and what becomes of them where somebody has changed them.
\ir include/tap.psql
\ir include/refusals.psql
\ir include/nyse.psql
SELECT no_plan();
DO $$ BEGIN PERFORM agg_setup(); END $$;
SET TimeZone = 'America/New_York';

SELECT results_eq('SELECT calendar, time_zone, day_start, week_start::int, outside_sessions, shipped FROM agg_calendars ORDER BY 1',
	$$VALUES ('cme_globex', 'America/Chicago', '17:00'::time, 7, 'counted', true), ('fx', 'America/New_York', '17:00', 7, 'counted', true),
	('nyse', 'America/New_York', '00:00', 1, 'left_out', true), ('utc', 'UTC', '00:00', 1, 'counted', true)$$, 'four of them');

-- ---- NYSE ----
CREATE VIEW nyse AS SELECT * FROM agg_trading_days('nyse', '1990-01-01', '2040-12-31');
CREATE TABLE found AS
SELECT trading_date, CASE open_minutes WHEN 0 THEN 'closed' WHEN 210 THEN 'early' WHEN 390 THEN 'full' ELSE open_minutes || ' minutes' END AS kind
FROM nyse WHERE extract(isodow FROM trading_date) < 6;
SELECT set_eq($$SELECT * FROM found WHERE kind <> 'full' AND trading_date BETWEEN '2015-01-01' AND '2027-12-31'$$, 'SELECT * FROM nyse_list', 'NYSE: the exchange''s list of 2015 to 2027');
SELECT set_eq($$SELECT trading_date FROM nyse WHERE extract(isodow FROM trading_date) > 5 AND open_minutes > 0$$, ARRAY[]::date[], 'no weekends');
SELECT is_empty($$SELECT trading_date, sessions FROM nyse WHERE open_minutes = 390 AND (sessions -> 0 ->> 0)::timestamptz::time <> '09:30'$$, 'from 09:30 in New York, winter and summer');
SELECT set_eq($$SELECT trading_date FROM found WHERE kind = 'closed' AND trading_date BETWEEN '2001-01-01' AND '2001-12-31'$$,
	$$SELECT unnest('{2001-01-01,2001-01-15,2001-02-19,2001-04-13,2001-05-28,2001-07-04,2001-09-03,2001-09-11,2001-09-12,2001-09-13,2001-09-14,2001-11-22,2001-12-25}'::date[])$$, '2001');
SELECT set_eq($$SELECT trading_date, kind FROM found WHERE kind <> 'full' AND trading_date BETWEEN '1992-01-01' AND '1992-12-31' OR trading_date = '1996-01-08'$$,
	$$VALUES ('1992-01-01'::date, 'closed'), ('1992-02-17', 'closed'), ('1992-04-17', 'closed'), ('1992-05-25', 'closed'), ('1992-07-03', 'closed'), ('1992-09-07', 'closed'),
	('1992-11-26', 'closed'), ('1992-11-27', '270 minutes'), ('1992-12-24', '270 minutes'), ('1992-12-25', 'closed'), ('1996-01-08', '180 minutes')$$, '1992, when early closes were at two; and a blizzard');
SELECT set_eq($$SELECT trading_date, note FROM nyse WHERE note ~ 'President|Hurricane' $$, $$VALUES ('1994-04-27'::date, 'funeral of President Nixon'), ('2004-06-11', 'mourning for President Reagan'),
	('2007-01-02', 'mourning for President Ford'), ('2012-10-29', 'Hurricane Sandy'), ('2012-10-30', 'Hurricane Sandy'), ('2018-12-05', 'mourning for President George H. W. Bush'),
	('2025-01-09', 'mourning for President Carter')$$, 'what happened once says what it was');
SELECT is(count(*), 0::bigint, 'no New Year''s holiday where it falls on a Saturday') FROM agg_calendar_exceptions WHERE calendar = 'nyse' AND trading_date IN ('1993-12-31', '1999-12-31', '2004-12-31', '2010-12-31', '2021-12-31', '2027-12-31');
SELECT is_empty('SELECT calendar, trading_date FROM agg_calendar_exceptions GROUP BY 1, 2 HAVING count(*) > 1', 'no date has two exceptions');
SELECT results_eq($$SELECT window_start, window_end, expected_minutes FROM agg_calendar_windows('nyse', '1d', '2025-07-03 12:00', '2025-07-05')$$,
	$$VALUES ('2025-07-03 00:00'::timestamptz, '2025-07-04 00:00'::timestamptz, 210::bigint), ('2025-07-04 00:00', '2025-07-05 00:00', 0)$$, 'a short day and a holiday');

-- ---- FX ----
SELECT results_eq($$SELECT window_start, window_end, trading_date, expected_minutes FROM agg_calendar_windows('fx', '1d', '2025-03-07 12:00', '2025-03-10')$$,
	$$VALUES ('2025-03-06 17:00'::timestamptz, '2025-03-07 17:00'::timestamptz, '2025-03-07'::date, 1440::bigint), ('2025-03-07 17:00', '2025-03-08 17:00', '2025-03-08', 0),
	('2025-03-08 17:00', '2025-03-09 17:00', '2025-03-09', 0), ('2025-03-09 17:00', '2025-03-10 17:00', '2025-03-10', 1440)$$, 'FX: days from 17:00 to 17:00, a Sunday of 23 hours');
SELECT is(window_end - window_start, '23:00'::interval, 'in hours') FROM agg_calendar_windows('fx', '1d', '2025-03-09 00:00', '2025-03-09 00:01');
SELECT results_eq($$SELECT window_start, window_end, expected_minutes FROM agg_calendar_windows('fx', '1w', '2025-12-17 00:00', '2025-12-30')$$,
	$$VALUES ('2025-12-14 17:00'::timestamptz, '2025-12-21 17:00'::timestamptz, 7200::bigint), ('2025-12-21 17:00', '2025-12-28 17:00', 5760), ('2025-12-28 17:00', '2026-01-04 17:00', 5760)$$, 'weeks from Sunday; Christmas and New Year''s Day are missing');
SELECT results_eq($$SELECT window_start, window_end FROM agg_calendar_windows('fx', '1mo', '2025-06-15', '2025-06-16')$$, $$VALUES ('2025-05-31 17:00'::timestamptz, '2025-06-30 17:00'::timestamptz)$$, 'a month: the trading days with its dates');

-- ---- CME Globex ----
SELECT results_eq($$SELECT trading_date, starts_at, open_minutes FROM agg_trading_days('cme_globex', '2025-06-13', '2025-06-16')$$,
	$$VALUES ('2025-06-13'::date, '2025-06-12 18:00'::timestamptz, 1380::bigint), ('2025-06-14', '2025-06-13 18:00', 0), ('2025-06-15', '2025-06-14 18:00', 0), ('2025-06-16', '2025-06-15 18:00', 1380)$$, 'CME Globex: 23 hours from 17:00 in Chicago');
SELECT set_eq($$SELECT trading_date, open_minutes FROM agg_trading_days('cme_globex', '2021-01-01', '2023-12-31') WHERE open_minutes <> 1380 AND extract(isodow FROM trading_date) < 6$$,
	$$VALUES ('2021-01-01'::date, 0::bigint), ('2021-04-02', 915), ('2021-12-24', 0), ('2022-04-15', 0), ('2022-12-26', 0), ('2023-01-02', 0), ('2023-04-07', 915), ('2023-12-25', 0)$$, 'its holidays');

-- ---- UTC ----
SELECT results_eq($$SELECT trading_date, starts_at, open_minutes FROM agg_trading_days('utc', '2025-03-09', '2025-03-10')$$, $$VALUES ('2025-03-09'::date, '2025-03-09 00:00+00'::timestamptz, 1440::bigint), ('2025-03-10', '2025-03-10 00:00+00', 1440)$$, 'UTC: always open');
SELECT results_eq($$SELECT * FROM agg_calendar_windows('utc', '1w', '1200-01-05 00:00+00', '1200-01-05 00:01+00')$$, $$VALUES ('1200-01-03 00:00+00'::timestamptz, '1200-01-10 00:00+00'::timestamptz, '1200-01-03'::date, 10080::bigint)$$, 'at all times');
SELECT probe.refuses($$UPDATE agg_calendars SET time_zone = 'Europe/London' WHERE calendar = 'utc'$$, '55000', '%"utc"%', '%another name%', 'and never anything else');
SELECT probe.refuses($$DELETE FROM agg_calendar_sessions WHERE calendar = 'utc'$$, '55000', '%"utc"%', NULL, 'nor its sessions');
SELECT probe.refuses($$INSERT INTO agg_calendar_exceptions (calendar, trading_date) VALUES ('utc', '2025-12-25')$$, '55000', '%"utc"%', NULL, 'nor a holiday');

-- ---- what somebody has changed ----
UPDATE agg_calendar_exceptions SET closed = false, note = 'open here' WHERE calendar = 'nyse' AND trading_date = '2025-01-09';
INSERT INTO agg_calendar_exceptions (calendar, trading_date, note, shipped) VALUES ('nyse', '2026-05-05', 'mine', true);
SELECT results_eq($$SELECT trading_date, shipped FROM agg_calendar_exceptions WHERE note IN ('open here', 'mine') ORDER BY 1$$, $$VALUES ('2025-01-09'::date, false), ('2026-05-05', false)$$, 'rows that somebody writes are his');
SELECT is(shipped, true, 'which leaves the calendar as it is') FROM agg_calendars WHERE calendar = 'nyse';
SELECT is_empty('SELECT * FROM agg_setup()', 'agg_setup() finds nothing to do');
SELECT probe.refuses($$DELETE FROM agg_calendar_exceptions WHERE calendar = 'nyse' AND trading_date = '2024-12-25'$$, '55000', '%"nyse" on 2024-12-25%', '%closed = false%', 'a shipped exception cannot be deleted');
DELETE FROM agg_calendar_exceptions WHERE calendar = 'nyse' AND trading_date IN ('2025-01-09', '2026-05-05');
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('calendar nyse', 'replaced')$$, 'one''s own can: then the shipped one comes back');
SELECT is(closed, true, 'as it was') FROM agg_calendar_exceptions WHERE calendar = 'nyse' AND trading_date = '2025-01-09';
SET aggregation.tracking = off;
UPDATE agg_calendar_exceptions SET closes = '12:00' WHERE calendar = 'nyse' AND trading_date = '2024-12-24';
DELETE FROM agg_calendar_exceptions WHERE calendar = 'nyse' AND trading_date = '2024-12-25';
INSERT INTO agg_calendar_exceptions (calendar, trading_date, shipped) VALUES ('nyse', '2024-12-26', true);
UPDATE agg_calendar_sessions SET closes = '15:00' WHERE calendar = 'nyse' AND weekday = 5;
UPDATE agg_calendars SET week_start = 3 WHERE calendar = 'nyse';
RESET aggregation.tracking;
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('calendar nyse', 'replaced')$$, 'what a release ships differently is brought up to date');
SELECT set_eq($$SELECT * FROM nyse_list WHERE trading_date BETWEEN '2024-12-01' AND '2024-12-31'$$, $$SELECT trading_date, CASE open_minutes WHEN 0 THEN 'closed' ELSE 'early' END FROM nyse
	WHERE extract(isodow FROM trading_date) < 6 AND open_minutes < 390 AND trading_date BETWEEN '2024-12-01' AND '2024-12-31'$$, 'to the list');

UPDATE agg_calendar_sessions SET closes = '15:00' WHERE calendar = 'fx' AND weekday = 5;
SELECT is(shipped, false, 'another session makes a calendar somebody''s own') FROM agg_calendars WHERE calendar = 'fx';
UPDATE agg_calendars SET day_start = '16:30', time_zone = 'Europe/London', shipped = false WHERE calendar = 'cme_globex';
SELECT is_empty('SELECT * FROM agg_setup()', 'which agg_setup() leaves alone');
UPDATE agg_calendars SET shipped = true WHERE calendar IN ('fx', 'cme_globex');
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('calendar fx', 'replaced'), ('calendar cme_globex', 'replaced')$$, 'until he wants the release''s rules again');
SELECT is(closes, '17:00'::time, 'which are back') FROM agg_calendar_sessions WHERE calendar = 'fx' AND weekday = 5;
DELETE FROM agg_calendars WHERE calendar = 'cme_globex';
SELECT is_empty($$SELECT * FROM agg_calendar_exceptions WHERE calendar = 'cme_globex'$$, 'a calendar goes with its exceptions');
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('calendar cme_globex', 'created')$$, 'and is made again');
SELECT * FROM finish();
