-- agg_gaps() and v_aggregation_completeness: which minutes of the sessions are missing.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();
SET timezone = 'Asia/Tokyo';
INSERT INTO agg_calendars (calendar, time_zone, day_start) VALUES ('lunch', 'Asia/Kolkata', '07:00');
INSERT INTO agg_calendar_sessions SELECT 'lunch', d, o, c FROM generate_series(1, 5) AS d, (VALUES ('09:15'::time, '12:00'::time), ('13:00', '15:30'), ('22:00', '03:00')) AS s(o, c);
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('UTC', '{}'), ('FX', '{"agg": {"calendar": "fx"}}'), ('NYSE', '{"agg": {"calendar": "nyse"}}'), ('LUNCH', '{"agg": {"calendar": "lunch"}}'), ('EMPTY', '{}');
SELECT is(sync_agg_state_from_registry() -> 'assets_skipped', '[]', 'symbols of four calendars');

-- ---- symbols that never had a minute lack all of them since their start ----
SELECT results_eq($$SELECT * FROM agg_gaps('EMPTY')$$, $$SELECT '2025-07-01 00:00+00'::timestamptz, date_trunc('minute', now()), (EXTRACT(epoch FROM date_trunc('minute', now()) - '2025-07-01 00:00+00') / 60)::bigint$$, 'a gap from the start of its tasks to now');
SELECT results_eq($$SELECT trading_date, expected_minutes, present_minutes, missing_minutes, longest_gap_minutes FROM v_aggregation_completeness WHERE canonical_symbol = 'FX' AND trading_date < '2025-07-07'$$,
	$$VALUES ('2025-07-01'::date, 1440::bigint, 0::bigint, 1440::bigint, 1440::bigint), ('2025-07-02', 1440, 0, 1440, 1440), ('2025-07-03', 1440, 0, 1440, 1440), ('2025-07-04', 1440, 0, 1440, 1440)$$, 'each date since then, by its calendar');
SELECT results_eq($$SELECT DISTINCT canonical_symbol FROM v_aggregation_completeness ORDER BY 1$$, $$VALUES ('EMPTY'), ('FX'), ('LUNCH'), ('NYSE'), ('UTC')$$, 'of every symbol');
UPDATE data_agg_state SET agg_start_utc = '-infinity' WHERE canonical_symbol = 'EMPTY' AND timeframe = '5m';
SELECT is((SELECT min(from_utc) FROM agg_gaps('EMPTY')), '1990-01-01 00:00+00'::timestamptz, 'the earliest start counts, but calendars begin in 1990');
SELECT is((SELECT min(trading_date) FROM v_aggregation_completeness WHERE canonical_symbol = 'EMPTY'), '1990-01-01'::date, 'for the view, too');
UPDATE data_agg_state SET agg_start_utc = now() + interval '1 day' WHERE canonical_symbol = 'EMPTY';
SELECT is_empty($$SELECT * FROM agg_gaps('EMPTY')$$, 'a start that has not come yet asks for nothing');
SELECT is_empty($$SELECT * FROM v_aggregation_completeness WHERE canonical_symbol = 'EMPTY'$$, 'nor does the view');
UPDATE data_agg_state SET agg_start_utc = '2025-07-01 00:00+00', enabled = false WHERE canonical_symbol = 'EMPTY';
SELECT is_empty($$SELECT * FROM agg_gaps('EMPTY')$$, 'tasks that are switched off ask for nothing');
SELECT is_empty($$SELECT * FROM v_aggregation_completeness WHERE canonical_symbol = 'EMPTY'$$, 'nor does the view');
SELECT is_empty($$SELECT * FROM agg_completeness('-infinity', NULL, '{EMPTY}')$$, 'nor does the function');
UPDATE data_agg_state SET enabled = true WHERE canonical_symbol = 'EMPTY';

