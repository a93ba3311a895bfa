-- Tick sources: minutes made of ticks, against the aggregate candlestick(); late, corrected and deleted ticks; conditions; bad ticks; bars of
-- others; backfills; what becomes of tables and columns. What several sessions do to each other is in test/isolation.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
\ir include/seeds.psql
SELECT no_plan();
SET timezone = 'UTC';

CREATE TABLE trades (id bigserial, symbol text, ts timestamptz, price float8, size float8, cond text);
CREATE INDEX ON trades (symbol, ts);

-- what the bars of a source must be: those of the aggregate, over the ticks that count, of minutes before `until`
CREATE FUNCTION expected(until timestamptz, excluded text[] DEFAULT '{}') RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s %s %s', symbol, minute, ROW(open(cs), high(cs), low(cs), close(cs), volume(cs), vwap(cs), trade_count(cs)))
	FROM (SELECT symbol, date_bin('1 minute', ts, '2000-01-01') AS minute, candlestick(ts, price, size) AS cs FROM trades
		WHERE symbol IS NOT NULL AND isfinite(ts) AND ts < until AND (cond = ANY (excluded)) IS NOT TRUE GROUP BY 1, 2) AS m
	WHERE cs IS NOT NULL
$$;
CREATE VIEW made AS SELECT format('%s %s %s', canonical_symbol, ts_utc, ROW(open, high, low, close, vol, vwap, trade_count)) AS bar
	FROM data_bars WHERE timeframe = '1m' AND raw ->> 'kind' = 'ticks';
-- minutes alone
CREATE PROCEDURE make(at timestamptz, INOUT made int DEFAULT 0) LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
BEGIN
	FOR i IN 1..200 LOOP
		answer := agg_run_batch(p_now_utc => at);
		EXIT WHEN NOT (answer ->> 'continue')::boolean;
	END LOOP;
END $$;

-- registering
INSERT INTO trades (symbol, ts, price, size) VALUES ('OLD', '2025-07-01 00:00:01', 1, 1), ('OLD', '2025-07-01 00:03:01', 2, 1);
SELECT is(agg_run_batch() ? 'ticks', false, 'without a source nobody asks for ticks');
SELECT is(agg_add_tick_source('trades', p_condition => 'cond', p_excluded => ARRAY['Z', 'X'], p_delay_seconds => 5),
	'{"success": true, "tick_source": "public.trades", "created": true, "from_utc": null, "to_utc": null}', 'a source');
SELECT is(agg_add_tick_source('trades', p_condition => 'cond', p_excluded => ARRAY['X', 'Z'], p_delay_seconds => 5) ->> 'created', 'false', 'once more changes nothing');
SELECT is((SELECT format('%s|%s|%s|%s|%s|%s', tick_source, table_name, columns, excluded, delay_seconds, state) FROM v_aggregation_tick_sources),
	'public.trades|trades|{ts,symbol,price,size,cond}|{X,Z}|5|ok', 'the view shows it');
CALL make('2025-07-02') \g /dev/null
SELECT is_empty('TABLE made', 'nothing is made of what was there before');

-- a minute that is over, and one that is not
INSERT INTO trades (symbol, ts, price, size) VALUES ('EURUSD', '2025-07-01 10:00:00', 1.1, 1), ('EURUSD', '2025-07-01 10:00:59.999999', 1.3, 2), ('EURUSD', '2025-07-01 10:01:00', 1.2, 1);
CALL make('2025-07-01 10:01:04.999999') \g /dev/null
SELECT is_empty('TABLE made', 'a minute is made when it is over, and its delay');
CALL make('2025-07-01 10:01:05') \g /dev/null
SELECT results_eq('TABLE made', $$SELECT expected('2025-07-01 10:01', '{X,Z}') EXCEPT SELECT expected('2025-07-01 09:00', '{X,Z}')$$, 'then it is there');
SELECT is((SELECT ROW(timeframe, source, is_partial, provider_ticker, raw) FROM data_bars)::text,
	$$(1m,ingest,f,,"{""kind"": ""ticks"", ""table"": ""public.trades""}")$$, 'with its origin');
