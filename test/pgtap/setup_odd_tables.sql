-- agg_setup and odd tables: what it cannot mend it names and leaves alone; other column orders, foreign columns and partitions are no matter.
\ir include/tap.psql
\ir include/refusals.psql
SELECT no_plan();

-- Duplicate keys.
CREATE TABLE data_bars (canonical_symbol text, timeframe text, ts_utc timestamptz, open double precision, close double precision);
INSERT INTO data_bars VALUES ('TWICE', '1m', '2025-07-01 00:00+00', 1, 1), ('TWICE', '1m', '2025-07-01 00:00+00', 2, 2), ('ONCE', '1m', '2025-07-01 00:00+00', 3, 3);
CREATE TABLE derived_data_bars (canonical_symbol text, timeframe text, ts_utc timestamptz, open double precision, high double precision, low double precision, close double precision, deleted_at timestamptz);
INSERT INTO derived_data_bars SELECT 'LIVETWICE', '5m', '2025-07-01 00:00+00', i, i, i, i FROM generate_series(1, 2) AS i;
SELECT cmp_ok(count(*), '>=', 2::bigint, 'a dry run already names what it cannot mend') FROM agg_setup(true) WHERE action = 'cannot mend';
CREATE TABLE done AS SELECT * FROM agg_setup();
SELECT ok(EXISTS (SELECT FROM done WHERE action = 'cannot mend' AND object LIKE '%data_bars%' AND detail LIKE '%TWICE%'), 'duplicates are named with their symbol');
SELECT ok(EXISTS (SELECT FROM done WHERE action = 'cannot mend' AND object LIKE '%derived_data_bars%' AND detail LIKE '%LIVETWICE%'), 'in derived bars too');
SELECT results_eq('SELECT canonical_symbol, open FROM data_bars ORDER BY open', $$VALUES ('TWICE', 1::float8), ('TWICE', 2), ('ONCE', 3)$$, 'and left alone');
SELECT has_column('data_bars', c, 'the rest is mended: ' || c) FROM unnest(ARRAY['high', 'low', 'vol', 'vwap', 'trade_count', 'source', 'raw', 'updated_at']::name[]) AS c;
SELECT has_table('data_agg_state');
SELECT is_empty($$SELECT * FROM agg_setup() WHERE action <> 'cannot mend'$$, 'a second run only names it again');
DELETE FROM data_bars WHERE open = 2;
DELETE FROM derived_data_bars WHERE open = 2;
SELECT is_empty($$SELECT * FROM agg_setup() WHERE action = 'cannot mend'$$, 'once the duplicates are gone, it is mended');
SELECT is_empty('SELECT * FROM agg_setup()', 'for good');
DROP TABLE IF EXISTS data_bars, derived_data_bars, data_agg_state, core_asset_registry_all, ops_runlog, done CASCADE;

-- A column of another type.
CREATE TABLE data_agg_state (canonical_symbol text, timeframe text, enabled text DEFAULT 'yes', PRIMARY KEY (canonical_symbol, timeframe));
SELECT ok(EXISTS (SELECT FROM agg_setup() WHERE action = 'cannot mend' AND object LIKE '%data_agg_state%' AND object || detail LIKE '%enabled%'), 'a column of another type is named');
SELECT col_type_is('data_agg_state', 'enabled'::name, 'text', 'and left alone');
DROP TABLE IF EXISTS data_bars, derived_data_bars, data_agg_state, core_asset_registry_all, ops_runlog, done CASCADE;

-- A view where a table should be.
CREATE VIEW data_bars AS SELECT 1 AS one;
SELECT ok(EXISTS (SELECT FROM agg_setup() WHERE action = 'cannot mend' AND object LIKE '%data_bars%'), 'a view in a table''s place is named');
DROP VIEW data_bars;
DROP TABLE IF EXISTS data_bars, derived_data_bars, data_agg_state, core_asset_registry_all, ops_runlog, done CASCADE;

-- Other orders, foreign columns, dropped columns, partitions by month; a whole chain over a partition boundary.
CREATE TABLE data_bars (
	desk text NOT NULL DEFAULT 'london', close double precision, low double precision, gone int, high double precision, open double precision, trade_count bigint, vwap double precision, vol double precision,
	ts_utc timestamptz NOT NULL, timeframe text NOT NULL, canonical_symbol text NOT NULL, source text DEFAULT 'ingest', "open " int
) PARTITION BY RANGE (ts_utc);
ALTER TABLE data_bars DROP COLUMN gone;
CREATE TABLE data_bars_2025_07 PARTITION OF data_bars FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-08-01 00:00+00');
CREATE TABLE data_bars_2025_08 (canonical_symbol text NOT NULL, "open " int, timeframe text NOT NULL, extra int, open double precision, high double precision, low double precision, close double precision,
	vol double precision, vwap double precision, trade_count bigint, ts_utc timestamptz NOT NULL, desk text NOT NULL DEFAULT 'paris', source text);
