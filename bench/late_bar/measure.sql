-- One late bar at the far end of the history: how long it takes until every timeframe is right, and how many pages are touched for it, among
-- ten, a hundred and a thousand symbols with a week of minutes each, and among one symbol's week, year and ten years. Medians of fifteen.
SET client_min_messages = warning;
CREATE OR REPLACE PROCEDURE bench.late_bar(p_world text, p_symbol text) LANGUAGE plpgsql AS $$
DECLARE
	plan json;
	started timestamptz;
	blocks bigint;
	dirtied bigint;
	again boolean;
BEGIN
	FOR i IN 1 .. 17 LOOP
		started := clock_timestamp();
		blocks := 0;
		dirtied := 0;
		UPDATE public.data_bars SET high = high + i WHERE canonical_symbol = p_symbol AND timeframe = '1m' AND ts_utc = '2010-07-01 00:10+00'::timestamptz + make_interval(mins => i);
		COMMIT;
		LOOP
			EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT public.agg_run_batch(p_now_utc => ''2036-01-01'')' INTO plan;
			COMMIT;
			blocks := blocks + (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint;
			dirtied := dirtied + (plan -> 0 -> 'Plan' ->> 'Shared Dirtied Blocks')::bigint;
			EXIT WHEN NOT EXISTS (SELECT FROM public.agg_dirty_ranges WHERE due = 'now');
		END LOOP;
		IF i > 2 THEN
			INSERT INTO bench.late VALUES (p_world, extract(epoch FROM clock_timestamp() - started) * 1000, blocks, dirtied);
		END IF;
	END LOOP;
	IF EXISTS (SELECT FROM public.agg_verify(p_symbol, NULL, '2010-07-01', '2010-07-08')) THEN
		RAISE 'the bars are not right';
	END IF;
	INSERT INTO bench.fact
	SELECT 'late_bar', p_world || ': ' || f.name, 1, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY f.value)::numeric, 1)
	FROM bench.late AS l, LATERAL (VALUES ('ms', l.ms), ('page accesses', l.blocks), ('pages dirtied', l.dirtied)) AS f (name, value)
	WHERE l.world = p_world GROUP BY f.name;
	COMMIT;
END
$$;
CREATE OR REPLACE PROCEDURE bench.late_world(p_first int, p_last int, p_minutes int, p_from timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL aggregation.tracking = off;
	INSERT INTO public.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
	SELECT 'N' || s, '1m', p_from + make_interval(mins => m), 1 + m % 7, 2 + m % 11, 0.5, 1 + m % 5, m % 90, 1 + m % 3, m % 9 FROM generate_series(p_first, p_last) AS s, generate_series(0, p_minutes - 1) AS m;
	INSERT INTO public.core_asset_registry_all (canonical_symbol, metadata) SELECT 'N' || s, '{"agg": {"optional": ["15m", "4h", "1d", "1w"], "start_utc": "2010-06-28T00:00:00Z"}}' FROM generate_series(p_first, p_last) AS s ON CONFLICT DO NOTHING;
	PERFORM public.sync_agg_state_from_registry('prod');
END
$$;
DROP TABLE IF EXISTS bench.late;
CREATE TABLE bench.late (world text, ms float8, blocks bigint, dirtied bigint);
CREATE OR REPLACE PROCEDURE bench.nothing() LANGUAGE sql AS $$
	DELETE FROM public.core_asset_registry_all;
	TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, public.agg_change_log, public.agg_dirty_ranges;
$$;
-- The last call finds nothing due, as most calls of a runner do, and keeps when that changes.
\set make_bars 'CALL public.agg_run(p_time_budget => ''1 hour'', p_max_windows => 20000, p_now_utc => ''2036-01-01'', p_sync_minutes => NULL); VACUUM ANALYZE; CALL public.agg_run(p_now_utc => ''2036-01-01'', p_sync_minutes => NULL)'
CALL bench.nothing();
CALL bench.late_world(1, 10, :week, '2010-07-01 00:00+00');
:make_bars;
CALL bench.late_bar('a week of 10 symbols', 'N5');
CALL bench.late_world(11, 100, :week, '2010-07-01 00:00+00');
:make_bars;
CALL bench.late_bar('a week of 100 symbols', 'N5');
CALL bench.late_world(101, :symbols, :week, '2010-07-01 00:00+00');
:make_bars;
CALL bench.late_bar('a week of ' || :symbols || ' symbols', 'N5');
CALL bench.nothing();
CALL bench.late_world(1, 1, :week, '2010-07-01 00:00+00');
:make_bars;
CALL bench.late_bar('one symbol, a week', 'N1');
CALL bench.nothing();
CALL bench.late_world(1, 1, :year, '2010-07-01 00:00+00');
:make_bars;
CALL bench.late_bar('one symbol, a year', 'N1');
CALL bench.nothing();
CALL bench.late_world(1, 1, 10 * :year, '2010-07-01 00:00+00');
:make_bars;
CALL bench.late_bar('one symbol, ten years', 'N1');