SELECT is((SELECT count(*) FROM agg_tick_log), 1::bigint, 'the open one waits');
SELECT probe.answers(agg_run_batch(p_now_utc => '2025-07-01 10:02:05'), '{"continue": true, "ticks": 1, "minutes_inserted": 1, "tasks": 0, "failures": []}', 'its turn comes');
SELECT probe.answers(agg_run_batch(p_now_utc => '2025-07-01 10:02:05'), '{"continue": false, "ticks": 0, "minutes_inserted": 0}', 'and is over');

-- late, corrected, moved, deleted
INSERT INTO trades (symbol, ts, price, size) VALUES ('EURUSD', '2025-07-01 10:00:30', 9, 5);
CALL make('2025-07-02') \g /dev/null
SELECT set_eq('TABLE made', $$SELECT expected('2025-07-02', '{X,Z}') EXCEPT SELECT expected('2025-07-01 09:00', '{X,Z}')$$, 'a late tick');
UPDATE trades SET price = 8 WHERE price = 9;
UPDATE trades SET ts = '2025-07-01 10:05:00' WHERE ts = '2025-07-01 10:01:00';
CALL make('2025-07-02') \g /dev/null
SELECT set_eq('TABLE made', $$SELECT expected('2025-07-02', '{X,Z}') EXCEPT SELECT expected('2025-07-01 09:00', '{X,Z}')$$, 'a corrected one, and one that moves to another minute');
SELECT is((SELECT count(*) FROM made), 2::bigint, 'the minute that it was in has no bar any more');
UPDATE trades SET cond = 'X' WHERE price = 8;
UPDATE trades SET symbol = 'GBPUSD' WHERE ts = '2025-07-01 10:05:00';
CALL make('2025-07-02') \g /dev/null
SELECT set_eq('TABLE made', $$SELECT expected('2025-07-02', '{X,Z}') EXCEPT SELECT expected('2025-07-01 09:00', '{X,Z}')$$, 'one that is excluded, and one of another symbol');
UPDATE trades SET id = -id, price = price, cond = cond;
SELECT is((SELECT count(*) FROM agg_tick_log), 0::bigint, 'an update that leaves ticks as they were is no change');
DELETE FROM trades WHERE symbol IN ('EURUSD', 'GBPUSD');
CALL make('2025-07-02') \g /dev/null
SELECT is_empty('TABLE made', 'without ticks there are no bars');
SELECT is((SELECT count(*) FROM trades), 2::bigint, 'what was there before is still there');

-- bad ticks, and numbers of all kinds
INSERT INTO trades (symbol, ts, price, size, cond) VALUES
	('BAD', '2025-07-01 11:00', NULL, 1, NULL), ('BAD', '2025-07-01 11:00', 'NaN', 1, NULL), ('BAD', '2025-07-01 11:00', 'infinity', 1, NULL), (NULL, '2025-07-01 11:00', 1, 1, NULL),
	('BAD', 'infinity', 1, 1, NULL), ('BAD', '-infinity', 1, 1, NULL), ('BAD', NULL, 1, 1, NULL), (repeat('x', 300), '2025-07-01 11:00', 1, 1, NULL), ('BAD', '2025-07-01 11:03', 2, 1, 'Z'),
	('BAD', '2025-07-01 11:01', -1, -2, NULL), ('BAD', '2025-07-01 11:01', 3, NULL, NULL), ('BAD', '2025-07-01 11:01:01', 4, 'NaN', NULL), ('BAD', '2025-07-01 11:01:02', 0, 1e300, 'q'),
	('BAD', '2025-07-01 11:02', 1e308, 1e308, NULL), ('', '2025-07-01 11:00', 5, 1, NULL), ('BAD', '1999-12-31 23:59:59', 5, 1, NULL);
CALL make('2025-07-02') \g /dev/null
SELECT set_eq('TABLE made', $$SELECT e FROM expected('2025-07-02', '{X,Z}') AS e WHERE e NOT LIKE 'OLD%' AND length(e) < 300$$, 'bad ticks are what candlestick() makes of them');
SELECT is((SELECT count(*) FROM made), 4::bigint, 'so many minutes');
DELETE FROM trades WHERE symbol <> 'OLD' OR symbol IS NULL;
CALL make('2025-07-02') \g /dev/null
SELECT is_empty('TABLE made', 'and gone again');

