-- DROP EXTENSION takes the functions and leaves the market data; a second CREATE EXTENSION goes on where the first one stopped. So does a copy
-- that pg_dump would make: the tables are ordinary tables.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SELECT world.task('EURUSD', '5m');
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 20);
SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 2, '2025-07-02') \g /dev/null
SELECT agg_finish('EURUSD', '5m', true, '2025-07-01 00:10+00', '{"bars_created": 2}', NULL, NULL, '2025-07-02') \g /dev/null
CREATE TABLE before AS SELECT probe.fingerprint() AS digest;

DROP EXTENSION aggregation;
SELECT hasnt_function(f::name) FROM unnest(ARRAY['catchup_aggregation_range', 'agg_start', 'agg_finish', 'agg_setup', 'calc_dxy_range_1m']) AS f;
SELECT has_table(t::name) FROM unnest(ARRAY['data_bars', 'derived_data_bars', 'data_agg_state', 'core_asset_registry_all', 'ops_runlog']) AS t;
SELECT is(probe.fingerprint(), digest, 'not a row is lost or moved') FROM before;
SELECT lives_ok($$UPDATE data_bars SET vol = vol$$, 'and nothing on the tables misses the extension');
SELECT lives_ok($$SELECT * FROM v_aggregation_frontier_health$$, 'nor does the view');

CREATE EXTENSION aggregation;
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('trigger aggregation_capture', 'created'), ('trigger aggregation_capture_truncate', 'created'), ('trigger aggregation_timeframes', 'created'), ('trigger aggregation_tasks_made', 'created'), ('trigger aggregation_tasks_changed', 'created'), ('trigger aggregation_due', 'created'), ('trigger aggregation_calendars_checked', 'created'), ('trigger aggregation_calendars_made', 'created'), ('trigger aggregation_calendars_changed', 'created'), ('trigger aggregation_calendars_removed', 'created'), ('trigger aggregation_calendars_truncated', 'created'), ('trigger aggregation_sessions_checked', 'created'), ('trigger aggregation_sessions_made', 'created'), ('trigger aggregation_sessions_changed', 'created'), ('trigger aggregation_sessions_removed', 'created'), ('trigger aggregation_sessions_truncated', 'created'), ('trigger aggregation_exceptions_made', 'created'), ('trigger aggregation_exceptions_changed', 'created'), ('trigger aggregation_exceptions_removed', 'created'), ('trigger aggregation_exceptions_truncated', 'created'), ('trigger aggregation_indexes_checked', 'created'), ('trigger aggregation_indexes_made', 'created'), ('trigger aggregation_indexes_changed', 'created'), ('trigger aggregation_indexes_removed', 'created'), ('trigger aggregation_indexes_truncated', 'created')$$,
	'back again: only the triggers went with the extension');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', (SELECT last_agg_bar_ts_utc FROM data_agg_state), 100, '2025-07-02'), '{"windows_processed": 2, "bars_inserted": 2}', 'it goes on at its cursor');
SELECT is(count(*), 4::bigint, 'four bars') FROM derived_data_bars;
SELECT is(extversion, (SELECT default_version FROM pg_available_extensions WHERE name = 'aggregation'), 'one version') FROM pg_extension WHERE extname = 'aggregation';
SELECT is_empty($$SELECT extconfig FROM pg_extension WHERE extname = 'aggregation' AND extconfig IS NOT NULL$$, 'no table is the extension''s configuration');
SELECT throws_ok('CREATE EXTENSION aggregation', '42710', NULL, 'twice is once too often');

SELECT * FROM finish();
