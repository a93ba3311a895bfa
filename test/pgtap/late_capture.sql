-- What is noticed of changes in data_bars: every way in which a 1m bar comes, changes or goes, and nothing else.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('D');

-- What the last transaction has logged, as text; the log is empty again afterwards.
CREATE FUNCTION logged() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text := (SELECT string_agg(format('%s %s-%s %s', u.symbol, to_char(u.f AT TIME ZONE 'UTC', 'DD HH24:MI'), to_char(u.t AT TIME ZONE 'UTC', 'HH24:MI'), u.r), '; ' ORDER BY u.symbol, u.f)
		FROM agg_change_log AS l, LATERAL (SELECT symbol, COALESCE(f, l.from_utc[1]), COALESCE(t, l.to_utc[1]), COALESCE(r, l.row_counts[1])
			FROM unnest(l.symbols, l.from_utc, l.to_utc, l.row_counts) AS e (symbol, f, t, r)) AS u (symbol, f, t, r));
BEGIN
	DELETE FROM agg_change_log;
	RETURN said;
END
$$;

SELECT world.minutes('A', '2025-07-01 00:00+00', 10);
SELECT is(logged(), 'A 01 00:00-00:10 10', 'INSERT: adjacent minutes are one range');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT s, '1m', t, 1, 1, 1, 1 FROM unnest('{B,C}'::text[]) AS s, unnest('{2025-07-01 00:03+00,2025-07-01 00:01+00,2025-07-01 00:02+00,2025-07-01 05:00+00}'::timestamptz[]) AS t;
SELECT is(logged(), 'B 01 00:01-00:04 3; B 01 05:00-05:01 1; C 01 00:01-00:04 3; C 01 05:00-05:01 1', 'in any order and of any symbols; what is disjoint stays so');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '1m', '2025-07-01 01:00:30+00', 1, 1, 1, 1);
SELECT is(logged(), 'A 01 01:00-01:01 1', 'a bar in the middle of a minute belongs to that minute');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '5m', '2025-07-01 00:00+00', 1, 1, 1, 1), ('A', '1m', 'infinity', 1, 1, 1, 1), ('A', '1m', '-infinity', 1, 1, 1, 1);
SELECT is(logged(), NULL, 'other timeframes and infinite times are nobody''s source');
DELETE FROM data_bars WHERE NOT isfinite(ts_utc);

UPDATE data_bars SET close = close + 1 WHERE canonical_symbol = 'A' AND ts_utc < '2025-07-01 00:03+00';
SELECT is(logged(), 'A 01 00:00-00:03 3', 'UPDATE');
UPDATE data_bars SET close = close, raw = '{"seen": true}', updated_at = now(), ingested_at = now(), provider_ticker = 'x';
SELECT is(logged(), NULL, 'an UPDATE that changes nothing that bars are made of is no change');
SELECT is(count(*), 7::bigint, 'each column that they are made of counts') FROM unnest(ARRAY['open', 'high', 'low', 'close', 'vol', 'vwap', 'trade_count']) AS c,
	LATERAL (SELECT probe.attempt(format('UPDATE data_bars SET %I = coalesce(%I, 0) + 1 WHERE canonical_symbol = ''A'' AND ts_utc = ''2025-07-01 00:04+00''', c, c))) AS x;
SELECT is(logged(), 'A 01 00:04-00:05 7', 'one by one');
UPDATE data_bars SET vol = NULL WHERE canonical_symbol = 'A' AND ts_utc = '2025-07-01 00:04+00';
SELECT is(logged(), 'A 01 00:04-00:05 1', 'NULL is a change');
UPDATE data_bars SET vol = 0 WHERE canonical_symbol = 'A' AND ts_utc = '2025-07-01 00:04+00';
SELECT logged() \g /dev/null
UPDATE data_bars SET vol = '-0' WHERE canonical_symbol = 'A' AND ts_utc = '2025-07-01 00:04+00';
SELECT is(logged(), 'A 01 00:04-00:05 1', 'so is the sign of zero');
UPDATE data_bars SET ts_utc = ts_utc + interval '1 hour' WHERE canonical_symbol = 'A' AND ts_utc = '2025-07-01 00:05+00';
SELECT is(logged(), 'A 01 00:05-00:06 1; A 01 01:05-01:06 1', 'a key that changes: where it was and where it is');
UPDATE data_bars SET canonical_symbol = 'D' WHERE canonical_symbol = 'A' AND ts_utc = '2025-07-01 01:05+00';
SELECT is(logged(), 'A 01 01:05-01:06 1; D 01 01:05-01:06 1', 'from one symbol to another');
UPDATE data_bars SET timeframe = '5m' WHERE canonical_symbol = 'D';
SELECT is(logged(), 'D 01 01:05-01:06 1', 'and out of its timeframe');

INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '1m', '2025-07-01 00:00+00', 5, 5, 5, 5) ON CONFLICT DO NOTHING;
SELECT is(logged(), NULL, 'ON CONFLICT DO NOTHING that does nothing');
INSERT INTO data_bars AS d (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '1m', '2025-07-01 00:00+00', 5, 5, 5, 5), ('A', '1m', '2025-07-01 02:00+00', 5, 5, 5, 5) ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET close = EXCLUDED.close;
SELECT is(logged(), 'A 01 00:00-00:01 1; A 01 02:00-02:01 1', 'ON CONFLICT DO UPDATE');
COPY data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) FROM stdin;
A	1m	2025-07-01 03:00+00	1	1	1	1
A	1m	2025-07-01 03:01+00	1	1	1	1
\.
SELECT is(logged(), 'A 01 03:00-03:02 2', 'COPY');
SELECT CASE WHEN current_setting('server_version_num')::int >= 150000 THEN $$MERGE INTO data_bars AS d USING (VALUES ('2025-07-01 03:00+00'::timestamptz), ('2025-07-01 03:01+00'), ('2025-07-01 03:02+00')) AS n (t) ON d.canonical_symbol = 'A' AND d.timeframe = '1m' AND d.ts_utc = n.t
	WHEN MATCHED AND n.t = '2025-07-01 03:00+00' THEN DELETE WHEN MATCHED THEN UPDATE SET close = 7 WHEN NOT MATCHED THEN INSERT (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '1m', n.t, 1, 1, 1, 1)$$
	ELSE $$UPDATE data_bars SET close = 7 WHERE canonical_symbol = 'A' AND ts_utc BETWEEN '2025-07-01 03:00+00' AND '2025-07-01 03:01+00'; INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '1m', '2025-07-01 03:02+00', 1, 1, 1, 1)$$ END AS merge \gset
BEGIN;
:merge;
COMMIT;
SELECT is(logged(), 'A 01 03:00-03:03 3', 'MERGE');
DELETE FROM data_bars WHERE canonical_symbol = 'B';
SELECT is(logged(), 'B 01 00:01-00:04 3; B 01 05:00-05:01 1', 'DELETE');

-- Transactions.
BEGIN;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('E', '1m', '2025-07-01 00:00+00', 1, 1, 1, 1);
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('E', '1m', '2025-07-01 00:02+00', 1, 1, 1, 1);
SAVEPOINT a;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('E', '1m', '2025-07-01 00:01+00', 1, 1, 1, 1);
SAVEPOINT b;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('E', '1m', '2025-07-01 09:00+00', 1, 1, 1, 1);
ROLLBACK TO b;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('E', '1m', '2025-07-01 08:00+00', 1, 1, 1, 1);
RELEASE a;
SAVEPOINT c;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('E', '1m', '2025-07-01 07:00+00', 1, 1, 1, 1);
ROLLBACK TO c;
SELECT is(count(*), 0::bigint, 'nothing is logged before the end') FROM agg_change_log;
COMMIT;
SELECT is(count(*), 1::bigint, 'one row for the whole transaction') FROM agg_change_log;
SELECT is(logged(), 'E 01 00:00-00:03 3; E 01 08:00-08:01 1', 'in it what was not rolled back');
BEGIN;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('E', '1m', '2025-07-01 10:00+00', 1, 1, 1, 1);
ROLLBACK;
SELECT is(logged(), NULL, 'a transaction that is rolled back logs nothing');
DO $$ BEGIN
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('E', '1m', '2025-07-01 10:00+00', 1, 1, 1, 1);
	BEGIN
		INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('E', '1m', '2025-07-01 11:00+00', 1, 1, 1, 1);
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
		INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('E', '1m', '2025-07-01 12:00+00', 1, 1, 1, 1);
	END;
