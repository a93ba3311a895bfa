-- Data that begins before its tasks do: told wherever one looks, with what mends it for good; and a start with the first bar.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION asset(symbol text, agg jsonb) RETURNS void LANGUAGE sql AS $$
	INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES (symbol, jsonb_build_object('agg', agg))
	ON CONFLICT (canonical_symbol) DO UPDATE SET metadata = EXCLUDED.metadata
$$;
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-09-01 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
CREATE FUNCTION start(symbol text, tf text) RETURNS timestamptz LANGUAGE sql AS $$ SELECT agg_start_utc FROM data_agg_state WHERE canonical_symbol = symbol AND timeframe = tf $$;

SELECT asset('OLD', '{}'), asset('NEW', '{}') \g /dev/null
SELECT world.minutes('OLD', '2023-06-01 10:03+00', 600);
SELECT world.minutes('NEW', '2025-07-01 00:00+00', 60);
CREATE TABLE answer AS SELECT sync_agg_state_from_registry() AS said;
SELECT is(said -> 'data_before_start', '[{"canonical_symbol": "OLD", "first_bar_utc": "2023-06-01T10:03:00+00:00", "agg_start_utc": "2025-07-01T00:00:00+00:00"}]', 'the sync says it') FROM answer;
SELECT ok(said ->> 'data_before_start_hint' LIKE '%"start_utc": "first_bar"%', 'and what to do') FROM answer;
SELECT run();
SELECT is(count(*), 0::bigint, 'no bar is made') FROM derived_data_bars WHERE canonical_symbol = 'OLD';
SELECT results_eq($$SELECT canonical_symbol, cursor_status, source_before_start FROM v_aggregation_frontier_health WHERE timeframe = '5m' ORDER BY 1$$, $$VALUES ('NEW', 'OK', false), ('OLD', 'BEFORE_START', true)$$, 'the health view says why');
SELECT ok(state = 'before_start' AND explanation LIKE '%first_bar%metadata.agg of OLD%agg_set_start() lasts only until the next sync', 'so does agg_why()') FROM agg_why('OLD', '5m', '2023-06-01 12:00+00');

-- agg_set_start() says how long it lasts.
SELECT ok(agg_set_start('OLD', '5m', '2023-06-01') ->> 'note' LIKE 'the next sync_agg_state_from_registry() sets the start%', 'a start by hand');
SELECT is(sync_agg_state_from_registry() ->> 'tasks_updated', '1', 'the next sync undoes it');

-- A start with the first bar: each task's window of it.
SELECT asset('OLD', '{"start_utc": "first_bar", "optional": ["1d", "1w"]}') \g /dev/null
SELECT is(sync_agg_state_from_registry() -> 'data_before_start', '[]', 'nothing lies before it');
SELECT results_eq($$SELECT timeframe, start('OLD', timeframe) FROM data_agg_state WHERE canonical_symbol = 'OLD' ORDER BY run_interval_minutes$$,
	$$VALUES ('5m', '2023-06-01 10:00+00'::timestamptz), ('1h', '2023-06-01 10:00+00'), ('1d', '2023-06-01'), ('1w', '2023-05-29')$$, 'the window of the first bar, in each timeframe');
SELECT run();
SELECT results_eq($$SELECT timeframe, count(*), min(ts_utc) FROM derived_data_bars WHERE canonical_symbol = 'OLD' AND deleted_at IS NULL GROUP BY 1 ORDER BY 1$$, $$VALUES ('1h', 10::bigint, '2023-06-01 10:00+00'::timestamptz), ('5m', 120, '2023-06-01 10:05+00')$$, 'everything is made');
SELECT is_empty($$SELECT * FROM agg_verify('OLD') WHERE explanation IS NULL$$, 'and proved');
CREATE TABLE before AS SELECT probe.fingerprint() AS digest;
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT is(probe.fingerprint(), digest, 'a second sync writes no row') FROM before;

-- Older bars put it back; bars that go do not put it forward: retention's windows stay as they are.
SELECT world.minutes('OLD', '2022-01-03 00:00+00', 60);
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT is(start('OLD', '1h'), '2022-01-03 00:00+00', 'an older first bar');
SELECT run();
SELECT is(count(*), 1::bigint, 'and its hour') FROM derived_data_bars WHERE canonical_symbol = 'OLD' AND timeframe = '1h' AND ts_utc = '2022-01-03';
SELECT agg_retire_source('2023-01-01', 'OLD') \g /dev/null
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT is(start('OLD', '1h'), '2022-01-03 00:00+00', 'source that is retired moves no start');

-- Without a bar the start is the default, until there is one; of the index it is the first minute that can be computed.
SELECT asset('EMPTY', '{"start_utc": "first_bar"}'), asset('DXY', '{"start_utc": "first_bar"}') \g /dev/null
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT is(start('EMPTY', '5m'), '2025-07-01 00:00+00', 'no bar yet');
SELECT is(start('DXY', '5m'), '2025-07-01 00:00+00', 'no pair yet');
SELECT world.minutes(s, '2024-02-05 08:17+00', 60, 1) FROM unnest(ARRAY['EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF']) AS s;
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT is(start('DXY', '1h'), '2024-02-05 08:00+00', 'the first minute of all six');

-- What the metadata says and nobody reads; symbols that nobody would find.
SELECT asset('KEYS', '{"opt": ["15m"], "Priority": 3, "mandatory": ["5m"]}'), asset('', '{}'), asset(' BLANK', '{}'), asset('BLANK ', '{}') \g /dev/null
CREATE TABLE said AS SELECT sync_agg_state_from_registry() AS answer;
SELECT is(answer -> 'unknown_keys', '[{"canonical_symbol": "KEYS", "keys": "Priority, opt"}]', 'unknown keys are reported') FROM said;
BEGIN;
DELETE FROM core_asset_registry_all;
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('CASE', '{"Agg": {"priority": 1}, "mine": 1}'), ('BESIDE', '{"start_utc": "first_bar", "Enabled": false}'),
	('BOTH', '{"priority": "mine", "agg": {"priority": 1}}'), ('LIST', '[]');
SELECT is(sync_agg_state_from_registry() -> 'unknown_keys', '[{"canonical_symbol": "BESIDE", "keys": "metadata.Enabled (belongs into metadata.agg), metadata.start_utc (belongs into metadata.agg)"},
	{"canonical_symbol": "CASE", "keys": "metadata.Agg (is spelt agg)"}]', 'keys beside agg that belong into it');
SELECT is((SELECT unknown_keys -> 0 ->> 'canonical_symbol' FROM agg_registry_sync WHERE env_name = 'prod'), 'BESIDE', 'and are kept for those who sync by the runner');
ROLLBACK;
SELECT is(start('KEYS', '5m') IS NOT NULL, true, 'and its tasks are made all the same');
SELECT results_eq($$SELECT s ->> 'canonical_symbol', s ->> 'error' FROM said, jsonb_array_elements(answer -> 'assets_skipped') AS s ORDER BY (s ->> 'canonical_symbol') COLLATE "C"$$,
	$$VALUES ('', 'canonical_symbol is empty'), (' BLANK', 'canonical_symbol " BLANK" has blanks around it'), ('BLANK ', 'canonical_symbol "BLANK " has blanks around it')$$, 'symbols with blanks around them, and the empty one');
SELECT is(count(*), 0::bigint, 'get no tasks') FROM data_agg_state WHERE canonical_symbol IN ('', ' BLANK', 'BLANK ');
SELECT * FROM finish();
