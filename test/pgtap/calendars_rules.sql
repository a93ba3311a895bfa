-- A calendar of one's own: what is refused when it is written, and what the rules come to.
\ir include/tap.psql
\ir include/refusals.psql
SELECT no_plan();
DO $$ BEGIN PERFORM agg_setup(); END $$;
SET TimeZone = 'UTC';
INSERT INTO agg_calendars (calendar, time_zone, day_start, shipped) VALUES ('mine', 'Asia/Kolkata', '08:00', true);
SELECT is(shipped, false, 'what somebody inserts is not shipped') FROM agg_calendars WHERE calendar = 'mine';

-- ---- what is refused ----
SELECT probe.refuses($$INSERT INTO agg_calendars (calendar, time_zone) VALUES ('x', 'Mars/Olympus')$$, '22023', '%"Mars/Olympus" of calendar "x"%', '%pg_timezone_names%', 'an unknown time zone');
SELECT probe.refuses($$UPDATE agg_calendars SET time_zone = 'EST5EDT4' WHERE calendar = 'mine'$$, '22023', '%"EST5EDT4"%', NULL, 'one that PostgreSQL would make up');
SELECT probe.refuses($$INSERT INTO agg_calendars (calendar, time_zone, day_start) VALUES ('x', 'UTC', '24:00')$$, '22023', '%begin at 24:00%', NULL, 'a day that begins at 24:00');
SELECT probe.refuses($$INSERT INTO agg_calendars (calendar, time_zone, day_start) VALUES ('x', 'UTC', '09:00:30')$$, '22023', '%09:00:30%', NULL, 'or within a minute');
SELECT probe.refuses($$INSERT INTO agg_calendars (calendar, time_zone, week_start) VALUES ('x', 'UTC', 8)$$, '22023', 'calendar "x": week_start is not a weekday, but 8', '%1, Monday, to 7, Sunday%', 'an eighth weekday');
SELECT probe.refuses($$INSERT INTO agg_calendars (calendar, time_zone, outside_sessions) VALUES ('x', 'UTC', 'ignored')$$, '22023', 'calendar "x": outside_sessions is neither counted nor left_out, but "ignored"', 'counted: %', 'another word for outside_sessions');
SELECT probe.refuses($$INSERT INTO agg_calendars (calendar, time_zone) VALUES ('', 'UTC')$$, '22023', 'a calendar needs a name', '%xetra%', 'no name');
SELECT probe.refuses(format($$INSERT INTO agg_calendars (calendar, time_zone) VALUES (%L, 'UTC')$$, name), '22023', 'the name of calendar "' || name || '" has blanks around it or control characters in it', '%Leave them out%', 'a name with what nobody sees')
FROM unnest(ARRAY[' b', 'b ', E'b\t', E'a\u0001b', E'a\u007fb']) AS name;
SELECT lives_ok($$INSERT INTO agg_calendars (calendar, time_zone) VALUES ('New York ♥', 'UTC')$$, 'others may have blanks, and signs of any kind');
DELETE FROM agg_calendars WHERE calendar LIKE 'New York%';
SELECT probe.refuses($$UPDATE agg_calendars SET calendar = 'mine ' WHERE calendar = 'mine'$$, '22023', '%blanks around it%', NULL, 'also when it is renamed');
SELECT probe.refuses($$INSERT INTO agg_calendars (calendar, time_zone) VALUES (repeat('c', 1000000), 'UTC')$$, '22001', 'calendar must be at most 256 bytes long, %', NULL, 'a name of a million letters');
SELECT probe.refuses($$INSERT INTO agg_calendars (calendar, time_zone) VALUES (NULL, 'UTC')$$, '23502', NULL, NULL, 'NULL');
SELECT probe.refuses($$INSERT INTO agg_calendar_sessions VALUES ('mine', 0, '09:00', '10:00')$$, '22023', 'calendar "mine": a session''s weekday is not a weekday, but 0', '%1, Monday, to 7, Sunday%', 'a weekday that counts from 0');
SET aggregation.tracking = off;
SELECT probe.refuses($$INSERT INTO agg_calendars (calendar, time_zone, week_start) VALUES ('x', 'UTC', 8)$$, '23514', NULL, NULL, 'untracked, too');
RESET aggregation.tracking;
SELECT probe.refuses($$INSERT INTO agg_calendar_sessions VALUES ('nobody', 1, '09:00', '10:00')$$, '23503', NULL, NULL, 'a session of no calendar');
SELECT probe.refuses($$INSERT INTO agg_calendar_sessions VALUES ('mine', 1, '07:00', '09:00')$$, '22023', 'calendar "mine", weekday 1: the session from 07:00 to 09:00 does not lie within the trading day, which begins at 08:00', '%next trading date%', 'a session that is not within its day');
SELECT probe.refuses($$INSERT INTO agg_calendar_sessions VALUES ('mine', 1, '10:00', '10:00')$$, '22023', '%from 10:00 to 10:00%', NULL, 'an empty one');
SELECT probe.refuses($$INSERT INTO agg_calendar_sessions VALUES ('mine', 1, '10:00', '10:00:30')$$, '22023', '%whole minutes%', NULL, 'one of seconds');
SELECT probe.refuses($$INSERT INTO agg_calendar_sessions VALUES ('mine', 1, '24:00', '06:00')$$, '22023', '%24:00%', NULL, 'one that opens at 24:00');
SELECT probe.refuses($$INSERT INTO agg_calendar_sessions VALUES ('mine', 1, '09:00', '12:00'), ('mine', 1, '11:59', '15:00')$$, '22023', '%from 11:59 to 15:00 overlaps the one from 09:00 to 12:00%', '%follow each other%', 'overlapping ones');
INSERT INTO agg_calendar_sessions VALUES ('mine', 1, '09:15', '12:00'), ('mine', 1, '12:00', '15:30'), ('mine', 1, '23:00', '02:00'), ('mine', 2, '08:00', '08:00'), ('mine', 3, '23:00', '24:00'), ('mine', 4, '07:00', '08:00');
SELECT probe.refuses($$INSERT INTO agg_calendar_sessions VALUES ('mine', 1, '01:00', '03:00')$$, '22023', '%from 01:00 to 03:00 overlaps the one from 23:00 to 02:00%', NULL, 'over midnight, too');
SELECT probe.refuses($$UPDATE agg_calendars SET day_start = '10:00' WHERE calendar = 'mine'$$, '22023', '%from 09:15 to 12:00%10:00%', NULL, 'a day start in the middle of a session');
SELECT probe.refuses($$INSERT INTO agg_calendar_exceptions (calendar, trading_date, opens, closes) VALUES ('mine', '2025-01-06', '09:00', '10:00')$$, '22023', '%2025-01-06: a closed date has no hours%', '%closed%', 'a closed date with hours');
SELECT probe.refuses($$INSERT INTO agg_calendar_exceptions (calendar, trading_date, closed, opens) VALUES ('mine', '2025-01-06', false, '09:00')$$, '22023', '%both opens and closes%', NULL, 'half a session');
SELECT probe.refuses($$INSERT INTO agg_calendar_exceptions (calendar, trading_date, closed, opens, closes) VALUES ('mine', '2025-01-06', false, '09:00', '10:00'), ('mine', '2025-01-06', true, NULL, NULL)$$, '22023', '%only one of its date%', NULL, 'a date that is both open and closed');
SELECT probe.refuses($$INSERT INTO agg_calendar_exceptions (calendar, trading_date, closed, opens, closes) VALUES ('mine', '2025-01-06', false, '09:00', '10:00'), ('mine', '2025-01-06', false, '09:30', '11:00')$$, '22023', '%2025-01-06: the session from 09:30 to 11:00 overlaps%', NULL, 'overlapping ones of a date');
SELECT probe.refuses($$INSERT INTO agg_calendar_exceptions (calendar, trading_date) VALUES ('mine', '1989-12-31')$$, '22023', '%1990-01-01 to 2050-12-31%', NULL, 'a date before all others');
SELECT probe.refuses($$INSERT INTO agg_calendar_exceptions (calendar, trading_date) VALUES ('mine', 'infinity')$$, '22023', NULL, NULL, 'or after');
SELECT probe.refuses('TRUNCATE agg_calendar_sessions', '0A000', '%truncated%', 'Use DELETE, which makes the days of each calendar anew.', 'TRUNCATE of sessions');
SELECT probe.refuses('TRUNCATE agg_calendar_exceptions', '0A000', '%truncated%', '%DELETE ... WHERE NOT shipped.%', 'of exceptions');
SELECT probe.refuses('TRUNCATE agg_calendars CASCADE', '0A000', '%truncated%', '%refuses calendars that tasks have.', 'of all');

