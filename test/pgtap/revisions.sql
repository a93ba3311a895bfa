-- The revision of a bar: one more whenever readers see another bar in its window, or one after none; and the state of a bar that has one.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
SELECT world.task('EURUSD', '5m');
SELECT world.task('EURUSD', '1h');
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 60);
CREATE PROCEDURE make(at timestamptz DEFAULT '2025-07-02 00:00+00') LANGUAGE plpgsql AS $$
BEGIN
	UPDATE data_agg_state SET next_run_at = NULL;
	FOR i IN 1..20 LOOP
		EXIT WHEN NOT (agg_run_batch(p_now_utc => at) ->> 'continue')::boolean;
	END LOOP;
END $$;
-- what becomes of the bar of 00:10: live, and deleted ones in their order
CREATE FUNCTION life(at timestamptz DEFAULT '2025-07-01 00:10+00', tf text DEFAULT '5m') RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(CASE WHEN deleted_at IS NULL THEN 'live ' ELSE 'deleted ' END || revision, ', ' ORDER BY deleted_at NULLS FIRST, revision)
	FROM derived_data_bars WHERE canonical_symbol = 'EURUSD' AND timeframe = tf AND ts_utc = at
$$;
CREATE FUNCTION seen(at timestamptz DEFAULT '2025-07-01 00:10+00', tf text DEFAULT '5m') RETURNS text LANGUAGE sql AS $$
	SELECT state || COALESCE(' ' || revision, '') FROM agg_bars('EURUSD', tf, at, at + interval '1 minute', p_now_utc => '2025-07-02 00:00+00')
$$;
CREATE PROCEDURE set_high(price float8) LANGUAGE sql AS $$
	UPDATE data_bars SET high = price WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 00:12+00';
$$;

SELECT is(seen(), 'provisional', 'a bar that is not stored has no revision');
CALL make();
SELECT is(life() || '; ' || seen(), 'live 1; final 1', 'the first one');
SELECT is((SELECT max(revision) FROM derived_data_bars), 1, 'all are the first ones');
SELECT is((SELECT string_agg(DISTINCT COALESCE(revision::text, 'none') || ' ' || state, ',') FROM agg_bars('EURUSD', '1m', p_now_utc => '2025-07-02 00:00+00')), 'none final', 'minutes have none');

-- a value that changes
CALL set_high(500);
SELECT is(seen(), 'provisional', 'to be made anew');
CALL make();
SELECT is(life() || '; ' || seen(), 'live 2; revised 2', 'another bar is another revision');
SELECT is(life('2025-07-01 00:00+00', '1h') || '; ' || seen('2025-07-01 00:00+00', '1h'), 'live 2; revised 2', 'so is that of the hour that is made of it');
SELECT is(life('2025-07-01 00:05+00'), 'live 1', 'but no other one');
SELECT is((SELECT state || revision FROM agg_bars(ARRAY['EURUSD'], '5m', '2025-07-01 00:10+00', '2025-07-01 00:15+00')), 'revised2', 'of many symbols, too');
SELECT is((SELECT state || revision FROM agg_latest(ARRAY['EURUSD'], '1h', p_now_utc => '2025-07-01 01:30+00')), 'revised2', 'and of the newest bar');
SELECT is((SELECT string_agg(state || revision, ' ' ORDER BY ts_utc) FROM agg_bars('EURUSD', '5m', p_to => '2025-07-01 00:15+00', p_limit => 2)), 'final1 revised2', 'backwards, too');
SELECT is((SELECT string_agg(state || COALESCE(revision, 0), ' ' ORDER BY ts_utc) FROM agg_bars('EURUSD', '5m', '2025-07-01 00:55+00', '2025-07-01 01:05+00', 'close', p_now_utc => '2025-07-02')),
	'final1 filled0', 'a filled window has none');

-- what is no other bar
CALL make();
SELECT agg_mark_changed('EURUSD', '2025-07-01', '2025-07-02') \g /dev/null
CALL make();
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01', '2025-07-02', false) \g /dev/null
UPDATE derived_data_bars SET source_candles = 99 WHERE ts_utc = '2025-07-01 00:10+00';
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01', '2025-07-02', false) \g /dev/null
SELECT is(life(), 'live 2', 'one that comes out the same keeps its number');
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01', '2025-07-02') \g /dev/null
SELECT is(life() || '; ' || seen(), 'live 2, deleted 2; revised 2', 'also where the old row is replaced by a new one');
SELECT is((SELECT array_agg(DISTINCT revision) FROM derived_data_bars WHERE timeframe = '5m' AND ts_utc <> '2025-07-01 00:10+00'), ARRAY[1], 'and all others');

