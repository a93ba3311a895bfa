-- The minutes of an index that a run makes and then reads are not late: its windows are derived once, and nothing is counted or refused. What
-- changes behind a cursor is late as ever.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';

CREATE FUNCTION feed(symbols text[], from_utc timestamptz, to_utc timestamptz, price float8 DEFAULT 1) RETURNS void LANGUAGE sql AS $$
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT s, '1m', t, price, price, price, price, 1
	FROM unnest(symbols) AS s, generate_series(from_utc, to_utc - interval '1 minute', '1 minute') AS t
	ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET open = EXCLUDED.open, high = EXCLUDED.high, low = EXCLUDED.low, close = EXCLUDED.close
$$;
-- As agg_run() does it: transaction after transaction until nothing is left.
CREATE TABLE done (n int GENERATED ALWAYS AS IDENTITY, windows bigint, late bigint, unchanged bigint);
CREATE PROCEDURE run(at timestamptz, windows int DEFAULT 100000) LANGUAGE plpgsql AS $$
DECLARE answer jsonb;
BEGIN
	LOOP
		answer := agg_run_batch(p_max_windows => windows, p_now_utc => at);
		INSERT INTO done (windows, late, unchanged) SELECT (answer ->> 'windows_processed')::bigint, (answer ->> 'late_windows_processed')::bigint, (answer ->> 'bars_unchanged')::bigint;
		COMMIT;
		EXIT WHEN NOT (answer ->> 'continue')::boolean;
	END LOOP;
END $$;
CREATE FUNCTION done() RETURNS TABLE (windows bigint, late bigint, unchanged bigint) LANGUAGE sql AS $$
	WITH gone AS (DELETE FROM done RETURNING *) SELECT sum(windows)::bigint, sum(late)::bigint, sum(unchanged)::bigint FROM gone
