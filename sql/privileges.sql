-- Who may call what, and with whose rights it runs. Everything here happens in one transaction that is rolled back, roles included.
\set ON_ERROR_ROLLBACK on
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS aggregation SCHEMA public;
SELECT count(*) >= 0 AS ready FROM agg_setup();
BEGIN;
DROP EXTENSION aggregation;
DO $$ BEGIN IF to_regrole('service_role') IS NULL THEN CREATE ROLE service_role; END IF; END $$;
CREATE ROLE regress_aggregation_worker;
CREATE ROLE regress_aggregation_owner;
CREATE EXTENSION aggregation SCHEMA public;
RESET client_min_messages;
-- a worker's role that is there first gets everything but what is the administrator's; PUBLIC gets nothing; all run as their owner but for the setup, what reads bars with its caller's rights,
-- and the procedure that commits, whose requests act as the tables' owner anyway
SELECT p.proname, p.prosecdef AS security_definer, p.proconfig AS settings, has_function_privilege('service_role', p.oid, 'EXECUTE') AS service_role,
       EXISTS (SELECT FROM aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) WHERE grantee = 0) AS "PUBLIC"
FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
     JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'aggregation'
WHERE p.provolatile <> 'i'
ORDER BY p.proname COLLATE "C";
-- candlesticks are anybody's: their functions see nothing but their arguments
SELECT count(*) > 0 AS some, bool_and(NOT p.prosecdef AND p.proparallel = 's' AND has_function_privilege('regress_aggregation_worker', p.oid, 'EXECUTE')) AS "all of PUBLIC"
FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
     JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'aggregation'
WHERE p.provolatile = 'i';
-- any other role is granted what it needs, function by function, and needs no right on a table
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
SET ROLE regress_aggregation_worker;
SELECT sync_agg_state_from_registry('prod') ->> 'tasks_created' AS tasks;
RESET ROLE;
GRANT EXECUTE ON FUNCTION sync_agg_state_from_registry TO regress_aggregation_worker;
SET ROLE regress_aggregation_worker;
SELECT sync_agg_state_from_registry('prod') ->> 'tasks_created' AS tasks;
SELECT count(*) FROM data_agg_state;
RESET ROLE;
-- who may not grant a duty is told so in one line
GRANT EXECUTE ON FUNCTION agg_grant TO regress_aggregation_worker;
GRANT SELECT ON data_bars, derived_data_bars, core_asset_registry_all TO regress_aggregation_worker;
SET ROLE regress_aggregation_worker;
SELECT * FROM agg_grant('reader', 'regress_aggregation_owner');
RESET ROLE;
-- the setup runs with its caller's rights: who may not create tables creates none, and who may owns them
DROP TABLE core_asset_registry_all, data_bars, derived_data_bars, data_agg_state, ops_runlog CASCADE;
GRANT EXECUTE ON FUNCTION agg_setup TO regress_aggregation_worker, regress_aggregation_owner;
GRANT EXECUTE ON FUNCTION agg_capture_changes, agg_note_timeframe TO regress_aggregation_owner;
GRANT USAGE, CREATE ON SCHEMA public TO regress_aggregation_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SET ROLE regress_aggregation_worker;
SELECT object, action, detail FROM agg_setup() WHERE object LIKE 'table%' ORDER BY object;
RESET ROLE;
SET ROLE regress_aggregation_owner;
SELECT count(*) AS done FROM agg_setup() WHERE action = 'created';
-- a trigger that he hangs on his table runs as himself, whoever calls and whoever owns the extension
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE 'trigger on %: as %, superuser %', TG_TABLE_NAME, current_user, current_setting('is_superuser');
    RETURN NULL;
END
$$;
CREATE TRIGGER tell AFTER INSERT OR UPDATE ON data_agg_state FOR EACH STATEMENT EXECUTE FUNCTION tell();
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
RESET ROLE;
SELECT tableowner, count(*) FROM pg_tables
WHERE tablename IN ('core_asset_registry_all', 'data_bars', 'derived_data_bars', 'data_agg_state', 'ops_runlog') GROUP BY tableowner;
SET ROLE regress_aggregation_worker;
SELECT sync_agg_state_from_registry('prod') ->> 'tasks_created' AS tasks;
RESET ROLE;
-- the extension may go; the tables are nobody's members and stay
DROP EXTENSION aggregation;
SELECT count(*) FROM data_agg_state;
ROLLBACK;
