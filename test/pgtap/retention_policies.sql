-- agg_set_retention(): bars that a runner removes because they are old, never ahead of what is derived from them.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE FUNCTION minutes(symbol text) RETURNS text LANGUAGE sql AS $$ SELECT count(*) || COALESCE(' from ' || to_char(min(ts_utc), 'MM-DD HH24:MI'), '') FROM data_bars WHERE canonical_symbol = symbol $$;
CREATE FUNCTION bars(symbol text, tf text) RETURNS text LANGUAGE sql AS $$ SELECT count(*) || COALESCE(' from ' || to_char(min(ts_utc), 'MM-DD HH24:MI'), '') FROM derived_data_bars WHERE canonical_symbol = symbol AND timeframe = tf AND deleted_at IS NULL $$;
CREATE FUNCTION waits(symbol text, tf text) RETURNS text LANGUAGE sql AS $$ SELECT waiting_symbols || ': ' || COALESCE(waits_for, 'nothing') FROM v_aggregation_retention WHERE canonical_symbol IS NOT DISTINCT FROM symbol AND timeframe = tf $$;
CREATE PROCEDURE look(at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE data_agg_state SET next_run_at = NULL;
	UPDATE agg_retention SET next_look_at = '-infinity';
	COMMIT;
	CALL agg_run(p_now_utc => at);
END $$;

-- The chain: 1m of two days.
SELECT world.task('A', tf) FROM unnest('{5m,1h}'::text[]) AS tf;
SELECT world.minutes('A', '2025-07-01 00:00+00', 2 * 1440);
CALL look('2025-07-03 00:01+00');
SELECT is_empty('SELECT * FROM v_aggregation_retention', 'no policy');
SELECT probe.answers(agg_set_retention('A', '1m', '1 day'), '{"success": true, "changed": true, "widest_reader": "5m"}', 'a policy of a symbol');
SELECT probe.answers(agg_set_retention('A', '1m', '1 day'), '{"success": true, "changed": false}', 'the same again');
SELECT results_eq('SELECT canonical_symbol, timeframe, keep, rows_removed, looked_at FROM v_aggregation_retention', $$VALUES ('A', '1m', '1 day'::interval, 0::bigint, NULL::timestamptz)$$, 'it is listed');
SELECT md5(string_agg(d::text, E'\n' ORDER BY d.*)) AS before FROM derived_data_bars d \gset
CALL look('2025-07-03 00:03+00');
SELECT is(minutes('A'), '1440 from 07-02 00:00', 'minutes go by whole windows: that of 00:00 to 00:05 is not a day old');
SELECT results_eq('SELECT canonical_symbol, timeframe, to_utc, reason FROM agg_sealed_ranges', $$VALUES ('A', NULL, '2025-07-02 00:00+00'::timestamptz, 'retired')$$, 'their bars are sealed');
SELECT is((SELECT md5(string_agg(d::text, E'\n' ORDER BY d.*)) FROM derived_data_bars d), :'before', 'and stay');
SELECT is_empty('SELECT * FROM agg_verify()', 'the proof does not ask for them');
SELECT is((SELECT rows_removed FROM v_aggregation_retention), 1440::bigint, 'they are counted');
SELECT is(waits('A', '1m'), '0: nothing', 'nothing waits');
SELECT is((SELECT (stats ->> 'rows_retired')::int FROM ops_runlog ORDER BY started_at DESC LIMIT 1), 1440, 'and logged');
CALL agg_run(p_now_utc => '2025-07-03 00:30+00');
SELECT is(minutes('A'), '1440 from 07-02 00:00', 'it is looked at once an hour');
CALL agg_run(p_now_utc => '2025-07-03 01:04+00');
SELECT is(minutes('A'), '1380 from 07-02 01:00', 'by whoever runs');
-- What comes late is refused, listed, and removed like the rest.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '1m', '2025-07-01 03:00+00', 7, 7, 7, 7);
CALL look('2025-07-03 01:04+00');
SELECT is(minutes('A'), '1380 from 07-02 01:00', 'a late minute behind the bound goes');
SELECT is((SELECT count(*) FROM agg_refused_ranges WHERE timeframe = '5m' AND from_utc = '2025-07-01 03:00+00'), 1::bigint, 'it is listed as refused');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- Never ahead of a reader: its cursor, its late work, a change that nobody has absorbed.
SELECT agg_disable_task('A', '5m') \g /dev/null
SELECT world.minutes('A', '2025-07-03 00:00+00', 1440);
CALL look('2025-07-05 00:00+00');
SELECT is(minutes('A'), '1440 from 07-03 00:00', 'not ahead of a cursor');
SELECT is(waits('A', '1m'), '1: A/5m, which has got to 2025-07-03T00:00:00+00:00', 'and it says so');
SELECT agg_enable_task('A', '5m') \g /dev/null
CALL look('2025-07-04 00:10+00');
SELECT is(minutes('A'), '1430 from 07-03 00:10', 'it has got on');
SELECT agg_disable_task('A', '5m') \g /dev/null
UPDATE data_bars SET high = high + 1 WHERE canonical_symbol = 'A' AND ts_utc = '2025-07-03 02:02+00';
CALL look('2025-07-05 00:00+00');
SELECT is(minutes('A'), '1320 from 07-03 02:00', 'not ahead of late work');
SELECT is(waits('A', '1m'), '1: late work of A/5m from 2025-07-03T02:00:00+00:00 on', 'and it says so');
SELECT agg_enable_task('A', '5m') \g /dev/null
CALL look('2025-07-05 00:00+00');
SELECT is(minutes('A'), '0', 'then all of it');
SELECT is((SELECT max(high) FROM derived_data_bars WHERE timeframe = '5m' AND ts_utc = '2025-07-03 02:00+00'), (SELECT max(high) FROM derived_data_bars WHERE timeframe = '1h' AND ts_utc = '2025-07-03 02:00+00') - 55, 'what was late is in its bar');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- Derived bars: those that make them count as well.
SELECT agg_set_retention('A', '5m', '12 hours') \g /dev/null
CALL look('2025-07-04 01:30+00');
SELECT is(bars('A', '5m'), '132 from 07-03 13:00', 'bars of 5m go by whole hours');
SELECT is(bars('A', '1h'), '72 from 07-01 00:00', 'the hours stay');
SELECT results_eq($$SELECT to_utc FROM agg_sealed_ranges WHERE timeframe = '5m'$$, $$VALUES ('2025-07-03 13:00+00'::timestamptz)$$, 'sealed as bars of 5m');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
SELECT agg_disable_task('A', '5m') \g /dev/null
SELECT agg_unseal_range('A', '2025-07-03 12:00+00', '2025-07-04 00:00+00') \g /dev/null
SELECT world.minutes('A', '2025-07-03 20:00+00', 60);
CALL look('2025-07-04 16:00+00');
SELECT is(bars('A', '5m'), '132 from 07-03 13:00', 'not ahead of work of the task that makes them');
SELECT matches(waits('A', '5m'), '1: late work of A/5m from 2025-07-0.*', 'and it says so');
SELECT agg_set_retention('A', tf, NULL) ->> 'changed' FROM unnest('{1m,5m,1h}'::text[]) AS tf;
SELECT is_empty('SELECT * FROM v_aggregation_retention', 'policies are gone');
SELECT agg_enable_task('A', '5m') \g /dev/null
CALL look('2025-07-04 16:00+00');

