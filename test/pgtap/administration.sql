-- What administrators do to bars and cursors: soft delete, restore, purge, rebuild, reset; and what they are refused.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-09-01 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
SELECT world.task('EURUSD', tf) FROM unnest(ARRAY['5m', '1h', '1d']) AS tf;
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 5 * 1440);
SELECT run();
CREATE TABLE digest AS SELECT md5(string_agg(b::text, chr(10) ORDER BY b)) AS whole FROM (SELECT (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score)::text AS b FROM derived_data_bars WHERE deleted_at IS NULL) AS x;
CREATE FUNCTION as_before() RETURNS boolean LANGUAGE sql AS $$ SELECT md5(string_agg(b::text, chr(10) ORDER BY b)) = (TABLE digest) FROM (SELECT (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score)::text AS b FROM derived_data_bars WHERE deleted_at IS NULL) AS x $$;

-- Soft delete and restore.
SELECT is(derived_soft_delete_range('EURUSD', '5m', '2025-07-02 10:00+00', '2025-07-02 11:00+00', 'bad hour'), '{"success": true, "bars_deleted": 12}', 'an hour of 5m bars');
SELECT results_eq($$SELECT count(*), bool_and(raw ->> 'deleted' = 'bad hour'), bool_and(deleted_at IS NOT NULL) FROM derived_data_bars WHERE timeframe = '5m' AND ts_utc >= '2025-07-02 10:00+00' AND ts_utc < '2025-07-02 11:00+00'$$, 'VALUES (12::bigint, true, true)', 'is marked, with the reason');
SELECT is(derived_soft_delete_range('EURUSD', '5m', '2025-07-02 10:00+00', '2025-07-02 11:00+00'), '{"success": true, "bars_deleted": 0}', 'once');
SELECT run();
SELECT is((world.bar('EURUSD', '1h', '2025-07-02 10:00+00')).ts_utc, NULL, 'the hour above goes');
SELECT is((world.bar('EURUSD', '1d', '2025-07-02 00:00+00')).source_candles, 23, 'and the day counts one less');
SELECT is(count(*) FILTER (WHERE explanation = 'deleted'), 12::bigint, 'the proof knows that somebody took them away') FROM agg_verify();
SELECT is(count(*), 12::bigint, 'and finds nothing else') FROM agg_verify();
SELECT results_eq($$SELECT state, explanation LIKE 'deleted at % bad hour (5 of 5 source bars are there)' FROM agg_why('EURUSD', '5m', '2025-07-02 10:05+00')$$, $$VALUES ('deleted', true)$$, 'agg_why() says why');
SELECT is(derived_restore_range('EURUSD', '5m', '2025-07-02 00:00+00', '2025-07-03 00:00+00'), '{"success": true, "bars_restored": 12}', 'and back');
SELECT run();
SELECT ok(as_before(), 'everything is as it was');
SELECT is(raw ? 'deleted', false, 'without a trace') FROM derived_data_bars WHERE timeframe = '5m' AND ts_utc = '2025-07-02 10:00+00' AND deleted_at IS NULL;
SELECT is(derived_restore_range('EURUSD', '5m', '2025-07-02 00:00+00', '2025-07-03 00:00+00'), '{"success": true, "bars_restored": 0}', 'once');
SELECT derived_soft_delete_range('EURUSD', '5m', '2025-07-03 10:00+00', '2025-07-03 10:05+00', 'first') \g /dev/null
UPDATE data_bars SET close = 7 WHERE ts_utc = '2025-07-03 10:04+00';
SELECT run();
SELECT is((world.bar('EURUSD', '5m', '2025-07-03 10:00+00')).close, 7::float8, 'a change of its source brings a deleted bar back');
SELECT derived_soft_delete_range('EURUSD', '5m', '2025-07-03 10:00+00', '2025-07-03 10:05+00', 'second') \g /dev/null
SELECT derived_restore_range('EURUSD', '5m', '2025-07-03 10:00+00', '2025-07-03 10:05+00') \g /dev/null
SELECT is((world.bar('EURUSD', '5m', '2025-07-03 10:00+00')).close, 7::float8, 'of two deleted bars the later one is restored');
-- What is restored is as it was; what its source comes to by now is for the next run to see.
CREATE TABLE lost AS SELECT * FROM data_bars WHERE canonical_symbol = 'EURUSD' AND ts_utc BETWEEN '2025-07-03 11:00+00' AND '2025-07-03 11:03+00';
DELETE FROM data_bars WHERE canonical_symbol = 'EURUSD' AND ts_utc BETWEEN '2025-07-03 11:00+00' AND '2025-07-03 11:03+00';
SELECT run();
SELECT is((world.bar('EURUSD', '5m', '2025-07-03 11:00+00')).ts_utc, NULL, 'too few minutes are left');
SELECT is(derived_restore_range('EURUSD', '5m', '2025-07-03 11:00+00', '2025-07-03 11:05+00'), '{"success": true, "bars_restored": 1}', 'its bar is restored');
SELECT is(count(*), 1::bigint, 'the proof knows that this will be looked at') FROM agg_verify('EURUSD', '5m') WHERE difference = 'surplus' AND explanation = 'pending';
SELECT run();
SELECT is((world.bar('EURUSD', '5m', '2025-07-03 11:00+00')).ts_utc, NULL, 'and goes again');
INSERT INTO data_bars SELECT * FROM lost;
SELECT run();
SELECT is_empty('SELECT * FROM agg_verify()', 'until its source is back');