-- ---- what they come to ----
INSERT INTO agg_calendar_exceptions (calendar, trading_date, closed, opens, closes, note) VALUES
	('mine', '2025-01-13', true, NULL, NULL, 'a holiday'), ('mine', '2025-01-14', false, '10:00', '11:00', 'two'), ('mine', '2025-01-14', false, '12:00', '13:00', 'hours'), ('mine', '2025-01-20', false, NULL, NULL, 'as always');
SELECT results_eq($$SELECT trading_date, starts_at, ends_at, open_minutes, sessions, note FROM agg_trading_days('mine', '2025-01-12', '2025-01-14')$$,
	$$VALUES ('2025-01-12'::date, '2025-01-12 02:30+00'::timestamptz, '2025-01-13 02:30+00'::timestamptz, 0::bigint, '[]'::jsonb, NULL),
	('2025-01-13', '2025-01-13 02:30+00', '2025-01-14 02:30+00', 0, '[]', 'a holiday'),
	('2025-01-14', '2025-01-14 02:30+00', '2025-01-15 02:30+00', 120, '[["2025-01-14T04:30:00+00:00", "2025-01-14T05:30:00+00:00"], ["2025-01-14T06:30:00+00:00", "2025-01-14T07:30:00+00:00"]]', 'two, hours')$$, 'exceptions');
