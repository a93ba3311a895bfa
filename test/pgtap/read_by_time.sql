-- Source that many tasks share in time is read by key or by time. Random feeds, both ways: the same bars, cursors, counts and totals, bit by
-- bit, tick after tick. Some symbols are behind, some have minutes that come late and out of order, some nobody asks for; bars are made of
-- minutes and of narrower bars, in UTC and in a market's calendar.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../reference/oracle.sql
SELECT no_plan();
\ir include/seeds.psql

CREATE TABLE state_of (way text, tick int, canonical_symbol text, timeframe text, cursor timestamptz, bars bigint, poor bigint, skipped bigint, next_run timestamptz);
CREATE TABLE bars_of AS SELECT ''::text AS way, * FROM derived_data_bars WHERE false;
-- What a watchlist shows before the tick's run: nearly all of it is made of minutes. A reader whom row security hides half of the symbols sees the rest.
CREATE TABLE latest_of AS SELECT ''::text AS way, 0 AS tick, current_user AS reader, ''::text AS timeframe, l.* FROM agg_latest('{}', '5m') AS l WHERE false;
CREATE ROLE probe_reader;
GRANT SELECT ON data_bars, derived_data_bars TO probe_reader;
GRANT EXECUTE ON FUNCTION agg_latest TO probe_reader;
GRANT INSERT ON latest_of TO probe_reader;
CREATE POLICY probe ON derived_data_bars TO probe_reader USING (canonical_symbol LIKE '%2');
CREATE POLICY probe ON data_bars TO probe_reader USING (canonical_symbol LIKE '%2');
ALTER TABLE derived_data_bars ENABLE ROW LEVEL SECURITY;
ALTER TABLE data_bars ENABLE ROW LEVEL SECURITY;
CREATE PROCEDURE look(p_way text, p_tick int, p_now timestamptz) LANGUAGE sql AS $$
	INSERT INTO latest_of SELECT p_way, p_tick, current_user, timeframe, l.* FROM unnest('{5m,45m,1h}'::text[]) AS timeframe
	CROSS JOIN LATERAL agg_latest((SELECT array_agg('SYM' || s) FROM generate_series(1, 60) AS s), timeframe, p_now_utc => p_now) AS l $$;
CREATE PROCEDURE play(p_seed int, p_way text) LANGUAGE plpgsql AS $$
DECLARE
	from_utc timestamptz := '2025-03-07 18:00+00'; -- a weekend, and the night in which New York changes its clocks
	now_utc timestamptz;