-- Purge.
SELECT is(derived_purge_deleted('1 day'), '{"success": true, "rows_purged": 0, "continue": false}', 'nothing is as old');
UPDATE derived_data_bars SET deleted_at = now() - interval '40 days' WHERE deleted_at IS NOT NULL;
SELECT is(derived_purge_deleted('30 days', 1), '{"success": true, "rows_purged": 1, "continue": true}', 'one at a time');
SELECT derived_purge_deleted() \g /dev/null
SELECT is(count(*), 0::bigint, 'all') FROM derived_data_bars WHERE deleted_at IS NOT NULL;
SELECT is_empty('SELECT * FROM agg_verify()', 'no live bar was touched');
-- What explains that there is no bar stays.
CREATE FUNCTION hide(window_start timestamptz, reason text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM derived_soft_delete_range('EURUSD', '5m', window_start, window_start + interval '5 min', reason); PERFORM run(); END $$;
CREATE FUNCTION poke(minute timestamptz) RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE data_bars SET close = close + 1 WHERE ts_utc = minute; PERFORM run(); END $$;
SELECT hide('2025-07-04 10:00+00', 'bad tick');
SELECT hide('2025-07-04 10:05+00', 'first');
SELECT poke('2025-07-04 10:06+00');
SELECT hide('2025-07-04 10:05+00', 'second');
SELECT hide('2025-07-04 10:10+00', 'and back');
SELECT poke('2025-07-04 10:11+00');
SELECT hide('2025-07-04 10:20+00', NULL);
CREATE TABLE taken AS SELECT * FROM data_bars WHERE ts_utc BETWEEN '2025-07-04 10:15+00' AND '2025-07-04 10:19+00';
DELETE FROM data_bars WHERE ts_utc BETWEEN '2025-07-04 10:15+00' AND '2025-07-04 10:19+00';
SELECT run();
UPDATE derived_data_bars SET deleted_at = deleted_at - interval '40 days' WHERE deleted_at IS NOT NULL;
SELECT is(derived_purge_deleted(), '{"success": true, "rows_purged": 3, "continue": false}', 'what was replaced, deleted again, or deleted for want of source goes');
SELECT set_eq($$SELECT ts_utc, raw ->> 'deleted' FROM derived_data_bars WHERE deleted_at IS NOT NULL$$, $$VALUES ('2025-07-04 10:00+00'::timestamptz, 'bad tick'), ('2025-07-04 10:05+00', 'second'), ('2025-07-04 10:20+00', 'by hand')$$, 'the last one of a window that somebody deleted stays');
SELECT set_eq($$SELECT ts_utc, difference, explanation FROM agg_verify()$$, $$VALUES ('2025-07-04 10:00+00'::timestamptz, 'missing', 'deleted'), ('2025-07-04 10:05+00', 'missing', 'deleted'), ('2025-07-04 10:20+00', 'missing', 'deleted')$$, 'so that the proof knows');
SELECT is((agg_why('EURUSD', '5m', '2025-07-04 10:05+00')).state, 'deleted', 'and agg_why()');
INSERT INTO data_bars SELECT * FROM taken;
SELECT derived_restore_range('EURUSD', '5m', '2025-07-04', '2025-07-05') \g /dev/null
SELECT run();
SELECT is_empty('SELECT * FROM agg_verify()', 'all is back');
UPDATE derived_data_bars SET deleted_at = deleted_at - interval '40 days' WHERE deleted_at IS NOT NULL;
SELECT derived_purge_deleted() \g /dev/null

-- Rebuild.
UPDATE data_bars SET close = 100.5 + extract(minute FROM ts_utc) WHERE ts_utc = '2025-07-03 10:04+00';
SELECT run();
SELECT is(derived_rebuild_range('EURUSD', '5m', '2025-07-02', '2025-07-03', p_reason => 'rule 2'), '{"success": true, "from_utc": "2025-07-02T00:00:00+00:00", "to_utc": "2025-07-03T00:00:00+00:00", "windows_processed": 288, "bars_replaced": 288, "bars_inserted": 288, "bars_updated": 0, "bars_unchanged": 0, "bars_deleted": 0, "derivation_version": 2, "continue": false, "next_from_utc": null}',
	'a rebuild replaces each bar and counts the version up');
SELECT results_eq($$SELECT deleted_at IS NULL, derivation_version, raw ->> 'deleted', count(*) FROM derived_data_bars WHERE timeframe = '5m' AND ts_utc >= '2025-07-02' AND ts_utc < '2025-07-03' GROUP BY 1, 2, 3 ORDER BY 1$$, $$VALUES (false, 1, 'rule 2', 288::bigint), (true, 2, NULL, 288)$$, 'the old ones are kept, deleted');
SELECT run();
SELECT is_empty('SELECT * FROM agg_verify()', 'and right');
SELECT probe.answers(derived_rebuild_range('EURUSD', '5m', '2025-07-02 12:03+00', '2025-07-02 12:04+00'), '{"windows_processed": 1, "derivation_version": 3, "from_utc": "2025-07-02T12:00:00+00:00", "to_utc": "2025-07-02T12:05:00+00:00"}', 'a range within a window is that window');
SELECT probe.answers(derived_rebuild_range('EURUSD', '5m', '2025-07-02', '2025-07-03', false), '{"bars_replaced": 0, "bars_unchanged": 288, "bars_updated": 0, "derivation_version": 1}', 'without the bump nothing is written that is right, and no version goes down');
SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-02', 288, '2025-09-01') \g /dev/null
SELECT is(min(derivation_version), 2, 'nor by a catch-up') FROM derived_data_bars WHERE timeframe = '5m' AND ts_utc >= '2025-07-02' AND ts_utc < '2025-07-03' AND deleted_at IS NULL;
SELECT probe.answers(derived_rebuild_range('EURUSD', '5m', '2025-07-01', '2025-07-06', p_max_windows => 100), '{"windows_processed": 100, "continue": true, "next_from_utc": "2025-07-01T08:20:00+00:00", "to_utc": "2025-07-01T08:20:00+00:00"}', 'so many at a time');
SELECT probe.answers(derived_rebuild_range('EURUSD', '5m', '1900-01-01', '2100-01-01', false), '{"windows_processed": 1440, "continue": false, "from_utc": "2025-07-01T00:00:00+00:00"}', 'two centuries cost what is in them');
SELECT is(derived_rebuild_range('EURUSD', '1d', '2025-07-06', '2025-07-30') -> 'windows_processed', '0', 'what the task has not passed is left to it');
UPDATE data_agg_state SET derivation_version = 5 WHERE timeframe = '1h';
SELECT results_eq($$SELECT difference, column_name, stored, expected, count(*) FROM agg_verify(p_tf => '1h') GROUP BY 1, 2, 3, 4$$, $$VALUES ('stale_version', 'derivation_version', '1', '5', 120::bigint)$$, 'a task that asks for a higher version makes its bars stale');
SELECT derived_rebuild_range('EURUSD', '1h', '2025-07-01', '2025-07-06', false) \g /dev/null
SELECT is_empty('SELECT * FROM agg_verify()', 'until they are rebuilt');

-- Cursors.
SELECT is(agg_reset_cursor(), '{"success": true, "tasks_looked_at": 3, "tasks_reset": 0, "reset": []}', 'no cursor ran ahead');
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-12-01';
SELECT is(agg_reset_cursor('EURUSD', '5m'), '{"success": true, "tasks_looked_at": 1, "tasks_reset": 1, "reset": [{"canonical_symbol": "EURUSD", "timeframe": "5m", "from_utc": "2025-12-01T00:00:00+00:00", "to_utc": "2025-07-05T23:55:00+00:00"}]}', 'one that did goes back to the last window that the source supports');
SELECT is(agg_reset_cursor() -> 'tasks_reset', '2', 'all that did');
SELECT is(array_agg(last_agg_bar_ts_utc ORDER BY timeframe), ARRAY['2025-07-05 00:00+00', '2025-07-05 23:00+00', '2025-07-05 23:55+00']::timestamptz[], 'each by its own source') FROM data_agg_state;
SELECT run();
SELECT is(array_agg(last_agg_bar_ts_utc ORDER BY timeframe), ARRAY['2025-07-06 00:00+00', '2025-07-06 00:00+00', '2025-07-06 00:00+00']::timestamptz[], 'and they go on') FROM data_agg_state;
SELECT probe.answers(agg_reset_cursor('EURUSD', '1h', '2025-07-03 07:30+00'), '{"tasks_reset": 1}', 'to a time');
SELECT is(last_agg_bar_ts_utc, '2025-07-03 07:00+00', 'its window') FROM data_agg_state WHERE timeframe = '1h';
SELECT probe.answers(agg_reset_cursor('EURUSD', '1h', '2025-07-04'), '{"tasks_reset": 0}', 'never forward');
SELECT probe.answers(agg_reset_cursor('EURUSD', NULL, '2020-01-01'), '{"tasks_reset": 3}', 'nor before the start');
SELECT is(count(DISTINCT last_agg_bar_ts_utc), 1::bigint, 'all at it') FROM data_agg_state WHERE last_agg_bar_ts_utc = '2025-07-01 00:00+00';
SELECT run();
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
DELETE FROM data_bars WHERE ts_utc >= '2025-07-04';
SELECT agg_reset_cursor() \g /dev/null
SELECT run();
SELECT is(max(ts_utc), '2025-07-03 23:55+00', 'bars behind a cursor that went back, whose source is gone, go too') FROM derived_data_bars WHERE deleted_at IS NULL;
UPDATE data_agg_state SET last_agg_bar_ts_utc = 'infinity' WHERE timeframe = '5m';
SELECT is(object || ' ' || action || ': ' || detail, 'cursor of EURUSD/5m ahead of its source: it is infinity, and the last source bar is 2025-07-03T23:59:00+00:00: agg_adopt(mend_cursors => true) moves it back', 'an infinite cursor is ahead of its source')
	FROM agg_adopt(true) WHERE object = 'cursor of EURUSD/5m';
SELECT is(agg_reset_cursor('EURUSD', '5m') -> 'reset', '[{"canonical_symbol": "EURUSD", "timeframe": "5m", "from_utc": "infinity", "to_utc": "2025-07-03T23:55:00+00:00"}]', 'and goes back to it');
UPDATE data_agg_state SET last_agg_bar_ts_utc = '294276-12-31' WHERE timeframe = '5m';
SELECT is(detail, 'from 294276-12-31T00:00:00+00:00 to 2025-07-03T23:55:00+00:00', 'by an adoption, too') FROM agg_adopt(mend_cursors => true) WHERE object = 'cursor of EURUSD/5m' AND action = 'moved back';
UPDATE data_agg_state SET source_timeframe = '7m' WHERE timeframe = '5m';
SELECT probe.refuses($$SELECT agg_reset_cursor('EURUSD', '5m')$$, '22023', 'task EURUSD/5m cannot be built from source_timeframe "7m"', 'Set source_timeframe%', 'a task whose row makes no sense has a cursor all the same');
UPDATE data_agg_state SET source_timeframe = '1m' WHERE timeframe = '5m';
SELECT run();
SELECT is(agg_reset_cursor('NOBODY', '5m') - 'message', '{"success": false, "error": "not_found"}', 'a task that is not there');

-- Refused, with nothing written.
CREATE TABLE ranged (name text);
INSERT INTO ranged VALUES ('derived_soft_delete_range'), ('derived_restore_range'), ('derived_rebuild_range');
SELECT probe.refuses(format('SELECT %s(''EURUSD'', ''5m'', ''2025-07-02'', ''2025-07-01'')', name), '22023', 'invalid range for EURUSD/5m: from 2025-07-02T00:00:00+00:00 is not before to 2025-07-01T00:00:00+00:00', 'Pass%', name || ': inverted') FROM ranged;
SELECT probe.refuses(format('SELECT %s(''EURUSD'', ''5m'', ''2025-07-02'', ''2025-07-02'')', name), '22023', 'invalid range for EURUSD/5m%', 'Pass%', name || ': empty') FROM ranged;
SELECT probe.refuses(format('SELECT %s(''EURUSD'', ''5m'', NULL, ''2025-07-02'')', name), '22004', 'p_from_utc must not be null (EURUSD/5m)', 'Pass%', name || ': no beginning') FROM ranged;
SELECT probe.refuses(format('SELECT %s(''EURUSD'', ''5m'', ''2025-07-02'', ''infinity'')', name), '22008', 'p_to_utc must be a finite timestamp%', '%', name || ': no end') FROM ranged;
SELECT probe.refuses(format('SELECT %s(''EURUSD'', ''1m'', ''2025-07-01'', ''2025-07-02'')', name), '22023', '%1m%', '%', name || ': 1m is ingested') FROM ranged;
SELECT probe.refuses(format('SELECT %s(''EURUSD'', ''5 minutes'', ''2025-07-01'', ''2025-07-02'')', name), '22023', '%5 minutes%', '%', name || ': no timeframe') FROM ranged;
SELECT probe.refuses(format('SELECT %s(NULL, ''5m'', ''2025-07-01'', ''2025-07-02'')', name), '22004', 'p_symbol%', '%', name || ': no symbol') FROM ranged;
SELECT probe.refuses($$SELECT derived_rebuild_range('NOBODY', '5m', '2025-07-01', '2025-07-02')$$, 'P0002', 'Missing agg config NOBODY/5m', '%sync%', 'a rebuild without a task');
SELECT probe.refuses($$SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01', '2025-07-02', p_max_windows => 0)$$, '22023', 'p_max_windows must be at least 1, not 0 (EURUSD/5m)', 'Pass%', 'no windows');
SELECT probe.refuses($$SELECT derived_purge_deleted('-1 day')$$, '22023', '%', '%', 'a negative age');
SELECT probe.refuses($$SELECT derived_purge_deleted('1 day', 0)$$, '22023', '%', '%', 'no rows');
SELECT probe.refuses($$SELECT agg_reset_cursor('EURUSD', 'x')$$, '22023', '%', '%', 'an unknown timeframe');
SELECT probe.refuses($$SELECT agg_reset_cursor('EURUSD', '5m', 'infinity')$$, '22008', '%', '%', 'an infinite cursor');

SELECT * FROM finish();
