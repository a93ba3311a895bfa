-- A live feeder: writes each minute's bars of all symbols when the minute is over, in one statement, in no order.
CREATE OR REPLACE PROCEDURE bench.feed(p_minutes int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. p_minutes LOOP
		COMMIT;
		PERFORM pg_sleep(60 - extract(epoch FROM clock_timestamp())::numeric % 60 + 0.3);
		INSERT INTO public.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
		SELECT canonical_symbol, '1m', date_trunc('minute', clock_timestamp()) - interval '1 minute', 1, 2, 0.5, 1.5, 10
		FROM public.core_asset_registry_all ORDER BY random();
	END LOOP;
END
$$;