END $$;
SELECT is(logged(), 'E 01 10:00-10:01 1; E 01 12:00-12:01 1', 'a block that fails and is caught');
SELECT throws_ok($$INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('E', '1m', '2025-07-01 13:00+00', 1, 1, 1, 1), ('E', '1m', '2025-07-01 00:00+00', 1, 1, 1, 1)$$, '23505', NULL, 'a statement that fails');
SELECT is(logged(), NULL, 'has changed nothing');
-- A trigger that writes bars while bars are written.
CREATE FUNCTION echo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.canonical_symbol = 'F' THEN
		BEGIN
			INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('G', '1m', NEW.ts_utc, 1, 1, 1, 1);
			IF NEW.ts_utc = '2025-07-01 00:01+00' THEN
				RAISE division_by_zero;
			END IF;
		EXCEPTION WHEN division_by_zero THEN NULL;
		END;
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER echo BEFORE INSERT ON data_bars FOR EACH ROW EXECUTE FUNCTION echo();
SELECT world.minutes('F', '2025-07-01 00:00+00', 3);
SELECT is(logged(), 'F 01 00:00-00:03 3; G 01 00:00-00:01 1; G 01 00:02-00:03 1', 'writers within writers, one of them undone');
DROP TRIGGER echo ON data_bars;

-- Rights: whoever may write bars needs none on the log; and nobody calls the triggers.
CREATE ROLE feeder;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC; -- where the tables have a serial key
GRANT USAGE ON SCHEMA public TO feeder;
GRANT INSERT ON data_bars TO feeder;
SET ROLE feeder;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('H', '1m', '2025-07-01 00:00+00', 1, 1, 1, 1);
SELECT throws_ok('SELECT * FROM agg_change_log', '42501', NULL, 'the log is not for everybody''s eyes');
RESET ROLE;
SELECT is(logged(), 'H 01 00:00-00:01 1', 'but everybody''s changes are in it');
SELECT throws_ok('SELECT agg_capture_changes()', NULL, NULL, 'the trigger function is not to be called');

-- Rows that come through a view, with its owner's right, or with a right on columns alone.
CREATE ROLE stranger;
GRANT USAGE ON SCHEMA public TO stranger;
CREATE VIEW door AS SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close FROM data_bars;
GRANT INSERT ON door TO stranger;
REVOKE INSERT ON data_bars FROM feeder;
GRANT INSERT (canonical_symbol, timeframe, ts_utc, open, high, low, close) ON data_bars TO feeder;
SET ROLE stranger;
INSERT INTO door VALUES ('H', '1m', '2025-07-01 00:05+00', 1, 1, 1, 1);
RESET ROLE;
SELECT is(logged(), 'H 01 00:05-00:06 1', 'what is inserted through a view is noted');
SET ROLE feeder;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('H', '1m', '2025-07-01 00:06+00', 1, 1, 1, 1);
RESET ROLE;
SELECT is(logged(), 'H 01 00:06-00:07 1', 'and with a right on columns');

-- Tracking off, and telling afterwards.
SET aggregation.tracking = off;
SELECT world.minutes('I', '2025-07-01 00:00+00', 100);
TRUNCATE data_bars;
RESET aggregation.tracking;
SELECT is(logged(), NULL, 'with aggregation.tracking off nothing is noted');
SELECT world.minutes('I', '2025-07-01 00:00+00', 3), world.minutes('J', '2025-07-01 01:00+00', 3);
SELECT logged() \g /dev/null
SELECT world.task('I', '5m'), world.task('I', '1h'), world.task('J', '5m');
SELECT is(agg_mark_changed('I', '2025-07-01', '2025-07-02'), '{"success": true, "symbols": 1}', 'then it has to be told');
SELECT is(logged(), 'I 01 00:00-00:00 0', 'a day');
SELECT is(agg_mark_changed(NULL, '2025-07-01', '2025-07-01 10:00+00'), '{"success": true, "symbols": 2}', 'of all symbols that have tasks');
SELECT is(logged(), 'I 01 00:00-10:00 0; J 01 00:00-10:00 0', 'each');
SELECT probe.refuses($$SELECT agg_mark_changed('I', '2025-07-02', '2025-07-01')$$, '22023', 'invalid range for I%', '%', 'an inverted range');
SELECT probe.refuses($$SELECT agg_mark_changed('I', '2025-07-02', '2025-07-02')$$, '22023', 'invalid range for I%', '%', 'an empty one');
SELECT probe.refuses($$SELECT agg_mark_changed('I', '-infinity', '2025-07-02')$$, '22008', '%', '%', 'an infinite one');
SELECT probe.refuses($$SELECT agg_mark_changed('I', NULL, '2025-07-02')$$, '22004', '%', '%', 'none');