-- A minute that is ahead of the clock is none yet.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EMPTY', '1m', now() + interval '3 days', 1, 1, 1, 1), ('FX', '1m', now() + interval '3 days', 1, 1, 1, 1);
SELECT is((SELECT min(from_utc) FROM agg_gaps(symbol)), from_utc, 'gaps of a symbol whose only minute is ahead of the clock: ' || symbol)
FROM (VALUES ('EMPTY', '2025-07-01 00:00+00'::timestamptz), ('FX', '2025-07-01 00:00+00')) AS v(symbol, from_utc);
SELECT results_eq(format($$SELECT min(trading_date), sum(present_minutes + outside_minutes)::int FROM %s WHERE canonical_symbol = %L$$, source, symbol), $$VALUES ('2025-07-01'::date, 0)$$, source || ' of ' || symbol)
FROM unnest(ARRAY['v_aggregation_completeness', $$agg_completeness('-infinity', NULL, '{EMPTY,FX}')$$]) AS source, unnest(ARRAY['EMPTY', 'FX']) AS symbol;
-- Nor is it one outside the sessions.
INSERT INTO agg_calendars (calendar, time_zone) VALUES ('shut', 'UTC');
INSERT INTO agg_calendar_sessions SELECT 'shut', 1 + EXTRACT(isodow FROM now() AT TIME ZONE 'UTC' + interval '2 days')::int % 7, '10:00', '10:01';
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('SHUT', '{"agg": {"calendar": "shut"}}');
SELECT is(sync_agg_state_from_registry() -> 'assets_skipped', '[]', 'a calendar without sessions today');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT 'SHUT', '1m', date_trunc('minute', now()) + make_interval(mins => i), 1, 1, 1, 1 FROM unnest('{-30, -20, 20, 30}'::int[]) AS i;
SELECT is((SELECT sum(outside_minutes)::int FROM v_aggregation_completeness WHERE canonical_symbol = 'SHUT'), 2, 'ahead of the clock and outside the sessions');
SELECT is((SELECT sum(outside_minutes)::int FROM agg_completeness('-infinity', NULL, '{SHUT}')), 2, 'for the function, too');
DELETE FROM data_bars;
DELETE FROM core_asset_registry_all WHERE canonical_symbol = 'SHUT';
DELETE FROM data_agg_state WHERE canonical_symbol = 'SHUT';

-- Runs of minutes with holes of every length, across the change of the clock in New York; and one minute twice, in its middle.
SELECT floor(random() * 1000000)::int AS seed \gset
\echo # seed :seed
SELECT setseed(:seed / 1000000.0) \g /dev/null
CREATE TABLE runs AS SELECT s, '2025-02-27 03:17'::timestamptz + make_interval(mins => (sum(len) OVER (PARTITION BY s ORDER BY n) - len)::int) AS starts, len, n % 2 = 0 AS missing
FROM (SELECT s, n, (CASE WHEN random() < 0.1 THEN 2000 ELSE 60 END * random() ^ 2)::int + 1 AS len FROM unnest(ARRAY['UTC', 'FX', 'NYSE', 'LUNCH', 'NOTASK']) AS s, generate_series(1, 400) AS n) r;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT s, '1m', starts + make_interval(mins => i), 1, 1, 1, 1 FROM runs, LATERAL generate_series(0, len - 1) AS i WHERE NOT missing AND starts + make_interval(mins => i) < '2025-03-21';
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT canonical_symbol, timeframe, ts_utc + interval '30 seconds', NULL, 1, 1, 1 FROM data_bars WHERE random() < 0.05;

