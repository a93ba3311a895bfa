-- The reference itself: each rule worked out by hand, so that the comparisons with it are worth something.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../reference/oracle.sql
SELECT no_plan();

-- Boundaries.
SELECT is(oracle.window_start('2025-07-01 10:07:59.999999+00', '5m'), '2025-07-01 10:05:00+00', 'a window holds its last microsecond');
SELECT is(oracle.window_start('2025-07-01 10:05:00+00', '5m'), '2025-07-01 10:05:00+00', 'a start is its own window');
SELECT is(oracle.window_start('1969-12-31 23:59:59+00', '5m'), '1969-12-31 23:55:00+00', 'before 1970 windows go down, not towards zero');
SELECT is(oracle.window_start('1969-12-31 23:59:59+00', '1w'), '1969-12-29 00:00:00+00', 'the week of 1970-01-01 began on a Monday');
SELECT is(oracle.window_start('2025-07-06 23:59:59+00', '1w'), '2025-06-30 00:00:00+00', 'Sunday belongs to the week that began on Monday');
SELECT is(oracle.window_start('2025-07-06 23:59:59+00', '4h'), '2025-07-06 20:00:00+00', 'four hours count from midnight');
SELECT is(oracle.next_boundary('2025-07-01 00:00:00.000001+00', '1d'), '2025-07-02 00:00:00+00', 'a microsecond late is the next day');
SELECT is(oracle.next_boundary('2025-07-01 00:00:00+00', '1d'), '2025-07-01 00:00:00+00', 'on time is this day');
SELECT is(oracle.window_start('200000-01-05 13:37:00+00', '1d'), '200000-01-05 00:00:00+00', 'the year 200000 has days');
SELECT is(oracle.window_start('4000-03-05 13:37:00+00 BC', '1h'), '4000-03-05 13:00:00+00 BC', 'so has 4000 BC');
SET TimeZone = 'America/New_York'; -- where 2025-03-09 has 23 hours
SELECT is(oracle.next_boundary('2025-03-09 00:00:01+00', '1d'), '2025-03-10 00:00:00+00', 'the session''s daylight saving time is not ours');
RESET TimeZone;
SELECT is(array_agg(oracle.default_source(tf) ORDER BY n), ARRAY['1m', '5m', '5m', '5m', '1h', '1h', '1d'], 'what each is built from')
FROM unnest(ARRAY['5m', '15m', '30m', '1h', '4h', '1d', '1w']) WITH ORDINALITY AS t (tf, n);

-- Quality.
SELECT is(array_agg(oracle.quality(n, 5) ORDER BY n), ARRAY[NULL, NULL, NULL, 0, 1, 2, 2], 'quality of 0 to 6 out of five') FROM generate_series(0, 6) AS n;
SELECT is(array_agg(oracle.quality(n, 12) ORDER BY n), ARRAY[NULL, NULL, NULL, NULL, NULL, NULL, NULL, -1, 0, 0, 1, 1, 2], 'quality of 0 to 12 out of twelve')
FROM generate_series(0, 12) AS n;

-- Arithmetic.
SELECT is(oracle.plus(1e308, 1e308), 'Infinity', 'too large a sum');
SELECT is(oracle.times(-1e308, 10), '-Infinity', 'too large a product');
SELECT is(oracle.bits(oracle.times(-1e-308, 1e-308)), oracle.bits('-0'), 'too small a product');
SELECT is(oracle.divide(1e-308, 1e308), 0::float8, 'too small a quotient');

