-- Ten thousand statements of one row each in one transaction, without change capture.
TRUNCATE public.data_bars, public.agg_change_log;
ALTER TABLE public.data_bars DISABLE TRIGGER USER;
CHECKPOINT;
\ir ../timer_start.sql
DO $$ DECLARE s record; BEGIN
	FOR s IN SELECT * FROM bench.live LOOP
		INSERT INTO public.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
		VALUES (s.canonical_symbol, s.timeframe, '2025-07-01 00:00+00', s.n, s.n + 1, s.n - 1, s.n, 10, s.n, 3);
	END LOOP;
END $$;
\ir ../timer_stop.sql
ALTER TABLE public.data_bars ENABLE TRIGGER USER;
