-- Generated 1-minute bars: a seeded random walk per symbol, rounded to five decimals like a quoted price. The same arguments give the
-- same bars on every machine. Nothing in them is a market's.

-- Bars of each symbol from p_from, p_minutes of them without a hole. They are stored as they would have arrived: minute by minute, the
-- symbols side by side.
CREATE PROCEDURE bench.make_bars(p_symbols text[], p_start_prices double precision[], p_from timestamptz, p_minutes int,
	p_table regclass DEFAULT 'public.data_bars')
LANGUAGE plpgsql AS $procedure$
BEGIN
	PERFORM setseed(0.42);
	EXECUTE format($$
	INSERT INTO %s (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
	WITH step AS MATERIALIZED (
		SELECT n, s.symbol, s.price, random() - 0.5 AS drift, random() AS up, random() AS down, random() AS traded
		FROM generate_series(0, $4 - 1) AS n
		CROSS JOIN unnest($1, $2) AS s(symbol, price)
	), walk AS (
		SELECT n, symbol, up, down, traded,
			price * exp(0.0002 * (sum(drift) OVER w - drift)) AS open,
			price * exp(0.0002 * sum(drift) OVER w) AS close
		FROM step
		WINDOW w AS (PARTITION BY symbol ORDER BY n ROWS UNBOUNDED PRECEDING)
	)
	SELECT symbol, '1m', $3 + n * interval '1 minute',
		round(open::numeric, 5)::float8,
		round((greatest(open, close) * (1 + 0.00005 * up))::numeric, 5)::float8,
		round((least(open, close) * (1 - 0.00005 * down))::numeric, 5)::float8,
		round(close::numeric, 5)::float8,
		floor(traded * 900 + 1),
		round(((open + close) / 2)::numeric, 6)::float8,
		floor(traded * 90 + 1)::bigint
	FROM walk
	ORDER BY n, symbol$$, p_table) USING p_symbols, p_start_prices, p_from, p_minutes;
END;
$procedure$;

-- Minutes that a feed has yet to bring.
CREATE UNLOGGED TABLE bench.to_come (
	canonical_symbol text, timeframe text, ts_utc timestamptz, open double precision, high double precision, low double precision,
	close double precision, vol double precision, vwap double precision, trade_count bigint
);

-- The feed brings those from p_from until p_to: all symbols of a minute in one statement and transaction, in an order that is another one each
-- minute, then the next minute. Where the order is always the same, a symbol's rows follow each other at equal distances and those of neighbours
-- in the index share their pages, as no live feed writes them.
CREATE PROCEDURE bench.feed_minutes(p_table regclass, p_from timestamptz, p_to timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
	v_minute timestamptz;
BEGIN
	FOR v_minute IN SELECT * FROM generate_series(p_from, p_to - interval '1 minute', '1 minute') LOOP
		EXECUTE format('INSERT INTO %s (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count) '
			'SELECT * FROM bench.to_come WHERE ts_utc = $1 ORDER BY hashtextextended(canonical_symbol, extract(epoch FROM ts_utc)::bigint)', p_table)
			USING v_minute;
		COMMIT;
	END LOOP;
END;
$$;
