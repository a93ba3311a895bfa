-- Who may call: nobody but the owner, and service_role where that role exists. With whose rights: the owner's, on a pinned search_path.
\ir include/tap.psql
\ir include/refusals.psql
BEGIN;
SELECT no_plan();

CREATE VIEW extension_functions AS
SELECT p.oid, p.oid::regprocedure::text AS signature, p.proname, p.prosecdef, p.proconfig, p.proacl, p.proowner
FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'aggregation' AND p.provolatile <> 'i'; -- the others are pure, and anybody's: see candlesticks.sql

SELECT cmp_ok(count(*), '>=', 12::bigint, 'the extension has its functions') FROM extension_functions;
SELECT is_empty($$SELECT signature FROM extension_functions WHERE proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0)$$, 'nothing is executable by PUBLIC');
SELECT ok(prosecdef, 'SECURITY DEFINER: ' || signature) FROM extension_functions
WHERE proname IN ('agg_bootstrap_cursor', 'catchup_aggregation_range', 'agg_get_due_tasks', 'agg_start', 'agg_finish', 'sync_agg_state_from_registry', 'calc_dxy_range_1m',
	'aggregate_1m_to_5m_window', 'aggregate_5m_to_1h_window', 'aggregate_window', 'agg_aggregate_tasks')
ORDER BY proname;
SELECT is_empty($$SELECT signature FROM extension_functions WHERE prosecdef AND NOT EXISTS (SELECT FROM unnest(proconfig) AS c WHERE c LIKE 'search_path=%')$$,
	'every SECURITY DEFINER function pins its search_path');
SELECT is_empty($$SELECT signature FROM extension_functions WHERE EXISTS (SELECT FROM unnest(proconfig) AS c WHERE c LIKE 'search_path=%' AND c NOT LIKE '%pg_temp' AND c <> 'search_path=""')$$,
	'and temporary tables come last in it, or not at all');

-- A user of his own: refused. service_role, where it was there first: allowed, with no right on any table.
DROP EXTENSION aggregation;
DO $$ BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
		CREATE ROLE service_role;
	END IF;
END $$;
CREATE ROLE aggregation_test_nobody;
CREATE EXTENSION aggregation;
DO $$ BEGIN PERFORM agg_setup(); END $$;
GRANT USAGE ON SCHEMA probe TO aggregation_test_nobody, service_role;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA probe TO aggregation_test_nobody, service_role;
SELECT ok(has_function_privilege('service_role', oid, 'EXECUTE'), 'service_role may call ' || signature) FROM extension_functions WHERE prosecdef AND signature !~ '^(agg_retire_source|agg_retire_old_minutes|derived_purge_deleted|agg_purge_revisions|agg_set_retention)\(' ORDER BY signature;
SELECT ok(NOT has_function_privilege('service_role', oid, 'EXECUTE'), 'but not retire data: ' || signature) FROM extension_functions WHERE signature ~ '^(agg_retire_source|agg_retire_old_minutes|derived_purge_deleted|agg_purge_revisions|agg_set_retention)\(' ORDER BY signature;
SELECT is_empty($$SELECT signature FROM extension_functions WHERE proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0)$$, 'PUBLIC still may not');
SELECT ok(NOT has_function_privilege('aggregation_test_nobody', oid, 'EXECUTE'), 'nobody may not call ' || signature) FROM extension_functions ORDER BY signature;
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');

SET ROLE aggregation_test_nobody;
CREATE TEMPORARY TABLE seen_by_nobody AS SELECT (probe.attempt('SELECT sync_agg_state_from_registry()')).state;
RESET ROLE;
SELECT is(state, '42501', 'a call by nobody is refused') FROM seen_by_nobody;
SET ROLE service_role;
CREATE TEMPORARY TABLE seen_by_service AS SELECT sync_agg_state_from_registry('prod') AS answer, (SELECT count(*) FROM agg_get_due_tasks('prod', '2099-01-01')) AS due,
	catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 1, '2025-08-01') AS caught_up, (probe.attempt('SELECT * FROM data_agg_state')).state;
RESET ROLE;
SELECT is(answer ->> 'tasks_created', '2', 'service_role syncs') FROM seen_by_service;
SELECT is(due, 2::bigint, 'sees its tasks') FROM seen_by_service;
SELECT is(caught_up ->> 'reason', 'no_source_data_anywhere', 'catches up') FROM seen_by_service;
SELECT is(state, '42501', 'and may not read the tables') FROM seen_by_service;

SELECT * FROM finish();
ROLLBACK; -- the roles
