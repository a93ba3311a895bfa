-- Random bars: the same bits as the reference from every path. One data set a seed, under one symbol for each path: catch-up in batches of
-- 1, 3, 7, 100 and 100,000 windows, the engine over an array of tasks, single windows; rows arrive in another order each time.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../reference/oracle.sql
SELECT no_plan();
\ir include/seeds.psql

CREATE TABLE timeframes AS
SELECT tf, n FROM unnest(ARRAY['5m', '15m', '30m', '1h', '4h', '1d', '1w']) WITH ORDINALITY AS t (tf, n);
CREATE TABLE paths (symbol text, original text, path text, batch int);
INSERT INTO paths
SELECT symbol || '/' || path || '/' || batch, symbol, path, batch
FROM seeds, (VALUES ('catch-up', 1), ('catch-up', 3), ('catch-up', 7), ('catch-up', 100), ('catch-up', 100000), ('engine', 5), ('engine', 100000), ('windows', 1)) AS p (path, batch);

DO $$
DECLARE
	s seeds;
	p paths;
	t timeframes;
BEGIN
	FOR s IN TABLE seeds LOOP
		PERFORM start_of_random(s.seed);
		PERFORM oracle.make_minutes(s.symbol, '2024-12-30 03:17+00', '21 days', 0.3);
		PERFORM oracle.deliver(s.symbol);
		PERFORM oracle.make_tasks(s.symbol, '2024-12-30 03:01:00+00');
		ANALYZE data_bars;
		FOR t IN SELECT * FROM timeframes ORDER BY n LOOP
			PERFORM oracle.catch_up_both_to_the_end(s.symbol, t.tf, 250, '2026-01-01');
		END LOOP;
		FOR p IN SELECT * FROM paths WHERE original = s.symbol LOOP
			INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
			SELECT p.symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count
			FROM data_bars WHERE canonical_symbol = s.symbol ORDER BY md5(p.symbol || ts_utc);
			PERFORM oracle.make_tasks(p.symbol, '2024-12-30 03:01:00+00');
		END LOOP;
	END LOOP;
END
$$;
ANALYZE;

SELECT is_empty('TABLE oracle.disagreements', 'catch-up answers as the reference does, key by key');
SELECT is_empty('TABLE oracle.differences', 'and stores the same bars, bit by bit');
SELECT cmp_ok(count(*), '>', 0::bigint, 'there are bars of ' || tf || ' to compare') FROM timeframes LEFT JOIN oracle.bars AS b ON b.timeframe = tf GROUP BY tf, n ORDER BY n;
SELECT cmp_ok(count(DISTINCT quality_score), '=', 4::bigint, 'of every quality') FROM oracle.bars;

-- Each path by itself.
DO $$
DECLARE
	p paths;
	t timeframes;
	minute record;
	again boolean;
BEGIN
	FOR p IN TABLE paths LOOP
		IF p.path = 'catch-up' THEN
			FOR t IN SELECT * FROM timeframes ORDER BY n LOOP
				PERFORM oracle.catch_up_extension(p.symbol, t.tf, p.batch, '2026-01-01');
				COMMIT;
			END LOOP;
		ELSIF p.path = 'engine' THEN
			FOR n IN 1 .. 100000 LOOP
				SELECT bool_or("continue") INTO again
				FROM agg_aggregate_tasks((SELECT array_agg(p.symbol) FROM timeframes), (SELECT array_agg(tf ORDER BY md5(tf)) FROM timeframes), p.batch, '2026-01-01');
				EXIT WHEN NOT again;
			END LOOP;
		ELSE
			FOR t IN SELECT * FROM timeframes ORDER BY n LOOP
				FOR minute IN
					SELECT DISTINCT oracle.window_start(s.ts_utc, t.tf) AS from_utc FROM data_bars AS s WHERE s.canonical_symbol = p.original
				LOOP
					CONTINUE WHEN minute.from_utc < '2024-12-30 03:01:00+00';
					INSERT INTO oracle.calls (what, symbol, timeframe, arguments, reference, extension)
					SELECT 'window', p.symbol, t.tf, to_jsonb(minute),
						(oracle.aggregate_window(p.original, t.tf, minute.from_utc, 1)).answer,
						aggregate_window(p.symbol, t.tf, minute.from_utc, minute.from_utc + oracle.width(t.tf));
				END LOOP;
				COMMIT;
			END LOOP;
		END IF;
	END LOOP;
