-- agg_setup on the tables that an older system has: a data_agg_state before its three new columns, a data_bars that lacks its unique index,
-- three columns and two of the allowed sources. It adds what is missing, keeps every row, and touches nothing else.
\ir include/tap.psql
\ir include/refusals.psql
SELECT no_plan();

CREATE TABLE data_agg_state (
	canonical_symbol text NOT NULL, timeframe text NOT NULL, source_timeframe text,
	run_interval_minutes integer, aggregation_delay_seconds integer,
	last_agg_bar_ts_utc timestamptz, status text DEFAULT 'idle', next_run_at timestamptz, running_started_at_utc timestamptz,
	is_mandatory boolean NOT NULL DEFAULT false, hard_fail_streak integer DEFAULT 0,
	total_runs bigint DEFAULT 0, total_bars_created bigint DEFAULT 0, total_bars_quality_poor bigint DEFAULT 0,
	last_successful_at_utc timestamptz, last_attempted_at_utc timestamptz, last_error text, updated_at timestamptz,
	PRIMARY KEY (canonical_symbol, timeframe)
);
CREATE INDEX idx_agg_state_priority ON data_agg_state (is_mandatory DESC, timeframe ASC); -- somebody's own: stays
CREATE TABLE data_bars (
	canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL, provider_ticker text,
	open double precision, high double precision, low double precision, close double precision, vol double precision, vwap double precision, trade_count bigint,
	is_partial boolean DEFAULT false, source text DEFAULT 'ingest' CONSTRAINT data_bars_source_check CHECK (source IN ('massive_api', 'ingest')), ingested_at timestamptz DEFAULT now()
);
CREATE TABLE derived_data_bars (
	canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL,
	open double precision NOT NULL, high double precision NOT NULL, low double precision NOT NULL, close double precision NOT NULL,
	vol double precision, vwap double precision, trade_count bigint, is_partial boolean DEFAULT false, source text, ingested_at timestamptz DEFAULT now(),
	source_timeframe text, source_candles int, expected_candles int, quality_score int, raw jsonb, created_at timestamptz, updated_at timestamptz, deleted_at timestamptz
);
CREATE TABLE core_asset_registry_all (canonical_symbol text PRIMARY KEY, asset_class text, description text, active boolean DEFAULT true, test_active boolean DEFAULT false,
	metadata jsonb DEFAULT '{}', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());

INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, run_interval_minutes, aggregation_delay_seconds, last_agg_bar_ts_utc, total_runs)
VALUES ('EURUSD', '5m', '1m', 5, 30, '2025-07-01 00:05+00', 41), ('EURUSD', '1h', '5m', 60, 30, '2025-07-01 00:00+00', 42);
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT 'EURUSD', '1m', '2025-07-01 00:00+00'::timestamptz + make_interval(mins => i), i, i + 1, i - 1, i, 1 FROM generate_series(0, 59) AS i;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EURUSD', '5m', '2025-07-01 00:00+00', 0, 5, -1, 4);

CREATE TABLE before AS SELECT probe.fingerprint() AS digest, (SELECT jsonb_agg(to_jsonb(t) ORDER BY ts_utc) FROM data_bars AS t) AS bars, (SELECT jsonb_agg(to_jsonb(t) ORDER BY timeframe) FROM data_agg_state AS t) AS tasks;
CREATE TABLE planned AS SELECT * FROM agg_setup(true);
SELECT is(probe.fingerprint(), digest, 'a dry run changes no row') FROM before;
SELECT is((SELECT count(*) FROM pg_attribute WHERE attrelid = 'data_agg_state'::regclass AND attname = 'enabled'), 0::bigint, 'and adds no column');
CREATE TABLE done AS SELECT * FROM agg_setup();
SELECT is_empty('SELECT * FROM agg_setup()', 'nothing is left to do');
SELECT is((SELECT count(*) FROM planned WHERE action <> 'offers'), (SELECT count(*) FROM done), 'the dry run named each step');
SELECT results_eq($$SELECT object, action FROM agg_setup(true)$$, $$VALUES ('index data_bars_time_idx', 'offers')$$, 'and offers an index that nobody needs');
SELECT is_empty($$SELECT * FROM done WHERE action NOT IN ('created', 'added', 'replaced')$$, 'all of it could be mended');
SELECT is_empty($$SELECT * FROM done WHERE coalesce(detail, '') = ''$$, 'with a word on each');

SELECT has_column('data_agg_state', c, 'added: ' || c) FROM unnest(ARRAY['agg_start_utc', 'enabled', 'task_priority', 'claim_token']::name[]) AS c;
SELECT is(jsonb_build_object('start', agg_start_utc = '2025-07-01 00:00+00', 'enabled', enabled, 'priority', task_priority), '{"start": true, "enabled": true, "priority": 100}', 'old tasks have the defaults: ' || timeframe)
FROM data_agg_state ORDER BY timeframe;
SELECT col_not_null('data_agg_state', c, c || ' is NOT NULL') FROM unnest(ARRAY['agg_start_utc', 'enabled', 'task_priority']::name[]) AS c;
SELECT has_column('data_bars', c, 'added: ' || c) FROM unnest(ARRAY['raw', 'created_at', 'updated_at']::name[]) AS c;
SELECT has_column('derived_data_bars', c, 'added: ' || c) FROM unnest(ARRAY['derivation_version', 'revision']::name[]) AS c;
SELECT set_eq('SELECT revision FROM derived_data_bars', ARRAY[1], 'what is stored counts as the first revision');
SELECT ok(EXISTS (SELECT FROM pg_indexes WHERE tablename = 'data_agg_state' AND indexname = 'idx_agg_state_due_priority'), 'the priority index is there');
SELECT ok(EXISTS (SELECT FROM pg_indexes WHERE tablename = 'data_agg_state' AND indexname = 'idx_agg_state_priority'), 'the older index is still there');
SELECT lives_ok($$INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, source) VALUES ('DXY', '1m', '2025-07-01 00:00+00', 'synthetic')$$, 'synthetic bars are allowed now');
SELECT throws_ok($$INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, source) VALUES ('DXY', '1m', '2025-07-01 00:01+00', 'guess')$$, '23514', NULL, 'others still not');
SELECT throws_ok($$INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc) VALUES ('EURUSD', '1m', '2025-07-01 00:00+00')$$, '23505', NULL, 'a minute twice is refused now');
SELECT ok((SELECT bool_and(now_there @> was) FROM (SELECT jsonb_array_elements(bars) AS was, jsonb_array_elements((SELECT jsonb_agg(to_jsonb(t) ORDER BY ts_utc) FROM data_bars AS t WHERE canonical_symbol = 'EURUSD')) AS now_there FROM before) AS x), 'every minute is as it was');
SELECT ok((SELECT bool_and(now_there @> was) FROM (SELECT jsonb_array_elements(tasks) AS was, jsonb_array_elements((SELECT jsonb_agg(to_jsonb(t) ORDER BY timeframe) FROM data_agg_state AS t)) AS now_there FROM before) AS x), 'every task is as it was');

-- And it works.
SELECT is(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', 100, '2025-07-02') ->> 'bars_created', '12', 'catch-up adopts the tables');
SELECT is(count(*), 12::bigint, 'the bar that was there is one of the twelve') FROM derived_data_bars WHERE deleted_at IS NULL;
SELECT is(sync_agg_state_from_registry() ->> 'success', 'true', 'so does the sync');
SELECT is((SELECT total_runs FROM data_agg_state WHERE timeframe = '5m'), 41::bigint, 'which keeps totals');

SELECT * FROM finish();
