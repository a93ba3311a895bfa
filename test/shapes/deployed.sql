-- The database of the system that this extension takes over, as it stands before agg_setup() has seen it: serial keys, foreign keys to a
-- registry without metadata, hardly a default, counts of trades as integer, columns in another order. `-v partitioned=1`: both tables of
-- bars partitioned by month, with a default partition for the rest of time.
\if :{?partitioned}
	\set by_month 'PARTITION BY RANGE (ts_utc)'
	\set key '(id, ts_utc)'
\else
	\set by_month ''
	\set key '(id)'
\endif

CREATE TABLE core_asset_registry_all (
	canonical_symbol text PRIMARY KEY,
	provider_ticker text, asset_class text, source text, endpoint_key text, query_params jsonb,
	active boolean, notes text, test_active boolean,
	ingest_class text, base_timeframe text, is_sparse boolean, is_contract boolean, contract_root text, contract_expiry_utc timestamptz,
	expected_update_seconds integer, calc_15m boolean, calc_4h boolean, calc_1d boolean,
	created_at timestamptz, updated_at timestamptz
);

CREATE TABLE data_bars (
	id bigserial,
	canonical_symbol text NOT NULL,
	provider_ticker text,
	timeframe text NOT NULL,
	ts_utc timestamptz NOT NULL,
	open double precision, high double precision, low double precision, close double precision, vol double precision, vwap double precision,
	trade_count integer,
	is_partial boolean NOT NULL,
	source text NOT NULL,
	ingested_at timestamptz NOT NULL,
	raw jsonb NOT NULL,
	CONSTRAINT bars_pkey PRIMARY KEY :key,
	CONSTRAINT data_bars_symbol_tf_ts_unique UNIQUE (canonical_symbol, timeframe, ts_utc),
	CONSTRAINT bars_canonical_symbol_fkey FOREIGN KEY (canonical_symbol) REFERENCES core_asset_registry_all (canonical_symbol),
	CONSTRAINT bars_provider_ticker_required_chk CHECK (source <> 'massive_api' OR provider_ticker IS NOT NULL),
	CONSTRAINT bars_timeframe_check CHECK (timeframe IN ('1m', '5m', '1h', '4h', '1d', '1w'))
) :by_month;

CREATE TABLE derived_data_bars (
	id bigserial,
	canonical_symbol text NOT NULL,
	timeframe text NOT NULL,
	ts_utc timestamptz NOT NULL,
	open double precision NOT NULL, high double precision NOT NULL, low double precision NOT NULL, close double precision NOT NULL,
	vol double precision, vwap double precision,
	trade_count integer,
	is_partial boolean NOT NULL,
	source text NOT NULL,
	ingested_at timestamptz NOT NULL,
	source_timeframe text, source_candles integer, expected_candles integer, quality_score integer, derivation_version integer,
	deleted_at timestamptz,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	raw jsonb NOT NULL,
	PRIMARY KEY :key,
	CONSTRAINT derived_canonical_symbol_fkey FOREIGN KEY (canonical_symbol) REFERENCES core_asset_registry_all (canonical_symbol)
) :by_month;
CREATE UNIQUE INDEX derived_unique_symbol_tf_ts ON derived_data_bars (canonical_symbol, timeframe, ts_utc) WHERE deleted_at IS NULL;

CREATE TABLE data_agg_state (
	canonical_symbol text NOT NULL,
	timeframe text NOT NULL,
	run_interval_minutes integer,
	aggregation_delay_seconds integer,
	source_timeframe text,
	is_mandatory boolean NOT NULL DEFAULT false,
	last_agg_bar_ts_utc timestamptz, last_attempted_at_utc timestamptz, last_successful_at_utc timestamptz,
	last_error text,
	status text NOT NULL DEFAULT 'idle',
	hard_fail_streak integer NOT NULL DEFAULT 0,
	total_runs bigint NOT NULL DEFAULT 0, total_bars_created bigint NOT NULL DEFAULT 0, total_bars_quality_poor bigint NOT NULL DEFAULT 0,
	next_run_at timestamptz, running_started_at_utc timestamptz,
	updated_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (canonical_symbol, timeframe)
);

\if :{?partitioned}
	CREATE TABLE data_bars_2025_06 PARTITION OF data_bars FOR VALUES FROM ('2025-06-01 00:00+00') TO ('2025-07-01 00:00+00');
	CREATE TABLE data_bars_2025_07 PARTITION OF data_bars FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-08-01 00:00+00');
	CREATE TABLE data_bars_2025_08 PARTITION OF data_bars FOR VALUES FROM ('2025-08-01 00:00+00') TO ('2025-09-01 00:00+00');
	CREATE TABLE data_bars_at_any_time PARTITION OF data_bars DEFAULT;
	CREATE TABLE derived_2025_07_a PARTITION OF derived_data_bars FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-07-10 00:00+00');
	CREATE TABLE derived_2025_07_b PARTITION OF derived_data_bars FOR VALUES FROM ('2025-07-10 00:00+00') TO ('2025-08-01 00:00+00');
	CREATE TABLE derived_at_any_time PARTITION OF derived_data_bars DEFAULT;
\endif

-- That system's feed names every column; the tests name only those that they are about. For rows without a source, this adds the others:
-- the columns that must be there, and an asset for the symbol. What the extension writes names its source, and gets nothing from here.
CREATE FUNCTION complete_as_the_feed_would() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	INSERT INTO core_asset_registry_all (canonical_symbol) SELECT NEW.canonical_symbol WHERE NEW.canonical_symbol IS NOT NULL ON CONFLICT DO NOTHING;
	NEW.source := 'ingest';
	NEW.is_partial := coalesce(NEW.is_partial, false);
	NEW.ingested_at := coalesce(NEW.ingested_at, now());
	NEW.raw := coalesce(NEW.raw, '{}');
	RETURN NEW;
END
$$;
CREATE TRIGGER the_rest_of_the_feed BEFORE INSERT ON data_bars FOR EACH ROW WHEN (NEW.source IS NULL) EXECUTE FUNCTION complete_as_the_feed_would();
ALTER TABLE data_bars ENABLE ALWAYS TRIGGER the_rest_of_the_feed;
CREATE FUNCTION activate_as_its_operator_would() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.active := coalesce(NEW.active, true);
	NEW.test_active := coalesce(NEW.test_active, false);
	RETURN NEW;
END
$$;
CREATE TRIGGER active_if_not_told_otherwise BEFORE INSERT ON core_asset_registry_all FOR EACH ROW EXECUTE FUNCTION activate_as_its_operator_would();