BEGIN
	SET client_min_messages = error;
	TRUNCATE data_bars, derived_data_bars, data_agg_state, agg_change_log, agg_dirty_ranges, agg_recent_tasks, agg_sealed_ranges;
	PERFORM set_config('aggregation.read_source', p_way, false);
	PERFORM start_of_random(p_seed);
	-- Symbols of three kinds: in UTC and chained, in UTC and exact, in the FX calendar and exact.
	INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, calendar, agg_start_utc)
	SELECT 'SYM' || s, tf, CASE WHEN s % 3 > 0 THEN '1m' END, CASE WHEN s % 3 = 2 THEN 'fx' END, from_utc
	FROM generate_series(1, 60) AS s CROSS JOIN unnest('{5m,15m,1h,4h,1d}'::text[]) AS tf;
	TRUNCATE agg_recent_tasks, agg_dirty_ranges;
	FOR tick IN 1 .. 20 LOOP
		-- A tick's minutes, in any order; some come only with the next tick, some twice with another price, some never.
		INSERT INTO data_bars AS b (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
		SELECT 'SYM' || s, '1m', t, p, p + random(), p - random(), p + random() - 0.5, CASE WHEN random() < 0.9 THEN random() * 1e4 END,
			CASE WHEN random() < 0.8 THEN p + random() / 7 END, CASE WHEN random() < 0.9 THEN (random() * 50)::int END
		FROM generate_series(1, 75) AS s
		CROSS JOIN generate_series(from_utc + (tick - 2) * interval '2 hours', from_utc + tick * interval '2 hours' - interval '1 minute', '1 minute') AS t
		CROSS JOIN LATERAL (SELECT 100 + s + random() AS p) AS price
		WHERE random() < CASE WHEN t < from_utc + (tick - 1) * interval '2 hours' THEN 0.001 WHEN s % 7 = 0 THEN 0.3 ELSE 0.95 END
			AND NOT (s % 10 = 1 AND tick % 3 > 0)
		ORDER BY CASE WHEN s % 4 = 0 THEN random() ELSE 0 END, t, s
		ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET close = EXCLUDED.close, high = EXCLUDED.high, low = EXCLUDED.low;
		COMMIT;
		CALL look(p_way, tick, from_utc + tick * interval '2 hours' - interval '47 minutes 20 seconds');
		SET ROLE probe_reader;
		CALL look(p_way, tick, from_utc + tick * interval '2 hours' - interval '47 minutes 20 seconds');
		RESET ROLE;
		now_utc := from_utc + tick * interval '2 hours' + interval '31 seconds';
		LOOP
			EXIT WHEN NOT (agg_run_batch(p_max_tasks => 1000, p_max_windows => 100, p_now_utc => now_utc) -> 'continue')::boolean;
			COMMIT;
		END LOOP;
		INSERT INTO state_of SELECT p_way, tick, s.canonical_symbol, s.timeframe, s.last_agg_bar_ts_utc, s.total_bars_created, s.total_bars_quality_poor,
			s.total_windows_skipped, s.next_run_at FROM data_agg_state AS s;
		COMMIT;
	END LOOP;
	INSERT INTO bars_of SELECT p_way, * FROM derived_data_bars;
END
$$;
INSERT INTO core_asset_registry_all (canonical_symbol) SELECT 'SYM' || s FROM generate_series(1, 60) AS s;
SELECT seed FROM seeds ORDER BY seed LIMIT 1 \gset
CALL play(:seed, 'by_key');
CALL play(:seed, 'by_time');

SELECT is(count(*) FILTER (WHERE way = 'by_time'), count(*) FILTER (WHERE way = 'by_key'), 'as many bars') FROM bars_of WHERE deleted_at IS NULL;
SELECT cmp_ok(count(DISTINCT (timeframe, source_timeframe))::int, '=', 9, 'of all timeframes, chained and exact') FROM bars_of;
SELECT is_empty($$
	WITH bars AS (
		SELECT way, to_jsonb(b) - '{way,ingested_at,created_at,updated_at,deleted_at}'::text[] || jsonb_build_object('live', deleted_at IS NULL) AS bar FROM bars_of AS b)
	SELECT bar, count(*), min(way) FROM bars GROUP BY bar HAVING count(*) FILTER (WHERE way = 'by_key') <> count(*) FILTER (WHERE way = 'by_time') LIMIT 5
$$, 'the same bars, bit by bit');
SELECT is_empty($$
	SELECT tick, canonical_symbol, timeframe, cursor, bars, poor, skipped, next_run FROM state_of
	GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING count(*) <> 2 ORDER BY 1 LIMIT 5
$$, 'the same tasks after every tick');
SELECT is_empty('SELECT * FROM agg_verify() LIMIT 5', 'and the proof finds nothing');
SELECT is_empty($$
	SELECT tick, reader, timeframe, canonical_symbol, min(way) FROM latest_of AS l
	GROUP BY tick, reader, timeframe, canonical_symbol, to_jsonb(l) - 'way' HAVING count(*) <> 2 ORDER BY 1, 2, 3, 4 LIMIT 5
$$, 'what a watchlist showed is the same');
SELECT results_eq($$SELECT reader, count(DISTINCT canonical_symbol) FROM latest_of WHERE state = 'forming' GROUP BY 1 ORDER BY reader = 'probe_reader'$$,
	$$VALUES (current_user, 60::bigint), ('probe_reader', 6)$$, 'of bars that are forming, as far as the reader may see');

-- Disorder is no more than a second look at the symbol, whose plan begins again: its windows count once.
SELECT is((SELECT sum(bars) FROM state_of WHERE way = 'by_time' AND tick = 20), (SELECT sum(bars) FROM state_of WHERE way = 'by_key' AND tick = 20), 'totals');

-- Where different texts are equal, only the key knows.
SET client_min_messages = error;
TRUNCATE data_bars, derived_data_bars, data_agg_state, agg_change_log, agg_dirty_ranges, agg_recent_tasks;
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE other_bars (LIKE data_bars INCLUDING DEFAULTS);
ALTER TABLE other_bars ALTER canonical_symbol TYPE text COLLATE any_case, ADD PRIMARY KEY (canonical_symbol, timeframe, ts_utc);
DROP TABLE data_bars CASCADE;
ALTER TABLE other_bars RENAME TO data_bars;
SELECT count(*) FROM agg_setup() \g /dev/null
INSERT INTO data_agg_state (canonical_symbol, timeframe, agg_start_utc) SELECT 'SYM' || s, '5m', '2025-07-01 10:00+00' FROM generate_series(1, 60) AS s;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT CASE WHEN extract(minute FROM t)::int % 5 = 0 THEN 'sym' ELSE 'SYM' END || s, '1m', t, s, s, s, s
FROM generate_series('2025-07-01 10:00+00'::timestamptz, '2025-07-01 10:59+00', '1 minute') AS t, generate_series(1, 60) AS s;
SET aggregation.read_source = by_time;
SELECT agg_run_batch(p_now_utc => '2025-07-01 11:05+00') \g /dev/null
SELECT results_eq('SELECT source_candles, count(*) FROM derived_data_bars GROUP BY 1', 'VALUES (5, 720::bigint)', 'symbols that are equal without being alike are read by key');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT name || s, '1m', t, s, high, s, s FROM generate_series(1, 60) AS s, (VALUES ('SYM', '2025-07-01 11:05+00'::timestamptz, 60), ('sym', '2025-07-01 11:06+00', 1000)) AS v (name, t, high);
SELECT results_eq($$SELECT high, count(*) FROM agg_latest((SELECT array_agg('SYM' || s) FROM generate_series(1, 60) AS s), '5m', p_now_utc => '2025-07-01 11:07:20+00') GROUP BY 1$$,
	'VALUES (1000::float8, 60::bigint)', 'for a watchlist, too');
DROP OWNED BY probe_reader;
DROP ROLE probe_reader;
SELECT * FROM finish();
