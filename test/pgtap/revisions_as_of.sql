-- Former bars: which are kept, what agg_bars() reads as of a moment, what it refuses, who may read it, and how long it stays.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
SELECT world.task('EURUSD', '5m');
SELECT world.task('EURUSD', '1h');
SELECT world.task('GBPUSD', '5m');
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 60);
SELECT world.minutes('GBPUSD', '2025-07-01 00:00+00', 60);
CREATE PROCEDURE make() LANGUAGE plpgsql AS $$
BEGIN
	UPDATE data_agg_state SET next_run_at = NULL;
	FOR i IN 1..20 LOOP
		EXIT WHEN NOT (agg_run_batch(p_now_utc => '2025-07-02 00:00+00') ->> 'continue')::boolean;
	END LOOP;
END $$;
CALL make();
CREATE FUNCTION trigger_state() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(tgenabled::text, '') FROM pg_trigger WHERE tgrelid = 'derived_data_bars'::regclass AND tgname = 'aggregation_events'
$$;
CREATE PROCEDURE set_high(price float8, at timestamptz DEFAULT '2025-07-01 00:12+00') LANGUAGE sql AS $$
	UPDATE data_bars SET high = price WHERE canonical_symbol = 'EURUSD' AND ts_utc = at;
$$;
-- moments, and what the table held then
CREATE TABLE moments (name text PRIMARY KEY, at timestamptz);
CREATE TABLE snapshots AS SELECT '' AS name, b.canonical_symbol, b.timeframe, b.ts_utc, b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count, b.quality_score, b.revision FROM derived_data_bars AS b LIMIT 0;
CREATE PROCEDURE remember(what text) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO snapshots SELECT what, b.canonical_symbol, b.timeframe, b.ts_utc, b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count, b.quality_score, b.revision FROM derived_data_bars AS b WHERE b.deleted_at IS NULL;
	INSERT INTO moments VALUES (what, clock_timestamp());
	COMMIT;
END $$;
CREATE FUNCTION as_of(what text) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT at FROM moments WHERE name = what $$;
-- what differs between what was there and what is read
CREATE FUNCTION differences(what text, symbol text, tf text) RETURNS TABLE (side text, ts_utc timestamptz, high float8, revision int) LANGUAGE sql STABLE AS $$
	WITH was AS (
		SELECT s.ts_utc, s.open, s.high, s.low, s.close, s.vol, s.vwap, s.trade_count, s.quality_score, s.revision FROM snapshots AS s
		WHERE s.name = what AND s.canonical_symbol = symbol AND s.timeframe = tf
	), is_read AS (
		SELECT b.ts_utc, b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count, b.quality_score, b.revision FROM agg_bars(symbol, tf, p_as_of => as_of(what)) AS b
	)
	SELECT 'was', w.ts_utc, w.high, w.revision FROM (TABLE was EXCEPT ALL TABLE is_read) AS w
	UNION ALL
	SELECT 'is read', r.ts_utc, r.high, r.revision FROM (TABLE is_read EXCEPT ALL TABLE was) AS r
$$;

-- ---- nothing is kept ----
CALL remember('before');
SELECT is(trigger_state(), NULL, 'where nothing is kept there is no trigger');
SELECT probe.refuses($$SELECT * FROM agg_bars('EURUSD', '5m', p_as_of => as_of('before'))$$, '55000', 'no revisions of EURUSD/5m are kept', 'Call agg_set_keep_revisions(''EURUSD'', ''5m'', true)%', 'nothing is kept');
SELECT probe.refuses($$SELECT * FROM agg_bars('EURUSD', '1m', p_as_of => as_of('before'))$$, '55000', 'no revisions of EURUSD/1m are kept', 'Minutes are ingested%', 'minutes are not made');
SELECT probe.refuses($$SELECT * FROM agg_bars('EURUSD', '5m', p_as_of => clock_timestamp() + interval '1 hour')$$, '22023', 'p_as_of % lies in the future', 'Nobody knows%', 'nor is the future known');
SELECT probe.refuses($$SELECT agg_set_keep_revisions('EURUSD', '7x', true)$$, '22023', '%7x%', '%', 'a timeframe that is none');
SELECT probe.refuses($$SELECT agg_set_keep_revisions('EURUSD', '5m', NULL)$$, '22004', '%p_keep%', '%', 'neither yes nor no');
SELECT is(agg_set_keep_revisions('EURUSD', '4h', true) ->> 'error', 'not_found', 'a task that is not there');
\set ON_ERROR_STOP 0
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT agg_set_keep_revisions('EURUSD', '5m', true);
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '25000'::text, 'not with an old snapshot');
ROLLBACK;
\set ON_ERROR_STOP 1

