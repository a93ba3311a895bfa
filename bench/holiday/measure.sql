-- A holiday is added to the calendar of a symbol with a year of bars, and of one with ten years: how long the statement and the run after it
-- take, and how many windows the run looks at: those of the date, and the one week that holds it.
SET client_min_messages = warning;
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, public.agg_dirty_ranges, public.agg_change_log;
CREATE OR REPLACE PROCEDURE bench.holiday(p_symbol text, p_minutes int) LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz;
	written timestamptz;
	windows bigint;
	again bigint;
BEGIN
	SET LOCAL aggregation.tracking = off;
	INSERT INTO public.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
	SELECT p_symbol, '1m', '2010-07-01 00:00+00'::timestamptz + make_interval(mins => m), 1 + m % 7, 9 + m % 11, 0.5, 1 + m % 5, m % 90, 1 + m % 3, m % 9
	FROM generate_series(0, p_minutes - 1) AS m;
	INSERT INTO public.core_asset_registry_all (canonical_symbol) VALUES (p_symbol);
	INSERT INTO public.data_agg_state (canonical_symbol, timeframe, source_timeframe, calendar, agg_start_utc)
	SELECT p_symbol, f.timeframe, f.source, 'fx', '2010-07-01 00:00+00' FROM unnest('{5m,15m,1h,4h,1d,1w}'::text[], '{1m,5m,5m,1h,1h,1d}'::text[]) AS f (timeframe, source);
	COMMIT;
	CALL public.agg_run(p_time_budget => '1 hour', p_max_windows => 20000, p_now_utc => '2036-01-01', p_sync_minutes => NULL);
	FOR i IN 1 .. 7 LOOP
		started := clock_timestamp();
		IF i % 2 = 1 THEN
			INSERT INTO public.agg_calendar_exceptions (calendar, trading_date, note) VALUES ('fx', '2010-09-15', 'a holiday');
		ELSE
			UPDATE public.agg_calendar_exceptions SET calendar = 'nyse' WHERE calendar = 'fx' AND note = 'a holiday';
			DELETE FROM public.agg_calendar_exceptions WHERE calendar = 'nyse' AND note = 'a holiday';
		END IF;
		COMMIT;
		written := clock_timestamp();
		windows := 0;
		LOOP
			SELECT (b ->> 'late_windows_processed')::bigint INTO again FROM public.agg_run_batch(p_now_utc => '2036-01-01', p_max_windows => 100000) AS b;
			COMMIT;
			windows := windows + again;
			EXIT WHEN NOT EXISTS (SELECT FROM public.agg_dirty_ranges WHERE due = 'now');
		END LOOP;
		IF i % 2 = 1 THEN
			INSERT INTO bench.fact VALUES
				('holiday', p_symbol || ': ms of the statement', i, round(extract(epoch FROM written - started) * 1000)),
				('holiday', p_symbol || ': ms of the run', i, round(extract(epoch FROM clock_timestamp() - written) * 1000)),
				('holiday', p_symbol || ': windows looked at', i, windows);
		END IF;
		COMMIT;
	END LOOP;
	IF EXISTS (SELECT FROM public.agg_verify(p_symbol, NULL, '2010-09-01', '2010-10-01')) THEN
		RAISE 'the bars are not right';
	END IF;
	IF (SELECT sum(value) FROM bench.fact WHERE fact = p_symbol || ': windows looked at') = 0 THEN
		RAISE 'nothing was looked at';
	END IF;
	DELETE FROM public.agg_calendar_exceptions WHERE note = 'a holiday';
	COMMIT;
END
$$;
CALL bench.holiday('a year', :year);
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, public.agg_dirty_ranges, public.agg_change_log;
CALL bench.holiday('ten years', 10 * :year);