$$;
CREATE VIEW counted AS SELECT canonical_symbol AS symbol, timeframe, late_rows, refused_rows FROM data_agg_state WHERE late_rows > 0 OR refused_rows > 0;
-- A mark ahead of a cursor waits until its window is made for the first time.
CREATE VIEW marks_behind AS SELECT d.* FROM agg_dirty_ranges AS d JOIN data_agg_state AS s USING (canonical_symbol, timeframe) WHERE d.from_utc < s.last_agg_bar_ts_utc;
CREATE FUNCTION all_right(name text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT is_empty('SELECT * FROM agg_verify()', name || ': all right');
	RETURN NEXT is_empty('TABLE marks_behind', name || ': nothing is marked');
	RETURN NEXT is_empty('TABLE agg_refused_ranges', name || ': nothing refused');
END $$;

-- ---- one index ----
INSERT INTO agg_indexes (canonical_symbol, components, exponents) VALUES ('I', '{S}', '{1}');
SELECT world.task(s, '5m') FROM unnest('{S,I}'::text[]) AS s \g /dev/null
SELECT feed('{S}', '2025-07-01', '2025-07-02');
CALL run('2025-07-02 00:01+00', 100);
SELECT results_eq('SELECT * FROM done()', 'VALUES (576::bigint, 0::bigint, 0::bigint)', 'each bar of a backlog is made once');
SELECT is_empty('TABLE counted', 'nothing is late');
SELECT all_right('a backlog');

CREATE PROCEDURE ticks(symbols text[], from_utc timestamptz, n int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. n LOOP
		PERFORM feed(symbols, from_utc + make_interval(mins => i - 1), from_utc + make_interval(mins => i));
		COMMIT;
		CALL run(from_utc + make_interval(mins => i, secs => 31));
	END LOOP;
END $$;
CALL ticks('{S}', '2025-07-02', 30);
SELECT results_eq('SELECT * FROM done()', 'VALUES (12::bigint, 0::bigint, 0::bigint)', 'minute by minute, too');
SELECT is_empty('TABLE counted', 'nothing is late');
SELECT all_right('ticks');

SELECT feed('{S}', '2025-07-02 00:07+00', '2025-07-02 00:08+00', 2);
CALL run('2025-07-02 00:30:31+00');
SELECT is((world.bar('I', '5m', '2025-07-02 00:05+00')).high, 2::float8, 'a late minute of the component reaches the index');
SELECT results_eq('SELECT symbol, late_rows > 0 FROM counted ORDER BY 1', $$VALUES ('I', true), ('S', true)$$, 'and is counted');
SELECT results_eq('SELECT late FROM done()', 'VALUES (2::bigint)', 'each window that it touches is made again once');
-- Nor is it late again for an index that must not change from now on, whoever made its minutes.
SELECT feed('{S}', '2025-07-02 00:08+00', '2025-07-02 00:09+00', 2);
CALL run('2025-07-02 00:30:31+00');
SELECT agg_set_late_policy('I', '5m', 'freeze') \g /dev/null
CALL run('2025-07-02 00:30:31+00');
SELECT all_right('frozen right after a late minute');
SELECT agg_set_late_policy('I', '5m', 'recompute') \g /dev/null
SELECT feed('{S}', '2025-07-02 00:09+00', '2025-07-02 00:10+00', 3);
SELECT catchup_aggregation_range('I', '5m', '2025-07-02 00:30+00', p_now_utc => '2025-07-02 00:30:31+00') \g /dev/null
SELECT is((world.bar('I', '5m', '2025-07-02 00:05+00')).close, 3::float8, 'a call of one task makes it, too');
SELECT agg_set_late_policy('I', '5m', 'freeze') \g /dev/null
CALL run('2025-07-02 00:30:31+00');
SELECT all_right('frozen right after such a call');
SELECT feed('{S}', '2025-07-02 00:06+00', '2025-07-02 00:07+00', 4);
CALL run('2025-07-02 00:30:31+00');
SELECT isnt_empty('TABLE agg_refused_ranges', 'frozen before it');
SELECT derived_rebuild_range('I', '5m', '2025-07-02 00:00+00', '2025-07-02 00:30+00', false) \g /dev/null
SELECT is((world.bar('I', '5m', '2025-07-02 00:05+00')).high, 4::float8, 'a rebuild makes what was refused');
CALL run('2025-07-02 00:30:31+00');
SELECT all_right('and nothing is refused again');
SELECT agg_set_late_policy('I', '5m', 'recompute') \g /dev/null
CALL run('2025-07-02 00:30:31+00');
SELECT all_right('a late minute');
SELECT done() \g /dev/null
UPDATE data_agg_state SET late_rows = 0, refused_rows = 0;

SELECT agg_set_late_policy('I', '5m', 'freeze') \g /dev/null
CALL ticks('{S}', '2025-07-02 00:30+00', 25);
SELECT feed('{S}', '2025-07-02 00:55+00', '2025-07-02 01:20+00');
CALL run('2025-07-02 01:20:31+00');
SELECT results_eq('SELECT * FROM done()', 'VALUES (20::bigint, 0::bigint, 0::bigint)', 'a frozen index takes what comes in order');
SELECT is_empty('TABLE counted', 'and refuses none of it');
SELECT all_right('frozen');
SELECT feed('{S}', '2025-07-02 00:41+00', '2025-07-02 00:42+00', 3);
CALL run('2025-07-02 01:20:31+00');
SELECT results_eq('SELECT symbol, refused_rows FROM counted WHERE refused_rows > 0', $$VALUES ('I', 1::bigint)$$, 'but a late one it refuses');
SELECT results_eq('SELECT canonical_symbol, from_utc, to_utc FROM agg_refused_ranges', $$VALUES ('I', '2025-07-02 00:40+00'::timestamptz, '2025-07-02 00:45+00'::timestamptz)$$, 'and lists');
SELECT agg_set_late_policy('I', '5m', 'recompute') \g /dev/null
CALL run('2025-07-02 01:20:31+00');
SELECT all_right('until it follows again');
SELECT done() \g /dev/null
UPDATE data_agg_state SET late_rows = 0, refused_rows = 0;

-- ---- an index of an index, several timeframes of minutes, one of bars ----
INSERT INTO agg_indexes (canonical_symbol, components, exponents, carry_minutes) VALUES ('J', '{I,R}', '{1,1}', 2), ('K', '{J}', '{1}', 0);
SELECT world.task(s, '5m') FROM unnest('{J,K,R}'::text[]) AS s \g /dev/null
SELECT world.task(s, '1h') FROM unnest('{I,J,K}'::text[]) AS s \g /dev/null
SELECT world.task(s, '15m') FROM unnest('{I,J,K}'::text[]) AS s \g /dev/null
UPDATE data_agg_state SET source_timeframe = '1m' WHERE timeframe = '15m';
SELECT feed('{R}', '2025-07-01', '2025-07-02 01:20+00');
CALL run('2025-07-02 01:20:31+00', 50);
SELECT all_right('a backlog of indexes of indexes');
SELECT done() \g /dev/null
UPDATE data_agg_state SET late_rows = 0;
CALL ticks('{S,R}', '2025-07-02 01:20+00', 110);
SELECT results_eq('SELECT * FROM done()', 'SELECT (5 * 22 + 3 * 7 + 3 * 2)::bigint, 0::bigint, 0::bigint', 'every bar is made once');
SELECT is_empty('TABLE counted', 'nothing is late');
SELECT all_right('ticks of them');
SELECT feed('{S}', '2025-07-02 02:07+00', '2025-07-02 02:08+00', 5);
CALL run('2025-07-02 03:10:31+00');
SELECT is((world.bar('K', tf, '2025-07-02 02:00+00')).high, 5::float8, 'a late minute reaches ' || tf) FROM unnest('{15m,1h}'::text[]) AS tf;
SELECT is((world.bar('K', '5m', '2025-07-02 02:05+00')).high, 5::float8, 'and 5m, two indexes further');
SELECT all_right('a late minute below');
SELECT done() \g /dev/null
UPDATE data_agg_state SET late_rows = 0;

-- A task of the index that is behind, or ahead of, the one for which its minutes are made.
UPDATE data_agg_state SET next_run_at = '2025-07-03 00:00+00' WHERE canonical_symbol = 'I' AND timeframe = '15m';
CALL ticks('{S,R}', '2025-07-02 03:10+00', 50);
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'I' AND timeframe = '15m';
CALL run('2025-07-02 04:00:31+00');
SELECT results_eq('SELECT late, unchanged FROM done()', 'VALUES (0::bigint, 0::bigint)', 'one that is behind has not passed anything');
SELECT is_empty('TABLE counted', 'nothing is late for it');
SELECT all_right('behind');
DELETE FROM data_bars WHERE canonical_symbol = 'I' AND ts_utc >= '2025-07-02 02:00+00';
CALL run('2025-07-02 04:00:31+00');
SELECT all_right('minutes that are gone come again');

-- A call whose cursor is ahead of an open window leaves that to whoever comes there when it is over.
INSERT INTO agg_indexes (canonical_symbol, components, exponents) VALUES ('O', '{T}', '{1}');
SELECT world.task('O', '1h') \g /dev/null
UPDATE data_agg_state SET source_timeframe = '1m' WHERE canonical_symbol = 'O';
SELECT feed('{T}', '2025-07-01', '2025-07-01 01:40+00');
CALL run('2025-07-01 01:00:31+00');
SELECT feed('{T}', '2025-07-01 01:10+00', '2025-07-01 01:20+00', 5);
SELECT agg_aggregate_tasks('{O}', '{1h}', p_now_utc => '2025-07-01 01:40:31+00') \g /dev/null
SELECT isnt_empty($$SELECT FROM agg_dirty_ranges WHERE canonical_symbol = 'O'$$, 'the open hour is marked');
SELECT catchup_aggregation_range('O', '1h', '2025-07-01 02:00+00', 100, '2025-07-01 01:40:31+00') \g /dev/null
SELECT ok((world.bar('O', '1h', '2025-07-01 01:00+00')).ts_utc IS NULL, 'but has no bar');
CALL run('2025-07-01 01:40:31+00');
SELECT feed('{T}', '2025-07-01 01:40+00', '2025-07-01 02:00+00', 2);
CALL run('2025-07-01 02:00:31+00');
SELECT is((world.bar('O', '1h', '2025-07-01 01:00+00')).source_candles, 60, 'until it is over');
SELECT all_right('an open hour');
DELETE FROM data_agg_state WHERE canonical_symbol = 'O';
DELETE FROM derived_data_bars WHERE canonical_symbol = 'O';
DELETE FROM agg_indexes WHERE canonical_symbol = 'O';

-- Changes in the transaction that makes the bars, and after it has made them.
BEGIN;
SELECT * FROM agg_aggregate_tasks('{I}', '{5m}', p_now_utc => '2025-07-02 04:05:31+00') \g /dev/null
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT 'S', '1m', t, 7, 7, 7, 7, 1 FROM generate_series('2025-07-02 04:00+00'::timestamptz, '2025-07-02 04:04+00', '1 minute') AS t;
SELECT windows_processed FROM agg_aggregate_tasks('{I}', '{5m}', p_now_utc => '2025-07-02 04:05:31+00') \g /dev/null
UPDATE data_bars SET high = 8, close = 8 WHERE canonical_symbol = 'S' AND ts_utc = '2025-07-02 04:03+00';
COMMIT;
CALL run('2025-07-02 04:05:31+00');
SELECT is((world.bar('I', '5m', '2025-07-02 04:00+00')).close, 7::float8, 'the last minute of the window');
SELECT is((world.bar('I', '5m', '2025-07-02 04:00+00')).high, 8::float8, 'and one that changed in the transaction that made the bar');
SELECT all_right('several changes in a transaction');
-- A foreign trigger that changes minutes of the index while its bars are made.
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$ BEGIN UPDATE data_bars SET close = 9, high = 9, source = 'ingest' WHERE canonical_symbol = 'I' AND ts_utc = NEW.ts_utc; RETURN NULL; END $$;
CREATE TRIGGER meddle AFTER INSERT ON derived_data_bars FOR EACH ROW WHEN (NEW.canonical_symbol = 'I' AND NEW.timeframe = '5m') EXECUTE FUNCTION meddle();
SELECT feed('{S}', '2025-07-02 04:05+00', '2025-07-02 04:20+00');
CALL run('2025-07-02 04:20:31+00');
CALL run('2025-07-02 04:20:31+00');
SELECT results_eq($$SELECT high FROM derived_data_bars WHERE canonical_symbol = 'I' AND timeframe = '5m' AND ts_utc >= '2025-07-02 04:05+00' ORDER BY ts_utc$$, 'VALUES (9::float8), (9), (9)', 'what changes while bars are made is late');
SELECT all_right('a trigger');
-- And one that changes what a minute is made of, when that is stored.
CREATE FUNCTION meddle_below() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$ BEGIN UPDATE data_bars SET close = 11, high = 11 WHERE canonical_symbol = 'S' AND ts_utc = NEW.ts_utc; RETURN NULL; END $$;
CREATE TRIGGER meddle_below AFTER INSERT ON data_bars FOR EACH ROW WHEN (NEW.canonical_symbol = 'I' AND NEW.ts_utc = '2025-07-02 04:22+00') EXECUTE FUNCTION meddle_below();
DROP TRIGGER meddle ON derived_data_bars;
SELECT feed('{S,R}', '2025-07-02 04:20+00', '2025-07-02 04:25+00');
CALL run('2025-07-02 04:25:31+00');
CALL run('2025-07-02 04:25:31+00');
SELECT is((world.bar('K', '5m', '2025-07-02 04:20+00')).high, 11::float8, 'what changes below while minutes are made is late');
SELECT all_right('a trigger below');
SELECT * FROM finish();
