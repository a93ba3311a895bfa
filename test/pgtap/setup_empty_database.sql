-- agg_setup on an empty database: says first what it would do, does it, and has nothing to do the second time.
\ir include/tap.psql
\ir include/refusals.psql
SELECT no_plan();

CREATE TABLE planned AS SELECT * FROM agg_setup(dry_run => true);
SELECT cmp_ok(count(*), '>=', 5::bigint, 'a dry run lists what it would do') FROM planned;
SELECT is_empty($$SELECT * FROM planned WHERE action NOT IN ('would create', 'would add', 'would replace')$$, 'in words that say so');
SELECT hasnt_table(t) FROM unnest(ARRAY['data_bars', 'derived_data_bars', 'data_agg_state', 'core_asset_registry_all', 'ops_runlog']::name[]) AS t;
CREATE TABLE done AS SELECT * FROM agg_setup();
SELECT set_eq('SELECT object, replace(replace(replace(action, ''would create'', ''created''), ''would add'', ''added''), ''would replace'', ''replaced'') FROM planned',
	'SELECT object, action FROM done', 'the run does what the dry run said');
SELECT is_empty('SELECT * FROM agg_setup()', 'the second run has nothing to do');
SELECT is_empty('SELECT * FROM agg_setup(true)', 'nor has a dry run');
SELECT has_table(t) FROM unnest(ARRAY['data_bars', 'derived_data_bars', 'data_agg_state', 'core_asset_registry_all', 'ops_runlog']::name[]) AS t;
SELECT is_empty($$SELECT objid::regclass FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_class'::regclass
	AND objid IN ('data_bars'::regclass, 'derived_data_bars'::regclass, 'data_agg_state'::regclass, 'core_asset_registry_all'::regclass, 'ops_runlog'::regclass)$$,
	'the tables are not members of the extension');

-- Columns and their types.
CREATE TABLE expected_columns (relation text, name text, type text);
INSERT INTO expected_columns
SELECT r, split_part(c, ' ', 1), substr(c, 1 + position(' ' IN c)) FROM (VALUES
	('core_asset_registry_all', ARRAY['canonical_symbol text', 'asset_class text', 'description text', 'active boolean', 'test_active boolean', 'metadata jsonb',
		'created_at timestamp with time zone', 'updated_at timestamp with time zone']),
	('data_bars', ARRAY['canonical_symbol text', 'timeframe text', 'ts_utc timestamp with time zone', 'provider_ticker text', 'open double precision', 'high double precision',
		'low double precision', 'close double precision', 'vol double precision', 'vwap double precision', 'trade_count bigint', 'is_partial boolean', 'source text',
		'ingested_at timestamp with time zone', 'raw jsonb', 'created_at timestamp with time zone', 'updated_at timestamp with time zone']),
	('derived_data_bars', ARRAY['canonical_symbol text', 'timeframe text', 'ts_utc timestamp with time zone', 'open double precision', 'high double precision',
		'low double precision', 'close double precision', 'vol double precision', 'vwap double precision', 'trade_count bigint', 'is_partial boolean', 'source text',
		'ingested_at timestamp with time zone', 'raw jsonb', 'created_at timestamp with time zone', 'updated_at timestamp with time zone', 'source_timeframe text',
		'source_candles integer', 'expected_candles integer', 'quality_score integer', 'derivation_version integer', 'deleted_at timestamp with time zone', 'revision integer']),
	('data_agg_state', ARRAY['canonical_symbol text', 'timeframe text', 'source_timeframe text', 'run_interval_minutes integer', 'aggregation_delay_seconds integer',
		'last_agg_bar_ts_utc timestamp with time zone', 'status text', 'next_run_at timestamp with time zone', 'running_started_at_utc timestamp with time zone',
		'is_mandatory boolean', 'hard_fail_streak integer', 'total_runs bigint', 'total_bars_created bigint', 'total_bars_quality_poor bigint',
		'last_successful_at_utc timestamp with time zone', 'last_attempted_at_utc timestamp with time zone', 'last_error text', 'updated_at timestamp with time zone',
		'agg_start_utc timestamp with time zone', 'enabled boolean', 'task_priority integer', 'claim_token uuid']),
	('ops_runlog', ARRAY['run_id uuid', 'job_name text', 'trigger text', 'env_name text', 'started_at timestamp with time zone', 'finished_at timestamp with time zone',
		'status text', 'checkpoints jsonb', 'events jsonb', 'stats jsonb', 'created_at timestamp with time zone'])) AS t (r, columns), unnest(columns) AS c;
