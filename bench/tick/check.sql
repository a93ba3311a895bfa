-- Every contender must have made the same bars.
\ir this_round.sql
INSERT INTO bench.fact VALUES
	('tick', 'bars made so far', :round, (SELECT count(*) FROM public.derived_data_bars)),
	('tick', 'copied bars that differ from ours', :round, bench.differing_bars('floor.derived_data_bars'));
SELECT to_regclass('timescale.data_bars') IS NOT NULL AS timescale \gset
\if :timescale
	CREATE TEMP TABLE theirs AS
	SELECT canonical_symbol, '5m' AS timeframe, bucket AS ts_utc, open, high, low, close, vol, vwap, trade_count, source_candles, 2 AS quality_score,
		NULL::timestamptz AS deleted_at
	FROM timescale.bars_5m_best
	UNION ALL
	SELECT canonical_symbol, '5m', bucket, open, high, low, close, vol, vwap, trade_count, source_candles, 2, NULL
	FROM timescale.bars_5m_default;
	INSERT INTO bench.fact VALUES
		('tick', 'TimescaleDB bars, of two aggregates, that differ from ours', :round, bench.differing_bars('theirs')),
		('tick', 'TimescaleDB bars made so far, of two aggregates', :round, (SELECT count(*) FROM theirs));
\endif
