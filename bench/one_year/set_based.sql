-- One INSERT ... SELECT ... GROUP BY ... ON CONFLICT. Compiling expressions to machine code costs more here than it saves, so this baseline
-- goes without.
TRUNCATE set_based.derived_data_bars;
SET jit = off;
CHECKPOINT;
\ir ../timer_start.sql
INSERT INTO set_based.derived_data_bars AS d (
	canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, source, raw,
	source_timeframe, source_candles, expected_candles, quality_score, derivation_version
)
SELECT * FROM bench.bars_5m('BENCH')
ON CONFLICT (canonical_symbol, timeframe, ts_utc) WHERE deleted_at IS NULL DO UPDATE SET
	open = EXCLUDED.open, high = EXCLUDED.high, low = EXCLUDED.low, close = EXCLUDED.close,
	vol = EXCLUDED.vol, vwap = EXCLUDED.vwap, trade_count = EXCLUDED.trade_count, raw = EXCLUDED.raw,
	source_timeframe = EXCLUDED.source_timeframe, source_candles = EXCLUDED.source_candles,
	expected_candles = EXCLUDED.expected_candles, quality_score = EXCLUDED.quality_score,
	derivation_version = EXCLUDED.derivation_version, updated_at = now();
\ir ../timer_stop.sql
