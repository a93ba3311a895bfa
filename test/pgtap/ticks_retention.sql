-- Retention of ticks: what goes without being noticed (TRUNCATE, a partition that is dropped or detached) leaves bars alone, also while
-- something is noted for the same minutes; ticks that are noted to have left take them. By hand, and in random histories against a model.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/seeds.psql
SELECT no_plan();
SET timezone = 'UTC';
SET client_min_messages = warning;

CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..50 LOOP
		EXIT WHEN NOT (agg_run_batch(p_now_utc => '2025-07-05') ->> 'continue')::boolean;
	END LOOP;
END $$;
CREATE VIEW bars AS SELECT format('%s %s %s', canonical_symbol, ts_utc, ROW(open, high, low, close, vol, vwap, trade_count)) AS bar
	FROM data_bars WHERE timeframe = '1m' AND raw ->> 'table' = 'public.trades';
CREATE TABLE made (LIKE bars);

CREATE TABLE trades (ts timestamptz NOT NULL, symbol text, price float8, size float8, cond text) PARTITION BY RANGE (ts);
CREATE PROCEDURE partition(n int) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE p%s PARTITION OF trades FOR VALUES FROM (%L) TO (%L)', n, '2025-07-01'::timestamptz + n * interval '10 min',
		'2025-07-01'::timestamptz + (n + 1) * interval '10 min');
END $$;
DO $$ BEGIN FOR n IN 0..3 LOOP CALL partition(n); END LOOP; END $$;
SELECT agg_add_tick_source('trades', p_condition => 'cond', p_excluded => '{X}') \g /dev/null
INSERT INTO trades SELECT '2025-07-01'::timestamptz + n * interval '1 min', 'A', n, 1 FROM generate_series(0, 39) AS n;
SELECT run() \g /dev/null
INSERT INTO made TABLE bars;
SELECT is((SELECT count(*) FROM made), 40::bigint, 'bars of all minutes');

-- what waits for a minute says that ticks came
SELECT agg_mark_ticks('trades', '2025-07-01') \g /dev/null
DROP TABLE p0;
SELECT run() \g /dev/null
SELECT set_eq('TABLE bars', 'TABLE made', 'a backfill that waits');
INSERT INTO trades VALUES ('2025-07-01 00:10:30', 'A', 500, 1);
UPDATE trades SET price = 600, ts = '2025-07-01 00:11:30' WHERE ts = '2025-07-01 00:11';
DROP TABLE p1;
SELECT run() \g /dev/null
SELECT set_eq('TABLE bars', 'TABLE made', 'a late tick, and one that is corrected');
INSERT INTO trades VALUES ('2025-07-01 00:20:30', 'A', 500, 1);
TRUNCATE trades;
SELECT run() \g /dev/null
SELECT set_eq('TABLE bars', 'TABLE made', 'TRUNCATE');
INSERT INTO trades VALUES ('2025-07-01 00:30:30', 'A', 500, 1);
SELECT agg_mark_ticks('trades', '2025-07-01') \g /dev/null
SELECT run() \g /dev/null
SELECT is((SELECT array_agg(open) FROM data_bars WHERE ts_utc = '2025-07-01 00:30'), ARRAY[500]::float8[], 'what is marked is made of the ticks that are there');
SELECT is((SELECT count(*) FROM bars), 40::bigint, 'and keeps the bars of those that are not');
BEGIN;
UPDATE trades SET price = 700;
ALTER TABLE trades DETACH PARTITION p3;
COMMIT;
SELECT run() \g /dev/null
SELECT is((SELECT array_agg(open) FROM data_bars WHERE ts_utc = '2025-07-01 00:30'), ARRAY[500]::float8[], 'a correction goes with its partition');
DROP TABLE p3, trades;
CREATE TABLE trades (ts timestamptz NOT NULL, symbol text, price float8, size float8, cond text) PARTITION BY RANGE (ts);
DO $$ BEGIN CALL partition(0); CALL partition(1); CALL partition(3); END $$;
SELECT is(agg_add_tick_source('trades', p_condition => 'cond', p_excluded => '{X}', p_from => '2025-07-01') ->> 'created', 'false', 'a new table of the same name');
SELECT run() \g /dev/null
SELECT is((SELECT count(*) FROM bars), 40::bigint, 'has the bars of the old one');