SELECT results_eq($$SELECT extract(isodow FROM trading_date)::int, open_minutes FROM agg_trading_days('mine', '2025-01-20', '2025-01-26')$$,
	'VALUES (1, 555::bigint), (2, 1440), (3, 60), (4, 60), (5, 0), (6, 0), (7, 0)', 'weekdays');
SELECT results_eq($$SELECT window_start, expected_minutes FROM agg_calendar_windows('mine', '8h', '2025-01-20 02:30+00', '2025-01-21 02:30+00')$$,
	$$VALUES ('2025-01-20 02:30+00'::timestamptz, 375::bigint), ('2025-01-20 10:30+00', 60), ('2025-01-20 18:30+00', 120)$$, 'windows from the start of the day');
SELECT is(count(*), 0::bigint, 'a look stores nothing') FROM agg_calendar_days;

-- A note is that of the rule that holds.
SELECT is(note, 'Christmas Day', 'a holiday') FROM agg_trading_days('fx', '2025-12-25', '2025-12-25');
UPDATE agg_calendar_exceptions SET closed = false, opens = '17:00', closes = '12:00' WHERE calendar = 'fx' AND trading_date = '2025-12-25';
SELECT results_eq($$SELECT open_minutes, note FROM agg_trading_days('fx', '2025-12-25', '2025-12-25')$$, 'VALUES (1140::bigint, NULL::text)', 'that somebody gives hours is none any more');
UPDATE agg_calendar_exceptions SET closed = false, note = 'a day like others' WHERE calendar = 'fx' AND trading_date = '2026-12-25';
SELECT is(note, 'a day like others', 'but what he writes himself') FROM agg_trading_days('fx', '2026-12-25', '2026-12-25');
UPDATE agg_calendar_exceptions SET closes = '13:15' WHERE calendar = 'nyse' AND trading_date = '2025-12-24';
SELECT is(note, 'Christmas Eve', 'other hours of an early close have its reason') FROM agg_trading_days('nyse', '2025-12-24', '2025-12-24');

-- A date that the zone skipped; clocks that go back into the day before.
INSERT INTO agg_calendars (calendar, time_zone, day_start) VALUES ('apia', 'Pacific/Apia', '00:00'), ('havana', 'America/Havana', '00:00');
INSERT INTO agg_calendar_sessions SELECT 'apia', d, '00:00', '00:00' FROM generate_series(1, 7) AS d;
SELECT results_eq($$SELECT trading_date, open_minutes FROM agg_trading_days('apia', '2011-12-29', '2011-12-31')$$, $$VALUES ('2011-12-29'::date, 1440::bigint), ('2011-12-31', 1440)$$, 'a date that was skipped');
SELECT results_eq($$SELECT ends_at - starts_at FROM agg_trading_days('havana', '2025-03-08', '2025-03-10') UNION ALL SELECT ends_at - starts_at FROM agg_trading_days('havana', '2025-11-01', '2025-11-03')$$,
	$$SELECT unnest('{24:00,23:00,24:00,25:00,24:00,24:00}'::interval[])$$, 'days of 23 and 25 hours, wherever the clock is set');