-- An oracle: every minute of every session, one by one.
CREATE TABLE minutes AS
SELECT a.symbol, d.trading_date, m.minute, b.minute IS NOT NULL AS present
FROM (VALUES ('FX', 'fx'), ('NYSE', 'nyse'), ('LUNCH', 'lunch')) AS a(symbol, calendar)
CROSS JOIN LATERAL agg_trading_days(a.calendar, '2025-02-20', '2025-03-31') d
CROSS JOIN LATERAL jsonb_array_elements(d.sessions) AS s(session)
CROSS JOIN LATERAL generate_series((s.session ->> 0)::timestamptz, (s.session ->> 1)::timestamptz - interval '1 minute', '1 minute') AS m(minute)
LEFT JOIN (SELECT DISTINCT canonical_symbol, date_trunc('minute', ts_utc) AS minute FROM data_bars) b ON b.canonical_symbol = a.symbol AND b.minute = m.minute
UNION ALL
SELECT u.symbol, (m.minute AT TIME ZONE 'UTC')::date, m.minute, b.minute IS NOT NULL
FROM unnest(ARRAY['UTC', 'NOTASK']) AS u(symbol)
CROSS JOIN generate_series('2025-02-20 00:00+00'::timestamptz, '2025-03-31 23:59+00', '1 minute') AS m(minute)
LEFT JOIN (SELECT DISTINCT canonical_symbol, date_trunc('minute', ts_utc) AS minute FROM data_bars) b ON b.canonical_symbol = u.symbol AND b.minute = m.minute;
CREATE VIEW gaps AS
SELECT symbol, min(minute) AS from_utc, max(minute) + interval '1 minute' AS to_utc, count(*) AS minutes
FROM (SELECT *, minute - make_interval(mins => (row_number() OVER (PARTITION BY symbol ORDER BY minute))::int) AS island FROM minutes WHERE NOT present) i
GROUP BY symbol, island;
SELECT set_eq(format($$SELECT * FROM agg_gaps(%L, '2025-02-24', '2025-03-30 00:00+00')$$, symbol),
	format($$SELECT GREATEST(from_utc, '2025-02-24'), LEAST(to_utc, '2025-03-30 00:00+00'), (EXTRACT(epoch FROM LEAST(to_utc, '2025-03-30 00:00+00') - GREATEST(from_utc, '2025-02-24')) / 60)::bigint
		FROM gaps WHERE symbol = %L AND from_utc < '2025-03-30 00:00+00' AND to_utc > '2025-02-24'$$, symbol), 'gaps of ' || symbol)
FROM unnest(ARRAY['UTC', 'FX', 'NYSE', 'LUNCH', 'NOTASK']) AS symbol;
SELECT cmp_ok(count(*)::int, '>', 50, 'many of them') FROM gaps WHERE symbol = 'FX';
SELECT is((SELECT min(from_utc) FROM agg_gaps('UTC')), (SELECT min(g.from_utc) FROM gaps g WHERE g.symbol = 'UTC' AND g.from_utc > (SELECT min(ts_utc) FROM data_bars WHERE canonical_symbol = 'UTC')), 'from the first minute on');
SELECT is((SELECT max(to_utc) FROM agg_gaps('UTC')), date_trunc('minute', now()), 'to now');
SELECT is((SELECT max(to_utc) FROM agg_gaps('UTC', '2025-03-01', now() + interval '10 years')), date_trunc('minute', now()), 'and not beyond');
SELECT set_eq($$SELECT * FROM agg_gaps('UTC', '2025-03-25 00:00:20+00', '2025-03-25 00:03:50+00')$$, $$VALUES ('2025-03-25 00:01+00'::timestamptz, '2025-03-25 00:03+00'::timestamptz, 2::bigint)$$, 'whole minutes');
SELECT is_empty($$SELECT * FROM agg_gaps('FX', '2025-03-15 00:00+00', '2025-03-16 00:00+00')$$, 'a weekend has no gap');

CREATE VIEW dates AS
SELECT symbol, trading_date, count(*) AS expected, count(*) FILTER (WHERE present) AS present, count(*) FILTER (WHERE NOT present) AS missing
FROM minutes WHERE trading_date BETWEEN '2025-02-27' AND '2025-03-30' GROUP BY 1, 2;
SELECT set_eq(format($$SELECT trading_date, expected_minutes, present_minutes, missing_minutes FROM v_aggregation_completeness WHERE canonical_symbol = %L AND trading_date BETWEEN '2025-02-27' AND '2025-03-30' AND expected_minutes > 0$$, symbol),
	format('SELECT trading_date, expected, present, missing FROM dates WHERE symbol = %L', symbol), 'trading dates of ' || symbol)