-- ticks that are there, and count for nothing, are no ticks that went; nor does it matter where a tick that leaves goes
INSERT INTO trades SELECT '2025-07-01'::timestamptz + n * interval '1 min', 'A', 1, 1 FROM generate_series(0, 4) AS n;
SELECT run() \g /dev/null
UPDATE trades SET cond = 'X' WHERE ts = '2025-07-01 00:00';
UPDATE trades SET price = NULL WHERE ts = '2025-07-01 00:01';
UPDATE trades SET symbol = 'B' WHERE ts = '2025-07-01 00:02';
UPDATE trades SET ts = '2025-07-01 00:30' WHERE ts = '2025-07-01 00:03';
DELETE FROM trades WHERE ts = '2025-07-01 00:04';
SELECT run() \g /dev/null
SELECT is_empty($$SELECT * FROM data_bars WHERE canonical_symbol = 'A' AND ts_utc < '2025-07-01 00:05'$$, 'minutes that lose what counts lose their bars');
SELECT is((SELECT count(*) FROM bars), 36::bigint, 'the others do not');
INSERT INTO trades VALUES ('2025-07-01 00:05', 'A', 1, 1), ('2025-07-01 00:06', 'A', 1, 1);
SELECT run() \g /dev/null
DELETE FROM trades WHERE ts = '2025-07-01 00:05';
DROP TABLE p0;
SELECT run() \g /dev/null
SELECT is((SELECT array_agg(open) FROM data_bars WHERE canonical_symbol = 'A' AND ts_utc BETWEEN '2025-07-01 00:05' AND '2025-07-01 00:06'), ARRAY[1]::float8[], 'a DELETE that waits takes the bar of its minute, whatever goes with the partition');

-- asked for
SELECT agg_mark_ticks('trades', '2025-07-01', '2025-07-01 00:20', 'B', true) \g /dev/null
SELECT agg_mark_ticks('trades', '2025-07-01 00:10', '2025-07-01 00:30', p_delete => true) \g /dev/null
SELECT run() \g /dev/null
SELECT results_eq($$SELECT canonical_symbol, ts_utc::time FROM data_bars ORDER BY 1, 2$$, $$SELECT 'A', t::time FROM generate_series('2025-07-01'::timestamp, '2025-07-01 00:39', '1 min') AS t WHERE t BETWEEN '2025-07-01 00:06' AND '2025-07-01 00:09' OR t >= '2025-07-01 00:30'$$, 'who asks for it loses the bars of minutes without ticks');
SELECT agg_mark_ticks('trades', '2025-07-01 00:30', '2025-07-01 00:32', 'A') \g /dev/null
SELECT agg_mark_ticks('trades', '2025-07-01 00:31', '2025-07-01 00:33', 'A', true) \g /dev/null
SELECT agg_mark_ticks('trades', '2025-07-01 00:32', '2025-07-01 00:35', 'A') \g /dev/null
SELECT run() \g /dev/null
SELECT is((SELECT array_agg(ts_utc::time ORDER BY ts_utc) FROM data_bars WHERE ts_utc >= '2025-07-01 00:30'), (SELECT array_agg(t::time) FROM generate_series('2025-07-01 00:30'::timestamp, '2025-07-01 00:39', '1 min') AS t WHERE t NOT IN ('2025-07-01 00:31', '2025-07-01 00:32')), 'ranges that overlap keep their meaning');
SELECT probe.refuses($$SELECT agg_mark_ticks('trades', p_delete => true)$$, '22023', 'p_delete needs a beginning', '%p_from_utc%', 'nobody loses everything by accident');

