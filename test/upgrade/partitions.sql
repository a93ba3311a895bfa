-- Bars in tables that are partitioned by time, as an operator makes them before agg_setup().
CREATE TABLE data_bars (canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL, provider_ticker text,
	open double precision, high double precision, low double precision, close double precision, vol double precision, vwap double precision,
	trade_count bigint, is_partial boolean NOT NULL DEFAULT false, source text NOT NULL DEFAULT 'ingest', ingested_at timestamptz DEFAULT now(),
	raw jsonb DEFAULT '{}', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
	PRIMARY KEY (canonical_symbol, timeframe, ts_utc)) PARTITION BY RANGE (ts_utc);
CREATE TABLE data_bars_1 PARTITION OF data_bars FOR VALUES FROM ('2025-06-01') TO ('2025-07-02');
CREATE TABLE derived_data_bars (LIKE data_bars INCLUDING DEFAULTS, source_timeframe text, source_candles int, expected_candles int, quality_score int,
	derivation_version int DEFAULT 1, deleted_at timestamptz) PARTITION BY RANGE (ts_utc);
CREATE TABLE derived_data_bars_1 PARTITION OF derived_data_bars DEFAULT;
