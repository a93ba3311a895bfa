-- Generated 1-minute bars: a seeded random walk per symbol, rounded to five decimals like a quoted price. The same arguments give the
-- same bars on every machine. Nothing in them is a market's.

-- Bars of each symbol from p_from, p_minutes of them without a hole. They are stored as they would have arrived: minute by minute, the
-- symbols side by side.
CREATE PROCEDURE bench.make_bars(p_symbols text[], p_start_prices double precision[], p_from timestamptz, p_minutes int)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setseed(0.42);
	INSERT INTO public.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
	WITH step AS MATERIALIZED (
		SELECT n, s.symbol, s.price, random() - 0.5 AS drift, random() AS up, random() AS down, random() AS traded
		FROM generate_series(0, p_minutes - 1) AS n
		CROSS JOIN unnest(p_symbols, p_start_prices) AS s(symbol, price)
	), walk AS (
		SELECT n, symbol, up, down, traded,
			price * exp(0.0002 * (sum(drift) OVER w - drift)) AS open,
			price * exp(0.0002 * sum(drift) OVER w) AS close
		FROM step
		WINDOW w AS (PARTITION BY symbol ORDER BY n ROWS UNBOUNDED PRECEDING)
	)
	SELECT symbol, '1m', p_from + n * interval '1 minute',
		round(open::numeric, 5)::float8,
		round((greatest(open, close) * (1 + 0.00005 * up))::numeric, 5)::float8,
		round((least(open, close) * (1 - 0.00005 * down))::numeric, 5)::float8,
		round(close::numeric, 5)::float8,
		floor(traded * 900 + 1),
		round(((open + close) / 2)::numeric, 6)::float8,
		floor(traded * 90 + 1)::bigint
	FROM walk
	ORDER BY n, symbol;
END;
$$;