END
$$;

SELECT is_empty('TABLE oracle.disagreements', 'single windows answer as the reference does');
CREATE FUNCTION path_differs(p_symbol text, p_original text) RETURNS TABLE (difference text) LANGUAGE sql AS $$
	WITH ours AS (SELECT to_jsonb(b) - 'canonical_symbol' AS bar FROM oracle.bars_of_extension AS b WHERE b.canonical_symbol = p_symbol),
		reference AS (SELECT to_jsonb(b) - 'canonical_symbol' AS bar FROM oracle.bars_of_reference AS b WHERE b.canonical_symbol = p_original)
	(SELECT 'only this path: ' || bar::text FROM (TABLE ours EXCEPT ALL TABLE reference) AS x ORDER BY 1 LIMIT 5)
	UNION ALL
	(SELECT 'only reference: ' || bar::text FROM (TABLE reference EXCEPT ALL TABLE ours) AS x ORDER BY 1 LIMIT 5)
$$;
SELECT is_empty(format('SELECT * FROM path_differs(%L, %L)', symbol, original), 'the same bars by ' || path || ', ' || batch || ' at a time: ' || symbol)
FROM paths ORDER BY symbol;
SELECT is(agg.last_agg_bar_ts_utc, ref.last_agg_bar_ts_utc, 'the engine leaves the cursor where catch-up does: ' || agg.canonical_symbol || ' ' || agg.timeframe)
FROM paths AS p
	JOIN data_agg_state AS agg ON agg.canonical_symbol = p.symbol
	JOIN data_agg_state AS ref ON ref.canonical_symbol = p.original AND ref.timeframe = agg.timeframe
WHERE p.path = 'engine' ORDER BY agg.canonical_symbol, agg.timeframe;

-- Twice is once: the symbols again from their starts, with another batch, and no row is written.
CREATE TABLE places AS SELECT canonical_symbol, timeframe, ts_utc, ctid AS place, xmin::text AS writer, updated_at, deleted_at FROM derived_data_bars;
CREATE TABLE again (symbol text, tf text, bars_created int, not_unchanged int);
DO $$
DECLARE
	p paths;
	t timeframes;
	answer jsonb;
	at_cursor timestamptz;
BEGIN
	FOR p IN SELECT * FROM paths WHERE batch IN (1, 100000) AND path <> 'windows' LOOP
		FOR t IN TABLE timeframes LOOP
			at_cursor := agg_bootstrap_cursor(p.symbol, t.tf);
			LOOP
				answer := catchup_aggregation_range(p.symbol, t.tf, at_cursor, 1234, '2026-01-01');
				INSERT INTO again VALUES (p.symbol, t.tf, (answer ->> 'bars_created')::int,
					(answer ->> 'bars_inserted')::int + (answer ->> 'bars_updated')::int + (answer ->> 'bars_deleted')::int);
				at_cursor := (answer ->> 'cursor_advanced_to')::timestamptz;
				EXIT WHEN NOT (answer ->> 'continue')::boolean;
			END LOOP;
		END LOOP;
	END LOOP;
END
$$;
SELECT is(sum(not_unchanged), 0::bigint, 'a re-run finds every bar unchanged') FROM again;
SELECT set_eq('SELECT symbol, tf, sum(bars_created) FROM again GROUP BY symbol, tf HAVING sum(bars_created) > 0',
	$$SELECT canonical_symbol, timeframe, count(*) FROM derived_data_bars JOIN paths AS p ON p.symbol = canonical_symbol WHERE deleted_at IS NULL AND batch IN (1, 100000) AND path <> 'windows' GROUP BY canonical_symbol, timeframe$$,
	'and reports as many as there are');
SELECT is_empty($$(SELECT canonical_symbol, timeframe, ts_utc, ctid, xmin::text, updated_at, deleted_at FROM derived_data_bars EXCEPT ALL TABLE places)
	UNION ALL (TABLE places EXCEPT ALL SELECT canonical_symbol, timeframe, ts_utc, ctid, xmin::text, updated_at, deleted_at FROM derived_data_bars)$$, 'in their places, by their writers, at their times');

SELECT * FROM finish();