-- Columns that bars are made of.
ALTER TABLE data_bars DROP COLUMN vwap;
SELECT is(logged(), 'I 01 00:00-00:03 0; J 01 01:00-01:03 0', 'a column that goes changes all bars');
ALTER TABLE data_bars ADD COLUMN vwap float8 DEFAULT 7;
SELECT is(logged(), 'I 01 00:00-00:03 0; J 01 01:00-01:03 0', 'one that comes, too');
ALTER TABLE data_bars RENAME COLUMN vol TO volume;
SELECT is(logged(), 'I 01 00:00-00:03 0; J 01 01:00-01:03 0', 'and one that gets another name');
ALTER TABLE data_bars RENAME volume TO vol;
SELECT is(logged(), 'I 01 00:00-00:03 0; J 01 01:00-01:03 0', 'or its own again');
ALTER TABLE data_bars ADD COLUMN remark text;
ALTER TABLE data_bars RENAME COLUMN remark TO note;
ALTER TABLE data_bars DROP COLUMN note;
SELECT is(logged(), NULL, 'other columns are no concern');

TRUNCATE data_bars;
SELECT is(logged(), 'I 01 00:00-00:03 0; J 01 01:00-01:03 0', 'TRUNCATE: from the first bar of each symbol to its last');

-- As the other end of logical replication does it: not noticed, unless the trigger is told to be always on.
SET session_replication_role = replica;
SELECT world.minutes('K', '2025-07-01 00:00+00', 3);
SELECT is(logged(), NULL, 'session_replication_role = replica goes past the trigger');
RESET session_replication_role;
ALTER TABLE data_bars ENABLE ALWAYS TRIGGER aggregation_capture;
SET session_replication_role = replica;
SELECT world.minutes('K', '2025-07-01 01:00+00', 3);
RESET session_replication_role;
SELECT is(logged(), 'K 01 01:00-01:03 3', 'but not past one that is ENABLE ALWAYS');

-- The log does not grow without bound: those who write work it off when nobody else does. Each of these transactions is one of its own.
SET aggregation.change_log_size = '64kB';
DELETE FROM data_agg_state;
SELECT world.task('L' || n, '5m') FROM generate_series(1, 300) AS n;
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-08-01';
DO $$ BEGIN
	FOR i IN 1 .. 400 LOOP
		INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'L' || n, '1m', '2025-07-01 00:00+00'::timestamptz + make_interval(mins => i), 1, 1, 1, 1 FROM generate_series(1, 300) AS n;
		COMMIT;
	END LOOP;
END $$;
SELECT cmp_ok(count(*), '<', 400::bigint, 'of the eight hundred rows of four hundred batches the log keeps but the last') FROM agg_change_log;
SELECT is(count(*), 300::bigint, 'and one range for each task') FROM agg_dirty_ranges;
SELECT cmp_ok(sum(row_count), '>', 50000::numeric, 'that stands for all of it') FROM agg_dirty_ranges;

-- Without the log's table nothing is lost unnoticed.
ALTER TABLE agg_change_log RENAME TO elsewhere;
SELECT is((probe.attempt($$DO 'BEGIN INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES (''A'', ''1m'', ''2025-07-05'', 1, 1, 1, 1); PERFORM agg_wake(); END'$$)).hint, 'Run agg_setup() to create the tables of the extension.', 'a log that is gone is an error with a hint');
ALTER TABLE elsewhere RENAME TO agg_change_log;
SELECT * FROM finish();
DROP OWNED BY feeder, stranger; DROP ROLE feeder, stranger;