-- random histories, with retention of all kinds among them: a model says for each minute what was noted since it was made
DELETE FROM data_bars;
DROP TABLE trades;
CREATE TABLE trades (ts timestamptz NOT NULL, symbol text, price float8, size float8, cond text) PARTITION BY RANGE (ts);
SELECT agg_add_tick_source('trades', p_condition => 'cond', p_excluded => '{X}') \g /dev/null
CREATE TABLE noted (symbol text, minute timestamptz, gone boolean);
CREATE TABLE model (symbol text, minute timestamptz, bar text, PRIMARY KEY (symbol, minute));
CREATE TABLE differences (seed bigint, round int, made text, model text);
CREATE VIEW ticks AS SELECT symbol, date_bin('1 minute', ts, '2000-01-01') AS minute, price, size, ts, cond FROM trades;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP <> 'INSERT' THEN
		INSERT INTO noted SELECT OLD.symbol, date_bin('1 minute', OLD.ts, '2000-01-01'), true
		WHERE TG_OP = 'DELETE' OR (OLD.symbol, date_bin('1 minute', OLD.ts, '2000-01-01')) <> (NEW.symbol, date_bin('1 minute', NEW.ts, '2000-01-01'));
	END IF;
	IF TG_OP <> 'DELETE' THEN
		INSERT INTO noted VALUES (NEW.symbol, date_bin('1 minute', NEW.ts, '2000-01-01'), false);
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER model AFTER INSERT OR UPDATE OR DELETE ON trades FOR EACH ROW EXECUTE FUNCTION note();
DO $$ BEGIN FOR n IN 0..3 LOOP CALL partition(n); END LOOP; END $$;
CREATE FUNCTION mark(n int, remove boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz := '2025-07-01'::timestamptz + n * interval '10 min';
BEGIN
	PERFORM agg_mark_ticks('trades', start, start + interval '10 min', p_delete => remove);
	INSERT INTO noted SELECT symbol, minute, remove FROM (SELECT symbol, minute FROM ticks UNION SELECT symbol, minute FROM model) AS m
	WHERE minute >= start AND minute < start + interval '10 min';
END $$;
CREATE FUNCTION make_model() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE asked ON COMMIT DROP AS SELECT symbol, minute, bool_or(gone) AS gone FROM noted GROUP BY 1, 2;
	CREATE TEMP TABLE now ON COMMIT DROP AS SELECT symbol, minute, candlestick(ts, price, size) FILTER (WHERE cond IS DISTINCT FROM 'X') AS cs FROM ticks GROUP BY 1, 2;
	DELETE FROM model AS m USING asked AS a LEFT JOIN now AS n USING (symbol, minute)
	WHERE (m.symbol, m.minute) = (a.symbol, a.minute) AND (a.gone OR n.symbol IS NOT NULL);
	INSERT INTO model SELECT symbol, minute, format('%s %s %s', symbol, minute, ROW(open(cs), high(cs), low(cs), close(cs), volume(cs), vwap(cs), trade_count(cs)))
	FROM now JOIN asked USING (symbol, minute) WHERE cs IS NOT NULL;
	DELETE FROM noted;
	DROP TABLE asked, now;
END $$;
SET client_min_messages = error;
DO $$
DECLARE
	s bigint;
	n int;
BEGIN
	FOR s IN SELECT seed FROM seeds LOOP
		PERFORM start_of_random(s);
		FOR round IN 1..60 LOOP
			BEGIN
				INSERT INTO trades
				SELECT '2025-07-01'::timestamptz + random() * interval '40 min', chr(65 + (random() * 2)::int), CASE WHEN random() < 0.9 THEN round((100 + random() * 10)::numeric, 2) END,
					round((random() * 100)::numeric, 1), CASE WHEN random() < 0.2 THEN (ARRAY['X', 'q'])[1 + (random() < 0.5)::int] END
				FROM generate_series(1, 15);
				UPDATE trades SET price = price + 1 WHERE random() < 0.05;
				UPDATE trades SET ts = ts + interval '20 s' WHERE ts < '2025-07-01 00:39:30' AND random() < 0.05;
				UPDATE trades SET symbol = chr(65 + (random() * 2)::int) WHERE random() < 0.03;
				UPDATE trades SET cond = CASE WHEN cond IS NULL THEN 'X' END WHERE random() < 0.05;
				DELETE FROM trades WHERE random() < 0.1;
				n := (random() * 3)::int;
				IF random() < 0.2 THEN
					EXECUTE format('DROP TABLE p%s', n);
					CALL partition(n);
				ELSIF random() < 0.2 THEN
					EXECUTE format('TRUNCATE p%s', n);
				ELSIF random() < 0.2 THEN
					EXECUTE format('ALTER TABLE trades DETACH PARTITION p%s', n);
					EXECUTE format('DELETE FROM p%s WHERE random() < 0.5', n);
					EXECUTE format('ALTER TABLE trades ATTACH PARTITION p%s FOR VALUES FROM (%L) TO (%L)', n, '2025-07-01'::timestamptz + n * interval '10 min',
						'2025-07-01'::timestamptz + (n + 1) * interval '10 min');
					PERFORM mark(n, random() < 0.3);
				ELSIF random() < 0.2 THEN
					PERFORM mark(n, random() < 0.2);
				END IF;
				IF random() < 0.2 THEN
					RAISE EXCEPTION 'never mind';
				END IF;
			EXCEPTION WHEN raise_exception THEN
				NULL;
			END;
			IF random() < 0.4 THEN
				PERFORM run();
				PERFORM make_model();
				INSERT INTO differences SELECT s, round, b.bar, m.bar FROM bars AS b FULL JOIN model AS m USING (bar) WHERE b.bar IS NULL OR m.bar IS NULL;
			END IF;
		END LOOP;
	END LOOP;
	PERFORM run();
	PERFORM make_model();
END $$;
SET client_min_messages = warning;
SELECT is_empty('TABLE differences', 'in a random history with retention, bars are what the model says after each run');
SELECT set_eq('TABLE bars', 'SELECT bar FROM model', 'and at the end');
SELECT cmp_ok((SELECT count(*) FROM bars), '>', 20::bigint, 'which are many');
SELECT is_empty($$SELECT * FROM agg_tick_log WHERE first_utc < '2025-07-04'$$, 'and nothing waits');

SELECT * FROM finish();
