-- What is kept must not grow without bound: texts that are too long are refused by name, with their beginning, and nothing is written. A feed
-- that delivers bars of such a symbol is not disturbed.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SELECT world.task('EURUSD', '5m');

-- A symbol, everywhere.
CREATE FUNCTION too_long(call text) RETURNS text LANGUAGE sql AS $$ SELECT probe.refuses(replace(replace(call, '?', quote_literal(repeat('S', 257))), '!', quote_literal(repeat('r', 1001))), '22001', '% must be at most % bytes long, but "%..." has %', 'Pass a shorter text.', call) $$;
SELECT too_long(call) FROM unnest(ARRAY[
	$$SELECT agg_bootstrap_cursor(?, '5m')$$, $$SELECT catchup_aggregation_range(?, '5m', '2025-07-01')$$, $$SELECT agg_start(?, '5m')$$, $$SELECT agg_finish(?, '5m', true)$$,
	$$SELECT aggregate_1m_to_5m_window(?, '2025-07-01', '2025-07-01 00:05')$$, $$SELECT aggregate_5m_to_1h_window(?, '2025-07-01', '2025-07-01 01:00')$$, $$SELECT agg_aggregate_tasks(ARRAY[?], ARRAY['5m'])$$,
	$$SELECT agg_reset_task(?, '5m')$$, $$SELECT agg_enable_task(?, '5m')$$, $$SELECT agg_disable_task(?, '5m')$$, $$SELECT agg_set_start(?, '5m', '2025-07-01')$$, $$SELECT agg_mark_changed(?, '2025-07-01', '2025-07-02')$$,
	$$SELECT agg_seal_range(?, '2025-07-01', '2025-07-02')$$, $$SELECT agg_unseal_range(?, '2025-07-01', '2025-07-02')$$, $$SELECT agg_retire_source('2025-07-01', ?)$$, $$SELECT agg_set_late_policy(?, '5m', 'freeze')$$,
	$$SELECT derived_soft_delete_range(?, '5m', '2025-07-01', '2025-07-02')$$, $$SELECT derived_restore_range(?, '5m', '2025-07-01', '2025-07-02')$$, $$SELECT derived_rebuild_range(?, '5m', '2025-07-01', '2025-07-02')$$,
	$$SELECT agg_reset_cursor(?)$$, $$SELECT * FROM agg_verify(?)$$, $$SELECT * FROM agg_why(?, '5m', '2025-07-01')$$]) AS call;
SELECT probe.refuses(format('SELECT agg_start(%L, ''5m'')', repeat('金', 100)), '22001', '%"' || repeat('金', 21) || '..."%', '%', 'a symbol of wide characters is named, and none of them is cut');

-- Names and reasons.
SELECT too_long(call) FROM unnest(ARRAY[
	$$SELECT * FROM agg_get_due_tasks(?)$$, $$SELECT agg_run_batch(?)$$, $$SELECT sync_agg_state_from_registry(?)$$,
	$$SELECT ops_runlog_start(gen_random_uuid(), ?, 'manual', 'prod')$$, $$SELECT ops_runlog_start(gen_random_uuid(), 'job', ?, 'prod')$$, $$SELECT ops_runlog_start(gen_random_uuid(), 'job', 'manual', ?)$$,
	$$SELECT ops_runlog_prune(?, 'manual')$$, $$SELECT ops_runlog_checkpoint(gen_random_uuid(), !)$$, $$SELECT ops_runlog_finish(gen_random_uuid(), ?)$$,
	$$SELECT agg_seal_range('EURUSD', '2025-07-01', '2025-07-02', !)$$, $$SELECT derived_soft_delete_range('EURUSD', '5m', '2025-07-01', '2025-07-02', !)$$,
	$$SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01', '2025-07-02', true, !)$$]) AS call;
SELECT probe.refuses($$SELECT ops_runlog_finish(gen_random_uuid(), 'ok', jsonb_build_object('k', repeat('v', 1100000)))$$, '22001', 'p_stats must be at most 1048576 bytes long%', 'Pass%', 'statistics of a megabyte');
SELECT probe.refuses($$SELECT ops_runlog_checkpoint(gen_random_uuid(), 'here', jsonb_build_object('k', repeat('v', 65536)))$$, '22001', 'p_details must be at most 65536 bytes long%', 'Pass%', 'details of 64 kB, of which a run keeps 200');
SELECT probe.answers(ops_runlog_checkpoint(gen_random_uuid(), 'here', jsonb_build_object('k', repeat('v', 65000))), '{"error": "not_found"}', 'a little less is taken');

-- Arrays.
SELECT probe.refuses($$SELECT * FROM agg_aggregate_tasks(array_fill('EURUSD'::text, ARRAY[100001]), ARRAY['5m'])$$, '54000', 'p_symbols must have at most 100000 elements, not 100001', '%several calls%', 'more symbols than a call takes');
SELECT probe.refuses($$SELECT * FROM agg_aggregate_tasks(ARRAY['EURUSD'], array_fill('5m'::text, ARRAY[100001]))$$, '54000', 'p_timeframes must have at most 100000 elements, not 100001', '%several calls%', 'more timeframes');
SELECT lives_ok($$SELECT agg_finish('EURUSD', '5m', false, p_error => repeat('e', 1000000))$$, 'an error is cut, as always');

-- Symbols in tables.
SELECT lives_ok($$SELECT world.minutes(repeat('S', 257), '2025-07-01 00:00+00', 10)$$, 'a feed is not disturbed');
SELECT is_empty('SELECT * FROM agg_change_log WHERE length(symbols::text) > 250', 'and nothing is noted');
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES (repeat('S', 257));
SELECT matches(sync_agg_state_from_registry() ->> 'assets_skipped', 'canonical_symbol must be at most 256 bytes long', 'an asset with such a symbol is skipped, and named');
SELECT is(count(*), 0::bigint, 'it gets no tasks') FROM data_agg_state WHERE length(canonical_symbol) > 256;
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe) VALUES ('X', '5m', repeat('long', 5));
SELECT is_empty('SELECT * FROM agg_timeframes WHERE length(source_timeframe) > 15', 'and junk is not listed as a timeframe');

SELECT * FROM finish();