-- bars of others
SELECT world.minutes('FEED', '2025-07-01 10:00', 2);
INSERT INTO trades (symbol, ts, price, size) VALUES ('FEED', '2025-07-01 10:00:01', 7, 1), ('FEED', '2025-07-01 10:02:01', 7, 1);
SELECT probe.answers(agg_run_batch(p_now_utc => '2025-07-02'), '{"minutes_inserted": 1, "minutes_kept": 1}', 'a bar of somebody else''s stays');
SELECT is((SELECT array_agg(open ORDER BY ts_utc) FROM data_bars WHERE canonical_symbol = 'FEED'), ARRAY[100, 101, 7]::float8[], 'as it is');
SELECT is((SELECT format('%s %s', minutes_kept, last_kept) FROM v_aggregation_tick_sources), '1 FEED 2025-07-01T10:00:00+00:00', 'which is noted');
DELETE FROM trades WHERE symbol = 'FEED';
CALL make('2025-07-02') \g /dev/null
SELECT is((SELECT array_agg(open ORDER BY ts_utc) FROM data_bars WHERE canonical_symbol = 'FEED'), ARRAY[100, 101]::float8[], 'nor is it deleted');
INSERT INTO trades (symbol, ts, price, size) VALUES ('FEED', '2025-07-01 10:03:01', 7, 1);
CALL make('2025-07-02') \g /dev/null
UPDATE data_bars SET source = 'massive_api', close = 70 WHERE canonical_symbol = 'FEED' AND ts_utc = '2025-07-01 10:03';
UPDATE trades SET price = 8 WHERE symbol = 'FEED';
CALL make('2025-07-02') \g /dev/null
SELECT is((SELECT close FROM data_bars WHERE canonical_symbol = 'FEED' AND ts_utc = '2025-07-01 10:03'), 70::float8, 'who takes a bar over keeps it');
DELETE FROM trades WHERE symbol = 'FEED';
DELETE FROM data_bars;
-- sealed ones
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('OLD');
SELECT agg_seal_range('OLD', '2025-07-01 00:00', '2025-07-01 00:02') \g /dev/null
INSERT INTO trades (symbol, ts, price, size) SELECT 'OLD', '2025-07-01 00:00:02'::timestamptz + n * interval '1 min', 5, 1 FROM generate_series(0, 3) AS n;
CALL make('2025-07-02') \g /dev/null
SELECT is((SELECT array_agg(ts_utc ORDER BY ts_utc) FROM data_bars), ARRAY['2025-07-01 00:02', '2025-07-01 00:03']::timestamptz[], 'sealed minutes are left alone');
SELECT results_eq('SELECT canonical_symbol, timeframe, from_utc, to_utc, row_count FROM agg_refused_ranges', $$VALUES ('OLD', '1m', '2025-07-01 00:00'::timestamptz, '2025-07-01 00:02'::timestamptz, 2::bigint)$$, 'what would have changed is listed as refused');
SELECT agg_seal_range('OLD', '2025-07-01 00:02', '2025-07-01 00:03') \g /dev/null
UPDATE trades SET price = 5 WHERE symbol = 'OLD';
INSERT INTO trades (symbol, ts, price, size) VALUES ('OLD', '2025-07-01 00:02:03', 8, 1);
CALL make('2025-07-02') \g /dev/null
SELECT is((SELECT high FROM data_bars WHERE ts_utc = '2025-07-01 00:02'), 5::float8, 'a bar that is sealed stays as it is');
SELECT agg_unseal_range('OLD', '2025-07-01 00:01', '2025-07-02') \g /dev/null
CALL make('2025-07-02') \g /dev/null
SELECT results_eq('SELECT ts_utc::time, high FROM data_bars ORDER BY ts_utc', $$VALUES ('00:01'::time, 5::float8), ('00:02', 8), ('00:03', 5)$$, 'without the seal what was refused is made');
SELECT results_eq('SELECT from_utc, to_utc FROM agg_refused_ranges', $$VALUES ('2025-07-01 00:00'::timestamptz, '2025-07-01 00:01'::timestamptz)$$, 'and is not listed any more');
DELETE FROM trades;
CALL make('2025-07-02') \g /dev/null
DELETE FROM agg_sealed_ranges;
DELETE FROM agg_refused_ranges;