-- One window.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count) VALUES
	('A', '1m', '2025-07-01 00:00+00', 10, 13, 9, 11, 100, 10, 1),
	('A', '1m', '2025-07-01 00:01+00', 11, 12, 8, 12, NULL, 1000, 2),
	('A', '1m', '2025-07-01 00:02+00', 12, 'NaN', 1, 13, 100, 1000, 4),
	('A', '1m', '2025-07-01 00:03+00', 13, 14, 10, 14, 300, 12, NULL),
	('A', '1m', '2025-07-01 00:04+00', 14, 14, 11, 11.5, 50, NULL, 8);
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, run_interval_minutes, aggregation_delay_seconds) VALUES ('A', '5m', '1m', 5, 30);
SELECT is(answer, '{"success": true, "stored": true, "source_count": 4, "refused": 1, "quality_score": 1}', 'a window with a refused row')
FROM oracle.aggregate_window('A', '5m', '2025-07-01 00:00+00', 1);
SELECT results_eq('SELECT open, high, low, close, vol, vwap, trade_count, source_candles, expected_candles, quality_score FROM oracle.bars',
	'VALUES (10::float8, 14::float8, 8::float8, 11.5::float8, 450::float8, (10.0 * 100 + 12.0 * 300)::float8 / 400, 11::bigint, 4, 5, 1)', 'and its bar');
SELECT is(written, 'unchanged', 'the same again') FROM oracle.aggregate_window('A', '5m', '2025-07-01 00:00+00', 1);
SELECT is(written, 'updated', 'another version') FROM oracle.aggregate_window('A', '5m', '2025-07-01 00:00+00', 2);

-- Catching up. The next source row lies behind a gap of a day.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT 'A', '1m', '2025-07-02 00:00+00'::timestamptz + make_interval(mins => i), 1, 1, 1, 1 FROM generate_series(0, 9) AS i;
CREATE FUNCTION reason(cursor_utc timestamptz, windows int, now_utc timestamptz) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', a ->> 'reason', a ->> 'windows_processed', to_char((a ->> 'cursor_advanced_to')::timestamptz AT TIME ZONE 'UTC', 'DD HH24:MI'))
	FROM oracle.catch_up('A', '5m', cursor_utc, windows, now_utc) AS a
$$;
SELECT is(reason('2020-01-01', 10, '2025-07-01 00:05:29+00'), 'not_confirmed 0 01 00:00', 'half a minute is missing; the cursor was raised to the start');
SELECT is(reason('2025-07-01 00:00+00', 10, '2025-07-03'), 'gap 1 01 00:05', 'the gap stops the first call');
SELECT is(reason('2025-07-01 00:05+00', 1, '2025-07-03'), 'max_windows 1 02 00:05', 'the second jumps');
SELECT is(reason('2025-07-01 00:05+00', 1, '2025-07-02 00:05:00+00'), 'not_confirmed 0 01 00:05', 'a jump to a window that is not confirmed moves nothing');
SELECT is(reason('2025-07-02 00:01+00', 10, '2025-07-03'), 'frontier 1 02 00:10', 'an unaligned cursor is raised');
SELECT is(reason('2025-07-02 00:10+00', 10, '2025-07-03'), 'cursor_beyond_source_data 0 02 00:10', 'nothing left');
DELETE FROM data_bars;
SELECT is(reason('2025-07-02 00:10+00', 10, '2025-07-03'), 'no_source_data_anywhere 0 02 00:10', 'nothing at all');

-- When it runs next.
SELECT is(oracle.next_run_after_success('2025-07-01 10:05:31+00', '5m', '2025-07-01 10:05+00', '30 s', '5 min', true), '2025-07-01 10:10:30+00',
	'half a minute after the window closes');
SELECT is(oracle.next_run_after_success('2025-07-01 10:05:31+00', '1h', '2025-07-01 10:00+00', '30 s', '5 min', true), '2025-07-01 10:10:31+00', 'the run interval');
SELECT is(oracle.next_run_after_success('2025-07-01 10:10:31+00', '5m', '2025-07-01 10:05+00', '30 s', '5 min', false), '2025-07-01 10:10:36+00', 'late by a second: five');
SELECT is(oracle.next_run_after_success('2025-07-01 10:12:30+00', '5m', '2025-07-01 10:05+00', '30 s', '5 min', false), '2025-07-01 10:13:30+00', 'late by two minutes: one');
SELECT is(oracle.next_run_after_success('2025-07-02 10:12:30+00', '5m', '2025-07-01 10:05+00', '30 s', '5 min', false), '2025-07-02 10:17:30+00', 'dead: the run interval');

SELECT * FROM finish();