-- All symbols, and one that has a policy of its own. Exact bars: the widest reader counts.
DELETE FROM data_bars;
TRUNCATE derived_data_bars, data_agg_state, agg_sealed_ranges, agg_refused_ranges, agg_change_log, agg_dirty_ranges;
SELECT world.task(s, tf) FROM unnest('{B,C}'::text[]) AS s, unnest('{5m,1h,1d}'::text[]) AS tf;
UPDATE data_agg_state SET source_timeframe = '1m' WHERE canonical_symbol = 'C';
SELECT world.minutes(s, '2025-07-01 00:00+00', 2 * 1440 + 700) FROM unnest('{B,C,D}'::text[]) AS s;
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('D');
SELECT is(agg_set_retention(NULL, '1m', '12 hours') ->> 'widest_reader', '1d', 'the widest reader of all');
SELECT agg_set_retention('B', '1m', '36 hours') \g /dev/null
CALL look('2025-07-03 11:41+00');
SELECT is(minutes('B'), '2160 from 07-01 23:40', 'a policy of a symbol wins');
SELECT is(minutes('C'), '2140 from 07-02 00:00', 'exact bars: the source of a day goes when the whole day is so old');
SELECT is(minutes('D'), '719 from 07-02 23:41', 'a symbol without tasks');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
SELECT agg_set_retention('B', '1m', NULL) ->> 'changed';
CALL look('2025-07-03 11:41+00');
SELECT is(minutes('B'), '720 from 07-02 23:40', 'without its own it has that for all');

