-- One symbol, one month, five timeframes: derived for the first time, again after a hundredth of the minutes was corrected, and again after
-- every one was.
CREATE OR REPLACE PROCEDURE bench.derive_month() LANGUAGE plpgsql AS $$
BEGIN
	WHILE (public.agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-09-01 00:00+00') ->> 'continue')::boolean LOOP
		COMMIT;
	END LOOP;
END
$$;
CREATE OR REPLACE PROCEDURE bench.month_again(p_condition text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'UPDATE public.data_bars SET close = close * 1.001, high = high * 1.002, vol = vol + 1 WHERE ' || p_condition;
END
$$;
TRUNCATE public.data_bars, public.derived_data_bars, public.data_agg_state, public.agg_change_log, public.agg_dirty_ranges;
INSERT INTO public.core_asset_registry_all (canonical_symbol) VALUES ('MONTH') ON CONFLICT DO NOTHING;
CALL bench.make_bars('{MONTH}', '{1.1}', '2025-07-01 00:00+00', 44640);
VACUUM ANALYZE public.data_bars;
