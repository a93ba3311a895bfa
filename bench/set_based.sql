-- What one writes without the extension and without a loop: GROUP BY date_bin(). One function, so that each place that needs finished bars
-- (the set-based baseline, the files that the floor copies) uses the same statement; the planner inlines it.
CREATE FUNCTION bench.bars_5m(p_symbol text)
RETURNS TABLE (
	canonical_symbol text, timeframe text, ts_utc timestamptz, open double precision, high double precision, low double precision,
	close double precision, vol double precision, vwap double precision, trade_count bigint, source text, raw jsonb,
	source_timeframe text, source_candles int, expected_candles int, quality_score int, derivation_version int
)
LANGUAGE sql STABLE AS $$
	SELECT b.canonical_symbol, '5m', date_bin('5 minutes', b.ts_utc, 'epoch'),
		(array_agg(b.open ORDER BY b.ts_utc))[1], max(b.high), min(b.low), (array_agg(b.close ORDER BY b.ts_utc DESC))[1],
		sum(b.vol),
		sum(b.vwap * b.vol) FILTER (WHERE b.vol > 0 AND b.vwap IS NOT NULL) / sum(b.vol) FILTER (WHERE b.vol > 0 AND b.vwap IS NOT NULL),
		sum(b.trade_count)::bigint, 'agg', bench.provenance(), '1m', count(*)::int, 5,
		CASE count(*) WHEN 5 THEN 2 WHEN 4 THEN 1 ELSE 0 END, 1
	FROM public.data_bars b
	WHERE b.canonical_symbol = p_symbol AND b.timeframe = '1m'
	GROUP BY b.canonical_symbol, date_bin('5 minutes', b.ts_utc, 'epoch')
	HAVING count(*) >= 3
$$;

-- The same for the one due window of every task in a list of tasks.
CREATE FUNCTION bench.due_bars_5m(p_now timestamptz)
RETURNS TABLE (
	canonical_symbol text, timeframe text, ts_utc timestamptz, open double precision, high double precision, low double precision,
	close double precision, vol double precision, vwap double precision, trade_count bigint, source text, raw jsonb,
	source_timeframe text, source_candles int, expected_candles int, quality_score int, derivation_version int
)
LANGUAGE sql STABLE AS $$
	SELECT b.canonical_symbol, '5m', s.last_agg_bar_ts_utc,
		(array_agg(b.open ORDER BY b.ts_utc))[1], max(b.high), min(b.low), (array_agg(b.close ORDER BY b.ts_utc DESC))[1],
		sum(b.vol),
		sum(b.vwap * b.vol) FILTER (WHERE b.vol > 0 AND b.vwap IS NOT NULL) / sum(b.vol) FILTER (WHERE b.vol > 0 AND b.vwap IS NOT NULL),
		sum(b.trade_count)::bigint, 'agg', bench.provenance(), '1m', count(*)::int, 5,
		CASE count(*) WHEN 5 THEN 2 WHEN 4 THEN 1 ELSE 0 END, 1
	FROM set_based.data_agg_state s
	JOIN public.data_bars b ON b.canonical_symbol = s.canonical_symbol AND b.timeframe = '1m'
		AND b.ts_utc >= s.last_agg_bar_ts_utc AND b.ts_utc < s.last_agg_bar_ts_utc + interval '5 minutes'
	WHERE s.timeframe = '5m' AND s.status = 'idle' AND s.enabled AND s.next_run_at <= p_now
	GROUP BY b.canonical_symbol, s.last_agg_bar_ts_utc
	HAVING count(*) >= 3
$$;

-- The same for all symbols' window that begins at p_start.
CREATE FUNCTION bench.window_bars_5m(p_start timestamptz)
RETURNS TABLE (
	canonical_symbol text, timeframe text, ts_utc timestamptz, open double precision, high double precision, low double precision,
	close double precision, vol double precision, vwap double precision, trade_count bigint, source_timeframe text, source_candles int,
	expected_candles int, quality_score int
)
LANGUAGE sql STABLE AS $$
	SELECT b.canonical_symbol, '5m', p_start,
		(array_agg(b.open ORDER BY b.ts_utc))[1], max(b.high), min(b.low), (array_agg(b.close ORDER BY b.ts_utc DESC))[1],
		sum(b.vol),
		sum(b.vwap * b.vol) FILTER (WHERE b.vol > 0 AND b.vwap IS NOT NULL) / sum(b.vol) FILTER (WHERE b.vol > 0 AND b.vwap IS NOT NULL),
		sum(b.trade_count)::bigint, '1m', count(*)::int, 5, CASE count(*) WHEN 5 THEN 2 WHEN 4 THEN 1 ELSE 0 END
	FROM bench.to_come b
	WHERE b.ts_utc >= p_start AND b.ts_utc < p_start + interval '5 minutes'
	GROUP BY b.canonical_symbol
	HAVING count(*) >= 3
$$;

-- How many bars of a baseline differ from ours, either way. The sums are compared with a tolerance: the order of addition is not the same.
CREATE FUNCTION bench.differing_bars(p_table regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	v_count bigint;
BEGIN
	EXECUTE format(
		'SELECT count(*) FROM (SELECT * FROM public.derived_data_bars WHERE deleted_at IS NULL) a '
		'FULL JOIN (SELECT * FROM %s WHERE deleted_at IS NULL) b USING (canonical_symbol, timeframe, ts_utc) '
		'WHERE (a.open, a.high, a.low, a.close, a.trade_count, a.source_candles, a.quality_score) IS DISTINCT FROM '
		'(b.open, b.high, b.low, b.close, b.trade_count, b.source_candles, b.quality_score) '
		'OR coalesce(abs(a.vwap - b.vwap) > 1e-12 * abs(a.vwap), a.vwap IS DISTINCT FROM b.vwap) '
		'OR coalesce(abs(a.vol - b.vol) > 1e-12 * abs(a.vol), a.vol IS DISTINCT FROM b.vol)', p_table) INTO v_count;
	RETURN v_count;
END;
$$;
