-- Second half of the floor: COPY FROM of the finished bars into a table that has their columns and the one unique index and nothing else.
TRUNCATE floor.derived_data_bars;
SELECT format('COPY floor.derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, source, '
	'raw, source_timeframe, source_candles, expected_candles, quality_score, derivation_version) FROM %L',
	:'folder' || '/one_year.copy') AS copy \gset
CHECKPOINT;
\ir ../timer_start.sql
:copy;
\ir ../timer_stop.sql