FROM unnest(ARRAY['UTC', 'FX', 'NYSE', 'LUNCH']) AS symbol;
SELECT results_eq($$SELECT canonical_symbol, sum(present_minutes + outside_minutes)::int FROM v_aggregation_completeness WHERE canonical_symbol <> 'EMPTY' GROUP BY 1 ORDER BY 1$$,
	$$SELECT canonical_symbol, count(DISTINCT date_trunc('minute', ts_utc))::int FROM data_bars WHERE canonical_symbol <> 'NOTASK' GROUP BY 1 ORDER BY 1$$, 'every minute is counted once');
-- The longest stretch within one session.
CREATE VIEW longest AS
SELECT symbol, trading_date, max(n)::bigint AS longest
FROM (
	SELECT symbol, trading_date, session, island, count(*) FILTER (WHERE NOT present) AS n
	FROM (
		SELECT *, minute - make_interval(mins => (row_number() OVER (PARTITION BY symbol, trading_date ORDER BY minute))::int) AS session,
			count(*) FILTER (WHERE present) OVER (PARTITION BY symbol, trading_date ORDER BY minute) AS island
		FROM minutes
	) x
	GROUP BY 1, 2, 3, 4
) y
GROUP BY 1, 2;
SELECT set_eq(format($$SELECT trading_date, longest_gap_minutes FROM v_aggregation_completeness WHERE canonical_symbol = %L AND trading_date BETWEEN '2025-02-27' AND '2025-03-30' AND expected_minutes > 0$$, symbol),
	format($$SELECT trading_date, longest FROM longest WHERE symbol = %L AND trading_date BETWEEN '2025-02-27' AND '2025-03-30'$$, symbol), 'longest gaps of ' || symbol)
FROM unnest(ARRAY['UTC', 'FX', 'NYSE', 'LUNCH']) AS symbol;
SELECT is(max(expected_minutes), (EXTRACT(epoch FROM date_trunc('minute', now()) - date_trunc('day', now(), 'UTC')) / 60)::bigint, 'of today only what is over') FROM v_aggregation_completeness WHERE canonical_symbol = 'UTC' AND trading_date = (now() AT TIME ZONE 'UTC')::date;

-- ---- many symbols at once ----
-- Sessions that touch are one, of a date.
INSERT INTO agg_calendars (calendar, time_zone, day_start) VALUES ('touch', 'UTC', '22:00');
INSERT INTO agg_calendar_sessions SELECT 'touch', d, o, c FROM generate_series(1, 5) AS d, (VALUES ('22:00'::time, '23:30'::time), ('23:30', '02:00'), ('02:00', '03:00'), ('04:00', '22:00')) AS s(o, c);
SELECT results_eq($$SELECT sessions, open_minutes FROM agg_trading_days('touch', '2025-03-04', '2025-03-04')$$, $$VALUES ('[["2025-03-03T22:00:00+00:00", "2025-03-04T03:00:00+00:00"], ["2025-03-04T04:00:00+00:00", "2025-03-04T22:00:00+00:00"]]'::jsonb, 1380::bigint)$$, 'sessions that touch are one');
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('TOUCH', '{"agg": {"calendar": "touch"}}');
SELECT sync_agg_state_from_registry() \g /dev/null
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'TOUCH', '1m', t, 1, 1, 1, 1 FROM unnest('{2025-03-03 22:00+00,2025-03-04 02:30+00,2025-03-04 21:00+00,2025-03-05 00:00+00}'::timestamptz[]) AS t;
SELECT results_eq($$SELECT trading_date, expected_minutes, present_minutes, longest_gap_minutes FROM v_aggregation_completeness WHERE canonical_symbol = 'TOUCH' AND trading_date BETWEEN '2025-03-04' AND '2025-03-06'$$,
	$$VALUES ('2025-03-04'::date, 1380::bigint, 3::bigint, 1020::bigint), ('2025-03-05', 1380, 1, 1080), ('2025-03-06', 1380, 0, 1080)$$, 'the view counts them as one, too');