-- ---- looking ----
SELECT results_eq($$SELECT trading_date FROM agg_trading_days('fx', '2050-12-30', 'infinity')$$, $$VALUES ('2050-12-30'::date), ('2050-12-31')$$, 'calendars end in 2050');
SELECT results_eq($$SELECT * FROM agg_calendar_windows('fx', '1d', '2051-01-02 12:00+00', '2051-01-02 13:00+00')$$, $$VALUES ('2051-01-01 22:00+00'::timestamptz, '2051-01-02 22:00+00'::timestamptz, '2051-01-02'::date, 0::bigint)$$, 'and go on in days without sessions');
SELECT probe.refuses($$SELECT * FROM agg_trading_days('nobody', '2025-01-01', '2025-01-02')$$, '22023', '%"nobody"%', '%agg_calendars%', 'no such calendar');
SELECT probe.refuses($$SELECT * FROM agg_trading_days('fx', '2025-01-02', '2025-01-01')$$, '22023', '%before%', NULL, 'inverted dates');
SELECT probe.refuses($$SELECT * FROM agg_trading_days('fx', NULL, '2025-01-01')$$, '22004', '%p_from%', NULL, 'NULL');
SELECT probe.refuses($$SELECT * FROM agg_calendar_windows('Fx', '1d', '2025-01-01', '2025-01-02')$$, '22023', 'calendar "Fx" does not exist', 'Did you mean "fx"?%', 'another spelling of one');
-- ---- several weeks ----
-- They count from the week that holds Monday 1970-01-05, whatever day weeks begin with.
INSERT INTO agg_calendars (calendar, time_zone, week_start) SELECT 'week' || d, 'UTC', d FROM generate_series(1, 7) AS d;
SELECT results_eq(format($$SELECT window_start FROM agg_calendar_windows('week%s', %L, '1970-01-05 12:00', '1970-01-05 12:01')$$, d, timeframe),
	format($$VALUES ('1970-01-05 00:00'::timestamptz - make_interval(days => (8 - %s) %% 7))$$, d), timeframe || ' with weeks from day ' || d)
FROM generate_series(1, 7) AS d, unnest(ARRAY['1w', '2w', '5w']) AS timeframe;
SELECT is(EXTRACT(epoch FROM window_start - (SELECT w.window_start FROM agg_calendar_windows('week' || d, '2w', '1970-01-05', '1970-01-05 00:01') w))::bigint % (14 * 86400), 0::bigint, 'and an even number of weeks lies between them: ' || d)
FROM generate_series(1, 7) AS d, agg_calendar_windows('week' || d, '2w', '2025-06-20', '2025-06-20 00:01');

-- ---- absurd ranges ----
SELECT probe.refuses(format($$SELECT * FROM agg_calendar_windows(%L, %L, '0001-01-01', '280000-01-01')$$, calendar, timeframe), '54000', 'more than 5000000 windows of ' || timeframe || ' lie between %(calendar "' || calendar || '")', '%shorter range%', calendar || ' of all times, in ' || timeframe)
FROM unnest(ARRAY['utc', 'fx', 'mine']) AS calendar, unnest(ARRAY['1m', '4h', '1d']) AS timeframe;
SELECT is((SELECT count(*) FROM agg_calendar_windows('utc', '1m', '2025-01-01 00:00+00', '2026-01-01 00:00+00')), 525600::bigint, 'a year of minutes is not absurd');
SELECT is((SELECT count(*) FROM agg_trading_days(calendar, '-infinity', 'infinity')), ('2050-12-31'::date - '1990-01-01'::date + 1)::bigint, 'the trading days of all times are those from 1990 to 2050: ' || calendar) FROM unnest(ARRAY['utc', 'fx']) AS calendar;
SELECT probe.refuses($$SELECT * FROM agg_calendar_windows('fx', '1q', '2025-01-01', '2025-01-02')$$, '22023', '%1q%', NULL, 'no such timeframe');
SELECT probe.refuses($$SELECT * FROM agg_calendar_windows('nobody', '1d', '2025-01-01', '2025-01-02')$$, '22023', '%"nobody"%', NULL, 'no such calendar');
SELECT probe.refuses($$SELECT * FROM agg_calendar_windows('fx', '1d', '2025-01-01', 'infinity')$$, '22008', NULL, NULL, 'an infinite time');
SELECT * FROM finish();