SELECT is((SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a WHERE a.attrelid = e.relation::regclass AND a.attname = e.name AND NOT a.attisdropped), e.type,
	e.relation || '.' || e.name) FROM expected_columns AS e ORDER BY e.relation, e.name;

-- A plain INSERT may leave out everything but the key (and the prices of a derived bar).
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('A');
SELECT is(to_jsonb(r) - ARRAY['created_at', 'updated_at', 'asset_class', 'description'], '{"canonical_symbol": "A", "active": true, "test_active": false, "metadata": {}}', 'an asset''s defaults')
FROM core_asset_registry_all AS r;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc) VALUES ('A', '1m', '2025-07-01 00:00+00');
SELECT is(jsonb_build_object('is_partial', is_partial, 'source', source, 'raw', raw), '{"is_partial": false, "source": "ingest", "raw": {}}', 'a minute''s defaults') FROM data_bars;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '5m', '2025-07-01 00:00+00', 1, 1, 1, 1);
SELECT is(jsonb_build_object('source', source, 'derivation_version', derivation_version, 'deleted_at', deleted_at, 'revision', revision), '{"source": "agg", "derivation_version": 1, "deleted_at": null, "revision": 1}', 'a derived bar''s defaults')
FROM derived_data_bars;
INSERT INTO data_agg_state (canonical_symbol, timeframe) VALUES ('A', '5m');
SELECT is(jsonb_build_object('start', agg_start_utc = '2025-07-01 00:00+00', 'enabled', enabled, 'priority', task_priority, 'status', status, 'mandatory', is_mandatory, 'streak', hard_fail_streak,
	'runs', total_runs, 'bars', total_bars_created, 'poor', total_bars_quality_poor), '{"start": true, "enabled": true, "priority": 100, "status": "idle", "mandatory": false, "streak": 0, "runs": 0, "bars": 0, "poor": 0}',
	'a task''s defaults') FROM data_agg_state;

-- What the tables refuse.
SELECT throws_ok($$INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc) VALUES ('A', '1m', '2025-07-01 00:00+00')$$, '23505', NULL, 'a minute twice');
SELECT throws_ok($$INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '5m', '2025-07-01 00:00+00', 1, 1, 1, 1)$$, '23505', NULL, 'a live bar twice');
SELECT lives_ok($$INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, deleted_at) SELECT 'A', '5m', '2025-07-01 00:00+00', 1, 1, 1, 1, now() FROM generate_series(1, 2)$$, 'but deleted ones beside it');
SELECT throws_ok($$INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low) VALUES ('A', '5m', '2025-07-02 00:00+00', 1, 1, 1)$$, '23502', NULL, 'a derived bar without a close');
SELECT throws_ok($$INSERT INTO data_agg_state (canonical_symbol, timeframe) VALUES ('A', '5m')$$, '23505', NULL, 'a task twice');
SELECT throws_ok($$INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, source) VALUES ('A', '1m', '2025-07-01 00:01+00', 'agg')$$, '23514', NULL, 'an unknown source');
SELECT lives_ok(format($$INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, source) VALUES ('B', '1m', '2025-07-01 00:01+00'::timestamptz + interval '1 min' * %s, %L)$$, length(s), s), 'source ' || s)
FROM unnest(ARRAY['massive_api', 'ingest', 'synthetic']) AS s;

-- Indexes: only what the hot path needs.
SELECT is(count(*), 1::bigint, 'one btree on ' || t || ' that live bars pay for') FROM unnest(ARRAY['data_bars', 'derived_data_bars']) AS t JOIN pg_indexes AS i ON i.tablename = t WHERE i.indexdef !~ 'deleted_at IS NOT NULL|USING brin' GROUP BY t ORDER BY t;
SELECT is((SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%USING brin (ts_utc)%'), 1::bigint, 'and an index by time on the minutes, which costs them nothing');
SELECT ok(EXISTS (SELECT FROM pg_indexes WHERE tablename = 'data_agg_state' AND indexname = 'idx_agg_state_due_priority'), 'the priority index is there under its name');

SELECT * FROM finish();
