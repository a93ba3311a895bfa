-- The extension in a schema of its own, with a name that needs quotes: everything lives there, whatever the caller's search_path is.
\ir include/tap.psql
SELECT no_plan();
DROP EXTENSION aggregation;
CREATE SCHEMA "Market Data";
CREATE EXTENSION aggregation SCHEMA "Market Data";

SELECT cmp_ok(count(*), '>', 5::bigint, 'set up') FROM "Market Data".agg_setup();
SELECT has_table('Market Data'::name, t::name, 'there: ' || t) FROM unnest(ARRAY['data_bars', 'derived_data_bars', 'data_agg_state', 'core_asset_registry_all', 'ops_runlog']) AS t;
SELECT hasnt_table('public'::name, 'data_bars'::name, 'not in public');
CREATE TABLE public.data_agg_state (decoy int); -- must not be seen
CREATE TEMPORARY TABLE data_bars (decoy int);
INSERT INTO "Market Data".core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
INSERT INTO "Market Data".data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT 'EURUSD', '1m', '2025-07-01 00:00+00'::timestamptz + make_interval(mins => i), 1, 2, 0.5, 1.5 FROM generate_series(0, 4) AS i;
SELECT is("Market Data".sync_agg_state_from_registry() ->> 'tasks_created', '2', 'sync works there');
SELECT is("Market Data".catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 10, '2025-07-02') ->> 'bars_created', '1', 'catch-up works there');
SELECT is(count(*), 1::bigint, 'and wrote there') FROM "Market Data".derived_data_bars;
SELECT is((SELECT count(*) FROM "Market Data".agg_setup()), 0::bigint, 'nothing is left to set up');
SELECT * FROM finish();