-- tasks above: finished, then revised
SELECT world.task('EURUSD', '5m');
INSERT INTO trades (symbol, ts, price, size) SELECT 'EURUSD', '2025-07-01 10:00:00'::timestamptz + n * interval '10 s', 100 + n, 1 FROM generate_series(0, 29) AS n;
CALL make('2025-07-01 10:06') \g /dev/null
SELECT is((world.bar('EURUSD', '5m', '2025-07-01 10:00')).high, 129::float8, 'bars of tasks follow in the same run');
SELECT is((SELECT sum(late_rows) FROM data_agg_state), 0::numeric, 'and nothing was late');
INSERT INTO trades (symbol, ts, price, size) VALUES ('EURUSD', '2025-07-01 10:03:03', 500, 1);
CALL make('2025-07-01 10:07') \g /dev/null
SELECT is((world.bar('EURUSD', '5m', '2025-07-01 10:00')).high, 500::float8, 'a late tick revises them');
DELETE FROM trades;
CALL make('2025-07-01 10:08') \g /dev/null
SELECT is((world.bar('EURUSD', '5m', '2025-07-01 10:00')).high, NULL, 'without ticks they are gone');

-- random histories, rollbacks and savepoints among them
SET client_min_messages = error;
DO $$
DECLARE
	s bigint;
	n int;
BEGIN
	FOR s IN SELECT seed FROM seeds LOOP
		PERFORM start_of_random(s);
		FOR round IN 1..12 LOOP
			BEGIN
				INSERT INTO trades (symbol, ts, price, size, cond)
				SELECT chr(65 + (random() * 3)::int), '2025-06-30 23:50'::timestamptz + random() * interval '25 min', round((100 + random() * 10)::numeric, 2),
					CASE WHEN random() < 0.1 THEN NULL ELSE round((random() * 100)::numeric, 1) - 2 END, CASE WHEN random() < 0.2 THEN (ARRAY['X', 'Z', 'q'])[1 + (random() * 2)::int] END
				FROM generate_series(1, 40);
				UPDATE trades SET price = price + 1 WHERE random() < 0.05;
				UPDATE trades SET ts = ts + interval '1 min' WHERE random() < 0.02;
				UPDATE trades SET cond = CASE WHEN cond IS NULL THEN 'X' END WHERE random() < 0.05;
				DELETE FROM trades WHERE random() < 0.3;
				IF random() < 0.3 THEN
					RAISE EXCEPTION 'never mind';
				END IF;
			EXCEPTION WHEN raise_exception THEN
				NULL;
			END;
			IF random() < 0.5 THEN
				n := (random() * 30)::int;
				FOR i IN 1..5 LOOP
					EXIT WHEN NOT (agg_run_batch(p_now_utc => '2025-06-30 23:50'::timestamptz + n * interval '1 min') ->> 'continue')::boolean;
				END LOOP;
			END IF;
		END LOOP;
	END LOOP;
END $$;
SET client_min_messages = warning;
CALL make('2025-07-02') \g /dev/null
SELECT set_eq('TABLE made', $$SELECT expected('2025-07-02', '{X,Z}')$$, 'after a random history bars are what their ticks come to, bit by bit');
SELECT is((SELECT count(*) FROM agg_tick_log), 0::bigint, 'and nothing waits');
SELECT is_empty('SELECT * FROM agg_verify()', 'nor above');

-- a backfill, and doing it again
CREATE TEMP TABLE before AS SELECT d.*, d.xmin AS version FROM data_bars AS d;
SELECT probe.answers(agg_mark_ticks('trades'), '{"success": true, "tick_source": "public.trades"}', 'all minutes are made anew');
CALL make('2025-07-02') \g /dev/null
SELECT set_eq('SELECT version, ts_utc, canonical_symbol FROM before', 'SELECT xmin AS version, ts_utc, canonical_symbol FROM data_bars', 'and none is written');
DELETE FROM data_bars WHERE ts_utc < '2025-07-01';
UPDATE data_bars SET close = 1 WHERE canonical_symbol = 'A';
SELECT agg_mark_ticks('trades', '2025-06-30 23:00', '2025-07-01') \g /dev/null
SELECT agg_mark_ticks('trades', p_symbol => 'A') \g /dev/null
CALL make('2025-07-02') \g /dev/null
SELECT set_eq('TABLE made', $$SELECT expected('2025-07-02', '{X,Z}')$$, 'what is missing or wrong is mended, of a range or a symbol');
SET aggregation.tracking = off;
DELETE FROM trades WHERE symbol = 'B';
RESET aggregation.tracking;
TRUNCATE trades;
CALL make('2025-07-02') \g /dev/null
SELECT set_eq('SELECT ts_utc, canonical_symbol, close FROM before', 'SELECT ts_utc, canonical_symbol, close FROM data_bars', 'retention of ticks leaves bars alone: without tracking, or by TRUNCATE');
SELECT is(agg_mark_ticks('trades') ->> 'from_utc', NULL, 'without ticks there is no first one');
SELECT agg_mark_ticks('trades', '2025-06-30', '2025-07-02') \g /dev/null
CALL make('2025-07-02') \g /dev/null
SELECT is((SELECT count(*) FROM made), (SELECT count(*) FROM before), 'also when it looks at them again');
SELECT agg_mark_ticks('trades', '2025-06-30', '2025-07-02', p_delete => true) \g /dev/null
CALL make('2025-07-02') \g /dev/null
SELECT is_empty('TABLE made', 'whoever asks for it loses them');
SELECT probe.refuses($$SELECT agg_mark_ticks('trades', '2025-07-02', '2025-07-01')$$, '22023', 'p_to_utc must not be before p_from_utc', '%', 'a range that ends before it begins');

