-- Bars in a calendar: trading days and weeks, sessions, what lies outside of them, and bars that are made of minutes directly.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-05-01 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
CREATE VIEW live AS SELECT canonical_symbol AS symbol, timeframe, ts_utc, source_candles AS candles, expected_candles AS expected, quality_score AS score FROM derived_data_bars WHERE deleted_at IS NULL;
-- Five weeks of currencies across the change of the clock in New York: Sunday 17:00 to Friday 17:00 there.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT 'EURUSD', '1m', t, 1 + i % 7, 9 + i % 11, 0.5 / (1 + i % 13), 1 + i % 5, 1
FROM generate_series('2025-02-23 22:00+00'::timestamptz, '2025-03-28 20:59+00', '1 minute') WITH ORDINALITY AS g(t, i), LATERAL (SELECT t AT TIME ZONE 'America/New_York' AS here) h
WHERE NOT (extract(isodow FROM here) = 6 OR (extract(isodow FROM here) = 5 AND here::time >= '17:00') OR (extract(isodow FROM here) = 7 AND here::time < '17:00'));
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('EURUSD', '{"agg": {"start_utc": "2025-02-23T22:00:00Z", "optional": ["15m", "4h", "1d", "1w", "1mo"], "calendar": "fx"}}');
SELECT probe.answers(sync_agg_state_from_registry('prod'), '{"tasks_created": 7, "assets_skipped": []}', 'tasks of a calendar');
SELECT run();
SELECT set_eq($$SELECT ts_utc, candles, expected, score FROM live WHERE timeframe = '1w'$$, $$VALUES ('2025-02-23 22:00+00'::timestamptz, 5, 5, 2), ('2025-03-02 22:00+00', 5, 5, 2), ('2025-03-09 21:00+00', 5, 5, 2), ('2025-03-16 21:00+00', 5, 5, 2), ('2025-03-23 21:00+00', 5, 5, 2)$$, 'a full week of five days scores 2, whatever the clock does');
SELECT is(count(*), 25::bigint, 'a day for each trading date, and none for Sundays') FROM live WHERE timeframe = '1d' AND score = 2 AND expected = 24;
SELECT is(count(*), 25::bigint, 'no other') FROM live WHERE timeframe = '1d';
SELECT set_eq($$SELECT extract(hour FROM ts_utc)::int, count(*)::int FROM live WHERE timeframe = '4h' AND ts_utc >= '2025-03-10' GROUP BY 1$$, $$VALUES (21, 14), (1, 15), (5, 15), (9, 15), (13, 15), (17, 15)$$, 'four hours count from the beginning of the trading day') ;
SELECT is(ts_utc, '2025-02-28 22:00+00', 'March begins on the eve of its first trading date') FROM live WHERE timeframe = '1mo' AND ts_utc > '2025-02-01' ORDER BY ts_utc DESC LIMIT 1;
SELECT is_empty('SELECT * FROM agg_verify()', 'the proof knows calendars');

-- A holiday: the windows of its date are made anew, and nothing else.
CREATE TABLE before AS SELECT timeframe, ts_utc, updated_at FROM derived_data_bars WHERE deleted_at IS NULL;
INSERT INTO agg_calendar_exceptions (calendar, trading_date, note) VALUES ('fx', '2025-03-12', 'a test');
SELECT run();
SELECT set_eq($$SELECT d.timeframe, count(*) FROM derived_data_bars d JOIN before b USING (timeframe, ts_utc) WHERE d.deleted_at IS NULL AND d.updated_at <> b.updated_at GROUP BY 1$$,
	$$VALUES ('5m', 288::bigint), ('15m', 96), ('1h', 24), ('4h', 6), ('1d', 1), ('1w', 1), ('1mo', 1)$$, 'a holiday touches the windows of its date alone');
SELECT is((world.bar('EURUSD', '1d', '2025-03-11 21:00+00')).quality_score::int, -1, 'a window that expects nothing but has candles');
SELECT is((world.bar('EURUSD', '1w', '2025-03-09 21:00+00')).expected_candles::int, 4, 'the week expects one day less');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
DELETE FROM agg_calendar_exceptions WHERE calendar = 'fx' AND trading_date = '2025-03-12' AND NOT shipped;
SELECT run();
SELECT set_eq('SELECT timeframe, ts_utc FROM live', 'SELECT timeframe, ts_utc FROM before', 'and back');
SELECT is((world.bar('EURUSD', '1d', '2025-03-11 21:00+00')).quality_score::int, 2, 'as it was');