-- ---- what is kept ----
SELECT is(agg_set_keep_revisions('EURUSD', '5m', true) - 'readable_since', '{"success": true, "keep_revisions": true, "changed": true}', 'a task keeps its revisions');
SELECT is(trigger_state(), 'O', 'the trigger is there');
SELECT is(agg_set_keep_revisions('EURUSD', '5m', true) ->> 'changed', 'false', 'once more changes nothing');
SELECT is((agg_set_keep_revisions('EURUSD', '5m', true) ->> 'readable_since')::timestamptz, (SELECT began_at FROM agg_kept_revisions), 'and says since when');
SELECT is((SELECT keep_revisions FROM data_agg_state WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m'), true, 'the task says so');
SELECT is((SELECT count(*) FROM agg_bar_revisions), 0::bigint, 'no bar is copied');
CALL remember('begun');
SELECT probe.refuses($$SELECT * FROM agg_bars('EURUSD', '5m', p_as_of => as_of('before'))$$, '55000', 'revisions of EURUSD/5m are not kept for %', 'Pass p_as_of => ''20% or a later time.', 'not before it began');
SELECT is_empty($$SELECT * FROM differences('begun', 'EURUSD', '5m')$$, 'bars that have not changed');
CALL set_high(500);
CALL make();
CALL remember('corrected');
SELECT results_eq($$SELECT to_char(ts_utc, 'HH24:MI'), revision, deleted, high, made_at > (SELECT began_at FROM agg_kept_revisions) FROM agg_bar_revisions ORDER BY made_at$$,
	$$VALUES ('00:10', 1, false, 115::float8, false), ('00:10', 2, false, 500::float8, true)$$, 'a bar that changes for the first time is kept as it was, and as it is');
SELECT is((SELECT count(*) FROM agg_events) + (SELECT count(*) FROM agg_consumers), 0::bigint, 'nothing waits for consumers');
SELECT is((SELECT count(*) FROM agg_event_batches), 1::bigint, 'and the order of commits needs one row');
CALL set_high(600);
CALL make();
SELECT world.minutes('EURUSD', '2025-07-01 01:00+00', 35);
CALL make();
CALL remember('grown');
DELETE FROM data_bars WHERE canonical_symbol = 'EURUSD' AND ts_utc >= '2025-07-01 00:20+00' AND ts_utc < '2025-07-01 00:25+00';
SELECT derived_soft_delete_range('EURUSD', '5m', '2025-07-01 00:30', '2025-07-01 00:35') \g /dev/null
CALL make();
CALL remember('deleted');
SELECT world.minutes('EURUSD', '2025-07-01 00:20+00', 5, 7);
SELECT derived_restore_range('EURUSD', '5m', '2025-07-01 00:30', '2025-07-01 00:35') \g /dev/null
CALL make();
CALL remember('back');
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01', '2025-07-02') \g /dev/null
SELECT is((SELECT count(*) FROM agg_bar_revisions WHERE made_at > as_of('back')), 0::bigint, 'a rebuild that changes nothing is nothing new');
UPDATE data_bars SET high = high + 1000 WHERE canonical_symbol = 'EURUSD' AND ts_utc >= '2025-07-01 00:40+00';
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01', '2025-07-02') \g /dev/null
CALL make();
CALL remember('rebuilt');
DELETE FROM derived_data_bars WHERE timeframe = '5m' AND canonical_symbol = 'EURUSD' AND ts_utc < '2025-07-01 00:10+00';
CALL remember('removed');
UPDATE derived_data_bars SET close = -close WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND deleted_at IS NULL;
UPDATE derived_data_bars SET ts_utc = ts_utc + interval '1 day' WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND deleted_at IS NULL AND ts_utc = '2025-07-01 00:15+00';
CALL remember('by hand');
SELECT is((SELECT array_agg(DISTINCT timeframe || canonical_symbol) FROM agg_bar_revisions), ARRAY['5mEURUSD'], 'of other tasks nothing is kept');
SELECT is_empty(format('SELECT * FROM differences(%L, ''EURUSD'', ''5m'')', name), 'as it was: ' || name) FROM moments WHERE name <> 'before' ORDER BY at;
SELECT results_eq($$SELECT ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score, revision FROM agg_bars('EURUSD', '5m', p_as_of => clock_timestamp())$$,
	$$SELECT ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score, revision FROM derived_data_bars WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND deleted_at IS NULL ORDER BY ts_utc$$, 'and as it is');

-- ---- ways to read ----
CREATE FUNCTION read(what text, more text DEFAULT '', tf text DEFAULT '5m') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT string_agg(to_char(b.ts_utc, ''HH24:MI'') || '' '' || COALESCE(b.high::text, '''') || '' '' || b.state || COALESCE('' '' || b.revision, ''''), '', '' ORDER BY b.ts_utc) FROM agg_bars(''EURUSD'', %L, p_as_of => as_of(%L)%s) AS b',
		tf, what, more) INTO answer;
	RETURN answer;
END $$;
SELECT is(read('corrected', ', p_from => ''2025-07-01 00:05'', p_to => ''2025-07-01 00:20'''), '00:05 110 final 1, 00:10 500 revised 2, 00:15 120 final 1', 'a range');
SELECT is(read('begun', ', p_from => ''2025-07-01 00:10'', p_limit => 1'), '00:10 115 final 1', 'the first ones');
SELECT is(read('deleted', ', p_to => ''2025-07-01 00:40'', p_limit => 3'), '00:15 120 final 1, 00:25 130 final 1, 00:35 140 final 1', 'the last ones');
SELECT is(read('deleted', ', p_to => ''2025-07-01 00:45'', p_limit => 100'), read('deleted', ', p_to => ''2025-07-01 00:45'''), 'more than there are');
SELECT is(read('deleted', ', p_from => ''2025-07-01 00:15'', p_to => ''2025-07-01 00:35'', p_fill => ''close'''),
	'00:15 120 final 1, 00:20 119.5 filled, 00:25 130 final 1, 00:30 129.5 filled', 'holes are filled');
SELECT is(read('deleted', ', p_to => ''2025-07-01 00:35'', p_limit => 2, p_fill => ''null'''), '00:25 130 final 1, 00:30  filled', 'the last ones, too');
SELECT is(read('corrected', ', p_now_utc => ''2025-07-01 00:14'''), '00:00 105 final 1, 00:05 110 final 1', 'by a clock of one''s own');
SELECT results_eq($$SELECT canonical_symbol, high FROM agg_bars(ARRAY['EURUSD', 'GBPUSD'], '5m', '2025-07-01 00:10', '2025-07-01 00:15')$$, $$VALUES ('EURUSD', 600::float8), ('GBPUSD', 115)$$, 'many symbols as they are');
SELECT probe.refuses($$SELECT * FROM agg_bars(ARRAY['EURUSD', 'GBPUSD'], '5m', p_as_of => as_of('corrected'))$$, '55000', 'no revisions of GBPUSD/5m are kept', '%', 'each must be kept');
SELECT results_eq($$SELECT canonical_symbol, high FROM agg_bars(ARRAY['EURUSD'], '5m', '2025-07-01 00:10', '2025-07-01 00:15', p_as_of => as_of('corrected'))$$, $$VALUES ('EURUSD', 500::float8)$$, 'many symbols as they were');
-- on the fly
SELECT is(read('corrected', ', p_to => ''2025-07-01 00:20''', '10m'), '00:00 110 final, 00:10 500 final', 'made of what was there');
SELECT is(read('grown', ', p_from => ''2025-07-01 01:00''', '20m'), '01:00 120 final, 01:20 135 provisional', 'provisional where the source had not come to its end');
SELECT is(read('grown', ', p_limit => 1', '15m'), '01:15 130 final', 'if it had come to the half');
SELECT probe.refuses($$SELECT * FROM agg_bars('EURUSD', '2h', p_as_of => as_of('corrected'))$$, '55000', 'no revisions of EURUSD/1h are kept (2h is made of it)', '%agg_set_keep_revisions(''EURUSD'', ''1h'', true)%', 'of a source that is not kept');
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EURUSD', '25m', '2025-07-01', 1, 1, 1, 1);
SELECT probe.refuses($$SELECT * FROM agg_bars('EURUSD', '25m', p_as_of => as_of('corrected'))$$, '55000', 'no revisions of EURUSD/25m are kept', '%', 'stored bars without a task have no history');
SELECT probe.refuses($$SELECT * FROM agg_bars('NONE', '5m', p_as_of => as_of('corrected'))$$, 'P0002', '%NONE%', '%', 'a symbol that nobody knows');

-- ---- transactions ----
BEGIN;
UPDATE derived_data_bars SET high = 1 WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND ts_utc = '2025-07-01 00:25+00' AND deleted_at IS NULL;
SAVEPOINT a;
UPDATE derived_data_bars SET high = 2 WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND deleted_at IS NULL;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '5m', '2025-07-05'::timestamptz + i * interval '5 min', 1, 1, 1, 1 FROM generate_series(1, 2000) AS i;
ROLLBACK TO a;
SAVEPOINT b;
UPDATE derived_data_bars SET high = 3 WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND ts_utc = '2025-07-01 00:25+00' AND deleted_at IS NULL;
RELEASE b;
UPDATE derived_data_bars SET high = 130 WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND ts_utc = '2025-07-01 00:35+00' AND deleted_at IS NULL;
UPDATE derived_data_bars SET high = 140 WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND ts_utc = '2025-07-01 00:35+00' AND deleted_at IS NULL;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EURUSD', '5m', '2025-07-06', 1, 1, 1, 1);
DELETE FROM derived_data_bars WHERE ts_utc = '2025-07-06';
COMMIT;
SELECT results_eq($$SELECT to_char(ts_utc, 'HH24:MI'), high FROM agg_bar_revisions WHERE made_at > as_of('by hand')$$, $$VALUES ('00:25', 3::float8)$$, 'a transaction makes one version of a bar, or none; what it rolls back is none');
CALL remember('one');
BEGIN;
UPDATE derived_data_bars SET high = 4 WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND deleted_at IS NULL;
ROLLBACK;
SELECT is((SELECT count(*) FROM agg_bar_revisions WHERE made_at > as_of('one')), 0::bigint, 'nor is what is rolled back altogether');
-- more than is noted in memory
BEGIN;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '5m', '2025-06-05'::timestamptz + i * interval '5 min', 1, 1, 1, 1 FROM generate_series(1, 3000) AS i;
UPDATE derived_data_bars SET high = 2 WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND ts_utc < '2025-06-06';
COMMIT;
CALL remember('many');
UPDATE derived_data_bars SET high = high + 1 WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND deleted_at IS NULL AND ts_utc < '2025-07-01';
CALL remember('many more');
SELECT is((SELECT count(*) FROM agg_bar_revisions WHERE made_at > as_of('one')), 6000::bigint, 'thousands, each once');
SELECT is_empty(format('SELECT * FROM differences(%L, ''EURUSD'', ''5m'')', name), 'as it was: ' || name) FROM moments WHERE name IN ('one', 'many', 'many more', 'by hand') ORDER BY at;
SELECT is((SELECT count(*) || ' ' || min(ts_utc) || ' ' || sum(high) FROM agg_bars('EURUSD', '5m', p_to => '2025-07-01', p_limit => 2500, p_as_of => as_of('many')) AS b),
	(SELECT count(*) || ' ' || min(ts_utc) || ' ' || sum(high) FROM (SELECT * FROM snapshots WHERE name = 'many' AND canonical_symbol = 'EURUSD' AND timeframe = '5m' AND ts_utc < '2025-07-01' ORDER BY ts_utc DESC LIMIT 2500) AS s), 'thousands backwards');
\set ON_ERROR_STOP 0
BEGIN;
DELETE FROM derived_data_bars WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m';
PREPARE TRANSACTION 'revisions';
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '0A000'::text, 'what changes them cannot be prepared');
\set ON_ERROR_STOP 1

-- ---- beside a consumer ----
SELECT agg_subscribe('some', ARRAY['GBPUSD', 'EURUSD'], ARRAY['1h', '5m']) \g /dev/null
SELECT agg_subscribe('hours', NULL, ARRAY['1h']) \g /dev/null
CALL set_high(800, '2025-07-01 00:41+00');
UPDATE data_bars SET high = 900 WHERE canonical_symbol = 'GBPUSD' AND ts_utc = '2025-07-01 00:41+00';
CALL make();
CALL remember('consumed');
SELECT is_empty($$SELECT * FROM differences('consumed', 'EURUSD', '5m')$$, 'both get what they want');
SELECT results_eq($$SELECT canonical_symbol || timeframe FROM agg_poll('some') WHERE kind = 'revised' AND ts_utc >= '2025-07-01 00:35' AND timeframe <> '1h' ORDER BY 1$$, ARRAY['EURUSD5m', 'GBPUSD5m'], 'the consumer its events');
SELECT agg_unsubscribe('some') \g /dev/null
CALL set_high(810, '2025-07-01 00:41+00');
CALL make();
SELECT is((SELECT count(*) FROM agg_events WHERE timeframe = '5m' AND batch IN (SELECT batch FROM agg_event_batches WHERE made_at > as_of('consumed'))), 0::bigint, 'of what no consumer wants no event stays');
SELECT agg_unsubscribe('hours') \g /dev/null
SELECT is(trigger_state(), 'O', 'without consumers the trigger stays');
SELECT is((SELECT count(*) FROM agg_events), 0::bigint, 'and their events go');
CALL remember('alone');
SELECT is_empty($$SELECT * FROM differences('alone', 'EURUSD', '5m')$$, 'and revisions are kept');

-- ---- who may read ----
CREATE ROLE revisions_reader;
GRANT USAGE ON SCHEMA public, probe TO PUBLIC;
GRANT SELECT ON moments TO PUBLIC;
GRANT EXECUTE ON FUNCTION agg_bars(text, text, timestamptz, timestamptz, text, boolean, integer, timestamptz, timestamptz) TO revisions_reader;
SET ROLE revisions_reader;
SELECT is((probe.attempt($$SELECT * FROM agg_bars('EURUSD', '5m', p_as_of => as_of('deleted'))$$)).state, '42501', 'who may not read bars may not read former ones');
RESET ROLE;
GRANT SELECT ON derived_data_bars TO revisions_reader;
SET ROLE revisions_reader;
SELECT is((SELECT count(*) FROM agg_bars('EURUSD', '5m', '2025-07-01', p_as_of => as_of('deleted'))), 17::bigint, 'who may, may');
RESET ROLE;
ALTER TABLE derived_data_bars ENABLE ROW LEVEL SECURITY;
CREATE POLICY readers ON derived_data_bars FOR SELECT TO revisions_reader USING (ts_utc >= '2025-07-01 00:30+00');
SET ROLE revisions_reader;
SELECT is((SELECT min(ts_utc) || ' ' || count(*) FROM agg_bars('EURUSD', '5m', p_as_of => as_of('grown'))), '2025-07-01 00:30:00+00 13', 'of what row security hides nothing is read');
SELECT is((SELECT min(ts_utc) FROM agg_bars('EURUSD', '5m', p_limit => 100, p_as_of => as_of('grown'))), '2025-07-01 00:30:00+00', 'backwards, too');
SELECT is((SELECT count(*) FROM agg_bars('EURUSD', '10m', '2025-07-01 00:00', '2025-07-01 00:30', p_as_of => as_of('grown'))), 0::bigint, 'nor made of it');
RESET ROLE;
DROP POLICY readers ON derived_data_bars;
ALTER TABLE derived_data_bars DISABLE ROW LEVEL SECURITY;
DROP OWNED BY revisions_reader;
DROP ROLE revisions_reader;

-- ---- retention ----
SELECT probe.refuses($$SELECT agg_purge_revisions('-1 day')$$, '22023', 'p_older_than must not be negative', '%', 'a negative age');
SELECT probe.refuses($$SELECT agg_purge_revisions('1 day', 0)$$, '22023', 'p_max_rows must be %', '%', 'no rows');
SELECT is(agg_purge_revisions('1 day'), '{"success": true, "rows_purged": 0, "continue": false}', 'nothing is that old');
SELECT count(*) AS before FROM agg_bar_revisions \gset
SELECT is((agg_purge_revisions(clock_timestamp() - as_of('rebuilt'), 3)) ->> 'rows_purged', '3', 'some at a time');
SELECT is_empty(format('SELECT * FROM differences(%L, ''EURUSD'', ''5m'') WHERE %L::timestamptz >= (SELECT readable_since FROM agg_kept_revisions)', name, at), 'in the middle no time is read wrongly: ' || name)
FROM moments WHERE at >= (SELECT readable_since FROM agg_kept_revisions) ORDER BY at;
DO $$ BEGIN
	WHILE (agg_purge_revisions(clock_timestamp() - as_of('rebuilt'), 3) ->> 'continue')::boolean LOOP NULL; END LOOP;
END $$;
SELECT cmp_ok((SELECT count(*) FROM agg_bar_revisions), '<', :before::bigint - 10, 'former bars are gone');
SELECT cmp_ok((SELECT readable_since FROM agg_kept_revisions), '<=', as_of('rebuilt'), 'what was current then is still known');
SELECT is_empty(format('SELECT * FROM differences(%L, ''EURUSD'', ''5m'')', name), 'and read as it was: ' || name) FROM moments WHERE at >= as_of('rebuilt') ORDER BY at;
SELECT is((probe.attempt(format($$SELECT * FROM agg_bars('EURUSD', '5m', p_as_of => %L)$$, at))).state, '55000', 'what is not is refused: ' || name) FROM moments WHERE at < as_of('deleted') ORDER BY at;

-- ---- the end, and again ----
SELECT is(agg_set_keep_revisions('EURUSD', '5m', false), '{"success": true, "keep_revisions": false, "changed": true, "readable_since": null}', 'no longer');
SELECT is(trigger_state(), NULL, 'the trigger goes');
SELECT probe.refuses($$SELECT * FROM agg_bars('EURUSD', '5m', p_as_of => as_of('alone'))$$, '55000', 'no revisions of EURUSD/5m are kept', '%', 'what was kept cannot be read');
CALL set_high(700);
CALL make();
SELECT is(agg_set_keep_revisions('EURUSD', '5m', true) ->> 'changed', 'true', 'again');
CALL remember('again');
CALL set_high(701);
CALL set_high(702, '2025-07-01 00:52+00');
CALL make();
CALL remember('and again');
SELECT is_empty(format('SELECT * FROM differences(%L, ''EURUSD'', ''5m'')', name), 'what was kept before does not count: ' || name) FROM moments WHERE name LIKE '%again' ORDER BY at;
DO $$ BEGIN PERFORM agg_purge_revisions('0'); PERFORM agg_purge_revisions('0'); END $$;
SELECT is((SELECT count(*) FROM agg_bar_revisions WHERE made_at < as_of('again')), 0::bigint, 'and goes with the next purge');
SELECT is_empty($$SELECT * FROM differences('and again', 'EURUSD', '5m')$$, 'which leaves what is current');
-- where the trigger was missing, nobody is left in the belief that nothing happened
ALTER TABLE derived_data_bars DISABLE TRIGGER aggregation_events;
SELECT probe.refuses($$SELECT * FROM agg_bars('EURUSD', '5m', p_as_of => as_of('and again'))$$, '55000', 'revisions are not recorded at this moment', '%begins anew%', 'a trigger that is switched off');
CALL set_high(703);
CALL make();
SELECT agg_set_keep_revisions('EURUSD', '5m', true) \g /dev/null
SELECT probe.refuses($$SELECT * FROM agg_bars('EURUSD', '5m', p_as_of => as_of('and again'))$$, '55000', 'revisions of EURUSD/5m are not kept for %', '%', 'what is kept begins anew');
CALL remember('anew');
SELECT is_empty($$SELECT * FROM differences('anew', 'EURUSD', '5m')$$, 'with what is there');
-- bars that go without a word
CALL set_high(704);
CALL make();
CALL remember('last');
TRUNCATE derived_data_bars;
SELECT results_eq($$SELECT to_char(ts_utc, 'HH24:MI'), high FROM agg_bars('EURUSD', '5m', p_as_of => as_of('last'))$$, $$VALUES ('00:10', 704::float8)$$, 'of bars that a TRUNCATE takes those are still known that have changed');
SELECT is_empty($$SELECT * FROM agg_bars('EURUSD', '5m')  WHERE state = 'revised'$$, 'though they are gone');
SELECT is((SELECT count(*) FROM agg_setup(true) WHERE action <> 'offers'), 0::bigint, 'agg_setup() has nothing against it');
DELETE FROM data_agg_state WHERE canonical_symbol = 'EURUSD';
SELECT agg_set_keep_revisions('GBPUSD', '5m', true) \g /dev/null
SELECT results_eq('SELECT canonical_symbol FROM agg_kept_revisions', ARRAY['GBPUSD'], 'a task that is gone keeps nothing');
DROP EXTENSION aggregation;
SELECT is(trigger_state(), NULL, 'the trigger goes with the extension');
SELECT * FROM finish();
