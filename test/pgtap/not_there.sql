-- What does not exist is an error that knows what there is instead, never a success, never silence.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();

-- Nothing at all: nothing is proved.
SELECT is_empty('SELECT * FROM agg_verify()', 'nothing to compare: no row');
SELECT is(agg_verify_sample(1) ->> 'tasks', '0', 'an audit of nothing');
SELECT is(audit_status, 'NOT_AUDITED', 'counts as none') FROM v_aggregation_truth;
SELECT probe.refuses($$SELECT * FROM agg_verify(NULL, '30m')$$, 'P0002', 'there is no task with bars to compare: all symbols/30m', '%', 'a timeframe that nobody has');
SELECT probe.refuses($$SELECT * FROM agg_verify('DXY', '1m')$$, 'P0002', '%DXY%', '%', 'minutes of the index that nobody reads');

SELECT world.task('EURUSD', tf) FROM unnest(ARRAY['5m', '1h']) AS tf;
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 60);
INSERT INTO core_asset_registry_all (canonical_symbol, active) VALUES ('GBPUSD', true), ('ASLEEP', false);
SELECT world.minutes('BARSONLY', '2025-07-01 00:00+00', 10);

-- Symbols that nobody knows, in every function that takes one without a timeframe.
SELECT probe.refuses(replace(call, '?', quote_literal('EURUDS')), 'P0002', 'symbol "EURUDS" does not exist', 'Did you mean "EURUSD"? %', call)
FROM unnest(ARRAY[$$SELECT * FROM agg_verify(?)$$, $$SELECT agg_mark_changed(?, '2025-07-01', '2025-07-02')$$, $$SELECT agg_seal_range(?, '2025-07-01', '2025-07-02')$$,
	$$SELECT agg_unseal_range(?, '2025-07-01', '2025-07-02')$$, $$SELECT agg_retire_source('2025-07-02', ?)$$, $$SELECT agg_reset_cursor(?)$$]) AS call;
SELECT probe.refuses($$SELECT agg_seal_range('eurusd', '2025-07-01', '2025-07-02')$$, 'P0002', 'symbol "eurusd" does not exist', 'Did you mean "EURUSD"? %', 'the case counts');
SELECT is(count(*), 0::bigint, 'nothing is sealed') FROM agg_sealed_ranges;
SELECT probe.answers(agg_mark_changed(s, '2025-07-01', '2025-07-02'), '{"success": true}', s || ' is known') FROM unnest(ARRAY['EURUSD', 'GBPUSD', 'BARSONLY']) AS s;
SELECT probe.refuses($$SELECT * FROM agg_verify('GBPUSD')$$, 'P0002', 'Missing agg config GBPUSD', 'Run sync_agg_state_from_registry()%', 'a symbol without a task is not proved');
SELECT probe.refuses($$SELECT * FROM agg_verify('EURUSD', '1m')$$, '22023', '%ingested%', '%', 'minutes are ingested');

-- Tasks that are not there: what is there instead.
SELECT probe.refuses(replace(call, '?', k.key), 'P0002', 'Missing agg config%', k.hint, call || ' of ' || k.key)
FROM (VALUES ($$'EURUDS', '5m'$$, 'Did you mean "EURUSD"?%sync_agg_state_from_registry()%'), ($$'eurusd', '5m'$$, 'Did you mean "EURUSD"?%'), ($$'GBPUSD', '5m'$$, 'Run sync_agg_state_from_registry()%'),
	($$'EURUSD', '30m'$$, 'EURUSD has tasks for 1h, 5m. For 30m add it to the list "optional"%'), ($$'ASLEEP', '5m'$$, 'ASLEEP is not active%'), ($$'NOBODY', '5m'$$, 'For a new symbol add it to core_asset_registry_all%')) AS k(key, hint)
CROSS JOIN unnest(ARRAY[$$SELECT catchup_aggregation_range(?, '2025-07-01')$$, $$SELECT * FROM agg_verify(?)$$, $$SELECT derived_rebuild_range(?, '2025-07-01', '2025-07-02')$$,
	$$SELECT derived_soft_delete_range(?, '2025-07-01', '2025-07-02')$$, $$SELECT derived_restore_range(?, '2025-07-01', '2025-07-02')$$]) AS call;
SELECT ok((agg_reset_task('eurusd', '5m') ->> 'message') LIKE '%Did you mean "EURUSD"?%', 'where the answer is not_found, it says the same');
SELECT ok(explanation LIKE '%Did you mean "EURUSD"?%', 'agg_why() too') FROM agg_why('eurusd', '5m', '2025-07-01');

-- Bars without a task, of an older system, may be taken away.
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, is_partial, source, ingested_at, created_at, updated_at, raw) VALUES ('OLD', '5m', '2025-07-01', 1, 1, 1, 1, false, 'agg', now(), now(), now(), '{}');
SELECT probe.answers(derived_soft_delete_range('OLD', '5m', '2025-07-01', '2025-07-02'), '{"success": true, "bars_deleted": 1}', 'a bar without a task');

-- A task whose row makes no sense is told of, whatever is wrong with it.
UPDATE data_agg_state SET source_timeframe = 'banana' WHERE timeframe = '1h';
INSERT INTO data_agg_state (canonical_symbol, timeframe) VALUES ('EURUSD', 'banana');
CREATE TABLE said AS SELECT agg_run_batch(p_now_utc => '2025-07-02') AS answer;
SELECT is(answer ->> 'tasks_failed', '2', 'both fail') FROM said;
SELECT results_eq($$SELECT f ->> 'timeframe', f ->> 'sqlstate', f ->> 'recorded' FROM said, jsonb_array_elements(answer -> 'failures') AS f ORDER BY 1$$, $$VALUES ('1h', '22023', 'true'), ('banana', '22023', 'true')$$, 'and both are named');

-- In a schema of its own the hint can be pasted.
DROP EXTENSION aggregation;
CREATE SCHEMA "Market Data";
CREATE EXTENSION aggregation SCHEMA "Market Data";
DO $$ BEGIN PERFORM "Market Data".agg_setup(); END $$;
INSERT INTO "Market Data".core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
SELECT probe.refuses($$SELECT * FROM "Market Data".agg_verify('EURUSD', '5m')$$, 'P0002', '%', 'Run "Market Data".sync_agg_state_from_registry() to%', 'the schema is in the hint');
SELECT * FROM finish();
