-- Two statements for all tasks at once: an upsert from a join of the due tasks with their minutes, and an update of the tasks.
\ir this_round.sql
VACUUM ANALYZE set_based.data_agg_state, set_based.derived_data_bars;
SET jit = off;
CHECKPOINT;
\ir ../timer_start.sql
BEGIN;
INSERT INTO set_based.derived_data_bars AS d (
	canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, source, raw,
	source_timeframe, source_candles, expected_candles, quality_score, derivation_version
)
SELECT * FROM bench.due_bars_5m(:'now')
ON CONFLICT (canonical_symbol, timeframe, ts_utc) WHERE deleted_at IS NULL DO UPDATE SET
	open = EXCLUDED.open, high = EXCLUDED.high, low = EXCLUDED.low, close = EXCLUDED.close,
	vol = EXCLUDED.vol, vwap = EXCLUDED.vwap, trade_count = EXCLUDED.trade_count, raw = EXCLUDED.raw,
	source_timeframe = EXCLUDED.source_timeframe, source_candles = EXCLUDED.source_candles,
	expected_candles = EXCLUDED.expected_candles, quality_score = EXCLUDED.quality_score,
	derivation_version = EXCLUDED.derivation_version, updated_at = now();
UPDATE set_based.data_agg_state SET
	status = 'idle', running_started_at_utc = NULL, hard_fail_streak = 0, last_error = NULL,
	last_successful_at_utc = :'now', last_attempted_at_utc = :'now',
	last_agg_bar_ts_utc = last_agg_bar_ts_utc + interval '5 minutes', next_run_at = :'now'::timestamptz + interval '299 seconds',
	total_runs = total_runs + 1, total_bars_created = total_bars_created + 1, updated_at = now()
WHERE timeframe = '5m' AND status = 'idle' AND enabled AND next_run_at <= :'now';
COMMIT;
\ir ../timer_stop.sql
