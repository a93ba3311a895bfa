-- Ten live batches, one statement and one transaction each, without change capture.
TRUNCATE public.data_bars, public.agg_change_log;
ALTER TABLE public.data_bars DISABLE TRIGGER USER;
CHECKPOINT;
\ir ../timer_start.sql
DO $$ BEGIN
	FOR i IN 1 .. 10 LOOP
		INSERT INTO public.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
		SELECT canonical_symbol, timeframe, '2025-07-01 00:00+00'::timestamptz + make_interval(mins => i), n, n + 1, n - 1, n, 10, n, 3 FROM bench.live;
		COMMIT;
	END LOOP;
END $$;
\ir ../timer_stop.sql
ALTER TABLE public.data_bars ENABLE TRIGGER USER;