SELECT is(max(longest_gap_minutes), 1080::bigint, 'but a gap ends with its date') FROM agg_completeness('2025-03-04', '2025-03-07', '{TOUCH}');
SELECT set_eq($$SELECT * FROM agg_completeness('2025-02-01', '2025-07-31')$$, $$SELECT * FROM v_aggregation_completeness WHERE trading_date BETWEEN '2025-02-01' AND '2025-07-31'$$, 'the function says what the view says');
SELECT results_eq($$SELECT DISTINCT canonical_symbol FROM agg_completeness('2025-07-01') ORDER BY 1$$, $$VALUES ('EMPTY'), ('FX'), ('LUNCH'), ('NYSE'), ('TOUCH'), ('UTC')$$, 'of every symbol with tasks');
SELECT set_eq($$SELECT * FROM agg_completeness('2025-03-03', '2025-03-07', '{FX,NYSE,FX}')$$, $$SELECT * FROM v_aggregation_completeness WHERE trading_date BETWEEN '2025-03-03' AND '2025-03-07' AND canonical_symbol IN ('FX', 'NYSE')$$, 'of those that are named');
SELECT set_eq($$SELECT trading_date, calendar, expected_minutes, present_minutes FROM agg_completeness('2025-02-27', '2025-03-30', '{NOTASK}')$$, $$SELECT trading_date, 'utc', expected, present FROM dates WHERE symbol = 'NOTASK'$$, 'a symbol without a task is always open');
SELECT is((SELECT max(trading_date) FROM agg_completeness('2025-07-01', 'infinity', '{UTC}')), (now() AT TIME ZONE 'UTC')::date, 'to today and not beyond');
SELECT is_empty($$SELECT * FROM agg_completeness('infinity')$$, 'nothing is expected of the end of time');
SELECT is_empty($$SELECT * FROM agg_completeness('2025-03-03', '2025-03-07', '{}')$$, 'nor of no symbol');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('OLD', '1m', '1890-02-03 04:05+00', 1, 1, 1, 1);
SELECT results_eq($$SELECT count(*), min(trading_date), count(DISTINCT trading_date), sum(present_minutes)::int FROM agg_completeness('-infinity', '2025-01-01', '{OLD}')$$, $$SELECT n, '1890-02-03'::date, n, 1 FROM (SELECT ('2025-01-01'::date - '1890-02-03'::date + 1)::bigint AS n) d$$, 'more days than are read at once');

-- ---- bad input ----
SELECT probe.refuses($$SELECT * FROM agg_completeness(NULL)$$, '22004', '%p_from%', NULL, 'NULL');
SELECT probe.refuses($$SELECT * FROM agg_completeness('2025-03-02', '2025-03-01')$$, '22023', '%p_to%', NULL, 'inverted dates');
SELECT probe.refuses($$SELECT * FROM agg_completeness('2025-03-02', NULL, '{UTC,NOBODY}')$$, 'P0002', '%NOBODY%', NULL, 'a symbol that nobody knows');
SELECT probe.refuses($$SELECT * FROM agg_completeness('2025-03-02', NULL, '{UTC,NULL}')$$, '22004', '%p_symbols%', NULL, 'NULL among symbols');
SELECT probe.refuses($$SELECT * FROM agg_gaps(NULL)$$, '22004', '%p_symbol%', NULL, 'NULL');
SELECT probe.refuses($$SELECT * FROM agg_gaps('NOBODY')$$, 'P0002', '%NOBODY%', NULL, 'a symbol that nobody knows');
SELECT probe.refuses($$SELECT * FROM agg_gaps('UTC', '2025-03-02', '2025-03-01')$$, '22023', '%UTC%', NULL, 'an inverted range');
SELECT probe.refuses($$SELECT * FROM agg_gaps('UTC', '-infinity')$$, '22008', '%p_from_utc%', NULL, 'an infinite time');
SELECT * FROM finish();
