-- A feed as it lives: minutes arrive in order with the clock, a few of them late; tasks run in any order, in any batch, sometimes without
-- waiting for confirmation. After every call the extension's answer is the reference's, in the end so are the bars, and in all of it every
-- reason to stop has come up.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../reference/oracle.sql
SELECT no_plan();
\ir include/seeds.psql
-- The reference knows the way forward alone: here what changes behind a cursor is not noticed, and marks are thrown away.
SET aggregation.tracking = off;

DO $$
DECLARE
	s seeds;
	clock timestamptz;
	timeframes text[] := ARRAY['5m', '5m', '5m', '15m', '30m', '1h', '1h', '4h', '1d', '1w'];
	tf text;
BEGIN
	FOR s IN TABLE seeds LOOP
		PERFORM start_of_random(s.seed);
		PERFORM oracle.make_minutes(s.symbol, '2025-02-24 00:00+00', '24 days', 0.5);
		PERFORM oracle.make_tasks(s.symbol, '2025-02-24 00:00+00');
		clock := '2025-02-23 22:00+00';
		WHILE clock < '2025-03-25' LOOP
			PERFORM oracle.deliver(s.symbol, clock - make_interval(mins => floor(random() * 3)::int), 0.998);
			IF oracle.chance(0.02) THEN
				ANALYZE data_bars, oracle.bars;
			END IF;
			FOR i IN 1 .. 3 LOOP
				tf := timeframes[1 + floor(random() * array_length(timeframes, 1))::int];
				DELETE FROM agg_dirty_ranges;
				PERFORM oracle.catch_up_both(s.symbol, tf, (ARRAY[1, 3, 7, 100, 100000])[1 + floor(random() * 5)::int], clock, 1, oracle.chance(0.1));
			END LOOP;
			clock := clock + CASE WHEN oracle.chance(0.6) THEN make_interval(secs => floor(random() * 900)) ELSE make_interval(mins => floor(random() * 600)::int) END;
		END LOOP;
		PERFORM oracle.deliver(s.symbol);
		FOREACH tf IN ARRAY ARRAY['5m', '15m', '30m', '1h', '4h', '1d', '1w'] LOOP
			DELETE FROM agg_dirty_ranges;
			PERFORM oracle.catch_up_both_to_the_end(s.symbol, tf, 1000, '2025-05-01');
		END LOOP;
	END LOOP;
END
$$;

SELECT is_empty('TABLE oracle.disagreements', 'every answer is the reference''s');
SELECT is_empty('TABLE oracle.differences', 'every bar is the reference''s');
SELECT set_eq('SELECT DISTINCT reference ->> ''reason'' FROM oracle.calls', ARRAY['max_windows', 'not_confirmed', 'frontier', 'gap', 'waiting_for_source',
	'cursor_beyond_source_data', 'no_source_data_anywhere'], 'every reason came up');
SELECT cmp_ok(count(*), '>', 500::bigint, 'in many calls') FROM oracle.calls;

-- Then bars are corrected behind the cursor, and everything is worked again from the start: what changed is rewritten or taken away, the rest
-- is left alone.
DO $$
DECLARE
	s seeds;
	tf text;
BEGIN
	FOR s IN TABLE seeds LOOP
		PERFORM start_of_random(s.seed + 1);
		UPDATE data_bars SET close = close + 1, vol = CASE WHEN vol = 0 THEN '-0' ELSE vol END WHERE canonical_symbol = s.symbol AND oracle.chance(0.01);
		UPDATE data_bars SET open = 'NaN' WHERE canonical_symbol = s.symbol AND oracle.chance(0.02);
		DELETE FROM data_bars WHERE canonical_symbol = s.symbol AND ts_utc BETWEEN '2025-03-03 07:00+00' AND '2025-03-03 09:58+00' AND oracle.chance(0.5);
		FOREACH tf IN ARRAY ARRAY['5m', '15m', '30m', '1h', '4h', '1d', '1w'] LOOP
			UPDATE data_agg_state SET last_agg_bar_ts_utc = NULL WHERE canonical_symbol = s.symbol AND timeframe = tf;
			PERFORM oracle.catch_up_both_to_the_end(s.symbol, tf, 777, '2025-05-01');
		END LOOP;
	END LOOP;
END
$$;
SELECT is_empty('TABLE oracle.disagreements', 'after corrections the answers are the reference''s');
SELECT is_empty('TABLE oracle.differences', 'and the bars');
SELECT cmp_ok(sum((reference ->> key)::int), '>', 0::bigint, 'among them: ' || key)
FROM oracle.calls, unnest(ARRAY['bars_inserted', 'bars_updated', 'bars_unchanged', 'bars_deleted', 'bars_skipped', 'bars_quality_poor', 'source_rows_refused']) AS key
GROUP BY key ORDER BY key;

SELECT * FROM finish();
