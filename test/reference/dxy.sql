-- The dollar index, one minute after the other. Weights: ICE's U.S. Dollar Index methodology. A minute counts as skipped when at least one
-- of the six is there and at least one has no usable close.

CREATE FUNCTION oracle.dxy(from_utc timestamptz, to_utc timestamptz)
RETURNS TABLE (ts_utc timestamptz, price float8) LANGUAGE plpgsql STABLE AS $$
DECLARE
	part record;
BEGIN
	FOR part IN
		SELECT b.ts_utc, jsonb_object_agg(b.canonical_symbol, b.close) AS at_close
		FROM data_bars AS b
		WHERE b.timeframe = '1m' AND b.ts_utc >= from_utc AND b.ts_utc < to_utc
			AND b.canonical_symbol IN ('EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF')
			AND oracle.finite(b.close) AND b.close > 0
		GROUP BY b.ts_utc HAVING count(*) = 6
	LOOP
		ts_utc := part.ts_utc;
		price := round((50.14348112
			* power((part.at_close ->> 'EURUSD')::float8, -0.576)
			* power((part.at_close ->> 'USDJPY')::float8, 0.136)
			* power((part.at_close ->> 'GBPUSD')::float8, -0.119)
			* power((part.at_close ->> 'USDCAD')::float8, 0.091)
			* power((part.at_close ->> 'USDSEK')::float8, 0.042)
			* power((part.at_close ->> 'USDCHF')::float8, 0.036))::numeric, 8);
		RETURN NEXT;
	END LOOP;
END
$$;

CREATE FUNCTION oracle.dxy_skipped(from_utc timestamptz, to_utc timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
	SELECT count(DISTINCT b.ts_utc) - (SELECT count(*) FROM oracle.dxy(from_utc, to_utc))
	FROM data_bars AS b
	WHERE b.timeframe = '1m' AND b.ts_utc >= from_utc AND b.ts_utc < to_utc
		AND b.canonical_symbol IN ('EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF')
$$;