ALTER TABLE data_bars_2025_08 DROP COLUMN extra;
ALTER TABLE data_bars ATTACH PARTITION data_bars_2025_08 FOR VALUES FROM ('2025-08-01 00:00+00') TO ('2025-09-01 00:00+00');
CREATE TABLE derived_data_bars (
	deleted_at timestamptz, close double precision NOT NULL, low double precision NOT NULL, high double precision NOT NULL, open double precision NOT NULL,
	ts_utc timestamptz NOT NULL, timeframe text NOT NULL, canonical_symbol text NOT NULL, reviewed boolean NOT NULL DEFAULT false
) PARTITION BY RANGE (ts_utc);
CREATE TABLE derived_2025_07 PARTITION OF derived_data_bars FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-08-01 00:00+00');
CREATE TABLE derived_2025_08 PARTITION OF derived_data_bars FOR VALUES FROM ('2025-08-01 00:00+00') TO ('2025-08-02 00:00+00');
SELECT is_empty($$SELECT * FROM agg_setup() WHERE action = 'cannot mend'$$, 'partitioned tables of another shape can be mended');
SELECT is_empty('SELECT * FROM agg_setup()', 'and then are complete');
\ir include/market.psql
SELECT world.task('EURUSD', tf, '2025-07-31 00:00+00') FROM unnest(ARRAY['5m', '1h', '1d']) AS tf;
SELECT world.minutes('EURUSD', '2025-07-31 00:00+00', 2 * 1440);
SELECT is((SELECT sum(bars_created) FROM agg_aggregate_tasks(ARRAY['EURUSD', 'EURUSD', 'EURUSD'], ARRAY['5m', '1h', '1d'], 100000, '2025-08-03')), (576 + 48 + 2)::numeric, 'a chain over the boundary of two partitions');
SELECT results_eq($$SELECT tableoid::regclass::text, count(*) FROM derived_data_bars GROUP BY 1 ORDER BY 1$$, $$VALUES ('derived_2025_07', 313::bigint), ('derived_2025_08', 313)$$, 'each bar in its partition');
SELECT results_eq($$SELECT open, high, low, close, vol, source_candles FROM derived_data_bars WHERE timeframe = '1d' ORDER BY ts_utc$$,
	$$VALUES (100::float8, 1540::float8, 99::float8, 1539.5::float8, 14400::float8, 24), (1540, 2980, 1539, 2979.5, 14400, 24)$$, 'with every value in its own column');
SELECT is_empty('SELECT FROM derived_data_bars WHERE reviewed', 'and foreign columns at their default');
SELECT is((SELECT sum(bars_unchanged)::int FROM (SELECT (catchup_aggregation_range('EURUSD', tf, '2025-07-31 00:00+00', 100000, '2025-08-03') ->> 'bars_unchanged')::int AS bars_unchanged FROM unnest(ARRAY['5m', '1h', '1d']) AS tf) AS x),
	(576 + 48 + 2), 'a re-run finds them all unchanged');
UPDATE data_bars SET close = 5, vol = 7 WHERE ts_utc IN ('2025-07-31 23:59+00', '2025-08-01 00:00+00');
SELECT is((SELECT sum(bars_updated)::int FROM (SELECT (catchup_aggregation_range('EURUSD', tf, '2025-07-31 00:00+00', 100000, '2025-08-03') ->> 'bars_updated')::int AS bars_updated FROM unnest(ARRAY['5m', '1h', '1d']) AS tf) AS x),
	6, 'corrections are written in both partitions');
SELECT world.minutes('EURUSD', '2025-08-02 00:00+00', 5);
SELECT probe.refuses($$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-08-01 00:00+00', 1000, '2025-08-03')$$, '23514', '%no partition%', NULL, 'no partition for a bar: the call fails whole');
DROP TABLE IF EXISTS data_bars, derived_data_bars, data_agg_state, core_asset_registry_all, ops_runlog, done CASCADE;

SELECT * FROM finish();