-- each of the eight values counts, bit by bit, and so does NULL
UPDATE derived_data_bars SET quality_score = 1 WHERE ts_utc = '2025-07-01 00:00+00' AND timeframe = '5m' AND deleted_at IS NULL;
UPDATE derived_data_bars SET vwap = NULL WHERE ts_utc = '2025-07-01 00:05+00' AND timeframe = '5m' AND deleted_at IS NULL;
UPDATE derived_data_bars SET trade_count = NULL WHERE ts_utc = '2025-07-01 00:15+00' AND timeframe = '5m' AND deleted_at IS NULL;
UPDATE derived_data_bars SET vol = vol + 1e-12 WHERE ts_utc = '2025-07-01 00:20+00' AND timeframe = '5m' AND deleted_at IS NULL;
UPDATE derived_data_bars SET open = '-0' WHERE ts_utc = '2025-07-01 00:25+00' AND timeframe = '5m' AND deleted_at IS NULL;
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01', '2025-07-02', false) \g /dev/null
SELECT is((SELECT string_agg(revision::text, '' ORDER BY ts_utc) FROM derived_data_bars WHERE timeframe = '5m' AND deleted_at IS NULL), '222222111111', 'any value');

-- a bar that is gone and comes back
SELECT derived_soft_delete_range('EURUSD', '5m', '2025-07-01 00:10', '2025-07-01 00:15') \g /dev/null
SELECT is(seen(), NULL, 'none');
CALL set_high(600);
CALL make();
SELECT is(life() || '; ' || seen(), 'live 3, deleted 2, deleted 2; revised 3', 'after none comes another one');
DELETE FROM data_bars WHERE canonical_symbol = 'EURUSD' AND ts_utc >= '2025-07-01 00:10+00' AND ts_utc < '2025-07-01 00:14+00';
CALL make();
SELECT is(seen(), NULL, 'without source there is none');
SELECT world.minutes('EURUSD', '2025-07-01 00:10+00', 4, 7);
CALL make();
SELECT is(seen(), 'revised 4', 'and then the next one');
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01 00:10', '2025-07-01 00:15') \g /dev/null
SELECT is(seen(), 'revised 4', 'replaced by the same');
CALL set_high(700);
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01 00:00', '2025-07-01 01:00') \g /dev/null
CALL make();
SELECT is(seen() || ', ' || seen('2025-07-01 00:05+00') || ', ' || seen('2025-07-01 00:30+00'), 'revised 5, revised 2, final 1', 'replaced by another one, each by its own number');
SELECT derived_soft_delete_range('EURUSD', '5m', '2025-07-01 00:10', '2025-07-01 00:15') \g /dev/null
SELECT derived_restore_range('EURUSD', '5m', '2025-07-01 00:10', '2025-07-01 00:15') \g /dev/null
CALL make();
SELECT is(seen(), 'revised 6', 'one that is restored is another one, too: there was none in between');
BEGIN;
SELECT derived_soft_delete_range('EURUSD', '5m', '2025-07-01 00:10', '2025-07-01 00:15') \g /dev/null
SELECT aggregate_window('EURUSD', '5m', '2025-07-01 00:10', '2025-07-01 00:15') \g /dev/null
COMMIT;
SELECT is(seen(), 'revised 6', 'but none that one transaction takes away and makes again');
-- as many bars as go through COPY's machinery, each with its number
SELECT world.minutes('EURUSD', '2025-07-01 01:00+00', 240);
CALL make();
SELECT derived_soft_delete_range('EURUSD', '5m', '2025-07-01 00:00', '2025-07-01 05:00') \g /dev/null
SELECT agg_mark_changed('EURUSD', '2025-07-01', '2025-07-02') \g /dev/null
CALL make();
SELECT is((SELECT string_agg(revision || ':' || n, ' ' ORDER BY revision) FROM (SELECT revision, count(*) AS n FROM derived_data_bars WHERE timeframe = '5m' AND deleted_at IS NULL GROUP BY revision) AS r),
	'2:54 3:5 7:1', 'sixty at once');
SELECT is_empty('SELECT * FROM agg_verify()', 'the proof has nothing to say about numbers');
SELECT derived_purge_deleted('0') \g /dev/null
SELECT derived_soft_delete_range('EURUSD', '5m', '2025-07-01 00:00', '2025-07-01 00:05') \g /dev/null
UPDATE derived_data_bars SET updated_at = now() - interval '1 day', deleted_at = now() - interval '1 day' WHERE deleted_at IS NOT NULL;
DELETE FROM derived_data_bars WHERE deleted_at IS NOT NULL;
SELECT agg_mark_changed('EURUSD', '2025-07-01', '2025-07-02') \g /dev/null
CALL make();
SELECT is(seen('2025-07-01 00:00+00'), 'final 1', 'where nothing is left of a bar, the first one comes again');
SELECT * FROM finish();