-- Indexes: what their minutes are made of.
INSERT INTO agg_indexes (canonical_symbol, components, exponents, carry_minutes) VALUES ('IX', '{B,D}', '{0.5,0.5}', 10);
SELECT world.task('IX', '5m', '2025-07-02 23:45+00');
SELECT agg_disable_task('IX', '5m') \g /dev/null
CALL look('2025-07-05 00:00+00');
SELECT is(minutes('D'), '719 from 07-02 23:41', 'not ahead of an index');
SELECT matches(waits(NULL, '1m'), '3: IX/5m, which has got to 2025-07-02T23:45:00.*', 'and it says so');
SELECT agg_enable_task('IX', '5m') \g /dev/null
CALL look('2025-07-03 20:05+00');
SELECT is(minutes('D'), '225 from 07-03 07:55', 'as long as prices are carried on');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- Many rows: in steps.
SELECT agg_set_retention(s, '1m', '1 hour') FROM unnest('{B,C,D,IX}'::text[]) AS s \g /dev/null
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('E'), ('F');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT s, '1m', '2025-01-01 00:00+00'::timestamptz + make_interval(mins => i), 1, 1, 1, 1 FROM unnest('{E,F}'::text[]) s, generate_series(0, 120000) i;
CALL look('2025-07-03 20:05+00');
SELECT is((SELECT count(*) FROM data_bars WHERE canonical_symbol IN ('E', 'F')), 0::bigint, 'all steps of one run');
SELECT cmp_ok((SELECT count(DISTINCT xmin::text) FROM agg_sealed_ranges WHERE canonical_symbol IN ('E', 'F')), '=', 2::bigint, 'each symbol has transactions of its own');
SELECT is(at_symbol, NULL, 'a pass is over') FROM agg_retention WHERE canonical_symbol IS NULL;

-- Whoever follows events is not told of bars that retire.
SELECT agg_set_retention('C', '1h', '1 hour') \g /dev/null
SELECT agg_subscribe('test') \g /dev/null
SELECT bars('C', '1h') AS hours \gset
CALL look('2025-07-03 11:45+00');
SELECT isnt(bars('C', '1h'), :'hours', 'hours have gone');
SELECT is((SELECT count(*) FROM agg_poll('test') WHERE kind = 'deleted'), 0::bigint, 'without an event');
SELECT agg_unsubscribe('test') \g /dev/null

-- Who has no runner but agg_run_batch(): where no task is due, a call makes a step.
SELECT world.task('BATCH', '5m'), world.minutes('BATCH', '2025-07-01 00:00+00', 10);
SELECT agg_set_retention('BATCH', '1m', '1 day') \g /dev/null
SELECT is((SELECT count(*) FROM generate_series(1, 99) WHERE (agg_run_batch(p_now_utc => '2025-07-09 00:00+00') ->> 'continue')::boolean) < 99, true, 'batches come to an end');
SELECT is(minutes('BATCH') || ', ' || bars('BATCH', '5m'), '0, 2 from 07-01 00:00', 'bars are made, and old minutes go');

SELECT probe.refuses($$SELECT agg_set_retention('A', '1m', '0')$$, '22023', 'p_keep must be longer%', '%', 'nothing');
SELECT probe.refuses($$SELECT agg_set_retention('A', '1m', '2000 years')$$, '22023', 'p_keep must be longer%', '%', 'everything');
SELECT probe.refuses($$SELECT agg_set_retention('A', 'x', '1 day')$$, '22023', '%', '%', 'no timeframe');
SELECT probe.refuses($$SELECT agg_set_retention('A', NULL, '1 day')$$, '22004', '%', '%', 'no timeframe');
SELECT probe.refuses($$SELECT agg_set_retention('NOBODY', '1m', '1 day')$$, 'P0002', '%', '%', 'nobody');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

SELECT * FROM finish();