-- symbols that no task can have
TRUNCATE trades;
INSERT INTO trades (symbol, ts, price) SELECT s, '2025-07-01 00:00', 1 FROM unnest(ARRAY['', ' ', E'\t', E'A\nB', 'A']) AS s;
CALL make('2025-07-02') \g /dev/null
SELECT set_eq('SELECT canonical_symbol FROM data_bars WHERE timeframe = $$1m$$ AND raw ->> $$kind$$ = $$ticks$$', ARRAY['', ' ', E'\t', E'A\nB', 'A'], 'whatever a symbol is, its minutes are made');
SELECT set_eq($$SELECT canonical_symbol FROM v_aggregation_unread_bars WHERE reason = 'no task can have this symbol, which is empty or has blanks around it: correct it where it comes from'$$,
	ARRAY['', ' ', E'\t'], 'and those that can have no task are told');
DELETE FROM trades;
CALL make('2025-07-02') \g /dev/null

-- p_from
SELECT agg_remove_tick_source('trades') \g /dev/null
SELECT is_empty($$SELECT tgname FROM pg_trigger WHERE tgrelid = 'trades'::regclass$$, 'a source that is removed leaves no trigger');
INSERT INTO trades (symbol, ts, price, size) SELECT 'S' || n % 3, '2025-01-01'::timestamptz + n * interval '7 min', n, 1 FROM generate_series(0, 2000) AS n;
SELECT is((SELECT count(*) FROM agg_tick_log), 0::bigint, 'nor does anybody notice ticks');
SELECT probe.answers(agg_add_tick_source('trades', p_condition => 'cond', p_excluded => '{}', p_from => '-infinity'), '{"created": true, "from_utc": "2025-01-01T00:00:00+00:00"}', 'with everything from the first tick on');
SELECT is((SELECT waiting_from FROM v_aggregation_tick_sources), '2025-01-01'::timestamptz, 'which waits to be made');
CALL agg_run(p_time_budget => '5 minutes');
SELECT set_eq('TABLE made', $$SELECT expected('2026-07-02')$$, 'a run makes all of it');
SELECT is((SELECT waiting_entries FROM v_aggregation_tick_sources), 0::bigint, 'to the end');

-- nobody runs for long: the log stays small, and loses nothing
SET aggregation.change_log_size = '64kB';
INSERT INTO agg_tick_log (tick_source, first_utc, symbols, from_utc, to_utc) VALUES ('public.gone', '2025-07-01', '{A}', '{2025-07-01}', '{2025-07-02}');
DO $$
BEGIN
	FOR i IN 1..2000 LOOP
		INSERT INTO trades (symbol, ts, price, size) VALUES ('L' || i % 7, '2025-02-01'::timestamptz + (i % 50) * interval '1 min', i, 1);
		COMMIT;
	END LOOP;
END $$;
RESET aggregation.change_log_size;
SELECT cmp_ok((SELECT count(*) FROM agg_tick_log), '<', 1000::bigint, 'those who write fold the log');
SELECT is((SELECT count(*) FROM agg_tick_log WHERE tick_source = 'public.gone'), 0::bigint, 'and throw away what is nobody''s');
CALL agg_run(p_time_budget => '5 minutes');
SELECT set_eq('TABLE made', $$SELECT expected('2026-07-02')$$, 'all minutes are made all the same');

SELECT * FROM finish();