-- A thin hour: by way of 5m bars its minutes are lost, made of minutes it has them all.
DELETE FROM data_bars WHERE ts_utc >= '2025-03-20 10:00+00' AND ts_utc < '2025-03-20 10:05+00' AND ts_utc <> '2025-03-20 10:03+00';
UPDATE data_bars SET high = 777 WHERE ts_utc = '2025-03-20 10:03+00';
SELECT run();
SELECT ok((world.bar('EURUSD', '1h', '2025-03-20 10:00+00')).high < 777, 'a minute of a 5m window without a bar is not in the hour');
UPDATE data_agg_state SET source_timeframe = '1m' WHERE timeframe <> '5m';
SELECT run();
SELECT is(array_agg(DISTINCT (world.bar('EURUSD', tf, at)).high), ARRAY[777]::float8[], 'made of minutes, each timeframe has it')
FROM (VALUES ('15m', '2025-03-20 10:00+00'::timestamptz), ('1h', '2025-03-20 10:00+00'), ('4h', '2025-03-20 09:00+00'), ('1d', '2025-03-19 21:00+00'), ('1w', '2025-03-16 21:00+00'), ('1mo', '2025-02-28 22:00+00')) AS v (tf, at);
SELECT is((world.bar('EURUSD', '1w', '2025-03-02 22:00+00')).source_candles, 7200, 'a week of minutes');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- Another calendar: New York's stock exchange leaves out what is not in its session.
SELECT probe.answers(agg_set_calendar('EURUSD', 'nyse'), '{"tasks": 7}', 'another calendar');
SELECT run();
SELECT set_eq($$SELECT DISTINCT timeframe, candles, expected FROM live WHERE timeframe IN ('5m', '15m', '1d') AND ts_utc < '2025-03-20'$$, $$VALUES ('5m', 5, 5), ('15m', 15, 15), ('1d', 390, 390)$$, 'only the session counts');
SELECT is(count(*), 25::bigint, 'the days are others') FROM live WHERE timeframe = '1d' AND (ts_utc AT TIME ZONE 'America/New_York')::time = '00:00';
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
SELECT results_eq($$SELECT state, source_candles, expected_candles FROM agg_why('EURUSD', '1d', '2025-03-12 12:00+00')$$, $$VALUES ('stored', 390::bigint, 390::bigint)$$, 'agg_why() counts as the engine does');
-- Trade after the bell is left out; but it is read, and nothing waits for more of it.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT 'SPY', '1m', t, 1, CASE WHEN t < '2025-03-28 20:00+00' THEN 2 ELSE 9 END, 1, 1, 1 FROM generate_series('2025-03-28 13:30+00'::timestamptz, '2025-03-28 22:17+00', '1 minute') AS t;
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('SPY', '{"agg": {"start_utc": "2025-03-01T05:00:00Z", "optional": ["4h", "1d"], "calendar": "nyse"}}');
SELECT sync_agg_state_from_registry('prod') \g /dev/null
SELECT run();
SELECT set_eq($$SELECT timeframe, ts_utc, candles, expected, score FROM live WHERE symbol = 'SPY' AND timeframe IN ('4h', '1d')$$,
	$$VALUES ('4h', '2025-03-28 12:00+00'::timestamptz, 3, 3, 2), ('4h', '2025-03-28 16:00+00', 4, 4, 2), ('1d', '2025-03-28 04:00+00', 7, 7, 2)$$, 'the day is made when its market closes, not when it opens again');
SELECT is(last_agg_bar_ts_utc, '2025-03-28 22:20+00', 'the cursor passes what is left out') FROM data_agg_state WHERE canonical_symbol = 'SPY' AND timeframe = '5m';
SELECT is(max(high), 2::float8, 'no bar holds it') FROM derived_data_bars WHERE canonical_symbol = 'SPY';
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
SELECT agg_set_calendar('EURUSD', 'utc') \g /dev/null
SELECT run();
SELECT is(min((ts_utc AT TIME ZONE 'UTC')::time), '00:00', 'back in UTC') FROM live WHERE timeframe = '1d';
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- ---- a session that a change of the clock turns round ----
-- On 2025-03-09 in New York 02:30 is 03:30, behind 03:00: the day has one session only.
INSERT INTO agg_calendars (calendar, time_zone) VALUES ('night', 'America/New_York');
INSERT INTO agg_calendar_sessions SELECT 'night', d, h.opens, h.closes FROM generate_series(1, 7) AS d, (VALUES ('02:30'::time, '03:00'::time), ('09:00', '17:00')) AS h (opens, closes);
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, calendar, agg_start_utc) VALUES ('NIGHT', '1h', '1m', 'night', '2025-03-08'), ('NIGHT', '1d', '1h', 'night', '2025-03-08');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'NIGHT', '1m', t, 1, 2, 1, 2 FROM generate_series('2025-03-08 00:00+00'::timestamptz, '2025-03-10 12:00+00', '1 minute') AS t;
SELECT count(*) FROM agg_aggregate_tasks(ARRAY['NIGHT', 'NIGHT'], ARRAY['1h', '1d'], 1000, '2025-03-12 00:00+00') \g /dev/null
SELECT is_empty($$SELECT * FROM agg_verify('NIGHT')$$, 'is no session for the proof either');
UPDATE derived_data_bars SET close = 9 WHERE canonical_symbol = 'NIGHT' AND timeframe = '1h' AND ts_utc = '2025-03-09 13:00+00';
SELECT is((SELECT count(*) FROM agg_verify('NIGHT') WHERE difference = 'differs' AND timeframe = '1h'), 1::bigint, 'and its bars are looked at');
SELECT * FROM finish();
