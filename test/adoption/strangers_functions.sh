# Somebody who may create objects in the schema puts functions there before the extension comes, and grants them: nobody gets the new ones by that.
source "${ROOT:?}/test/tap.sh"

export PGDATABASE=aggregation_stranger PGOPTIONS='-c client_min_messages=warning'
sql() { psql -qXAt -v ON_ERROR_STOP=1 "$@" 2>&1; }
psql -qX -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE" -c "CREATE DATABASE $PGDATABASE" -c 'CREATE ROLE adoption_stranger' -c 'CREATE ROLE adoption_owner' -c 'CREATE ROLE adoption_friend' -c 'CREATE ROLE adoption_worker' >/dev/null 2>&1
sql -f "$ROOT/test/shapes/deployed.sql" >/dev/null
for table in data_bars derived_data_bars data_agg_state core_asset_registry_all; do sql -c "ALTER TABLE $table OWNER TO adoption_owner" >/dev/null; done
sql -c 'GRANT CREATE ON SCHEMA public TO adoption_stranger, adoption_owner' -c 'SET ROLE adoption_stranger' -c 'CREATE FUNCTION derived_purge_deleted(x int) RETURNS int LANGUAGE sql RETURN 1' \
	-c 'CREATE FUNCTION agg_enable_task(x int) RETURNS int LANGUAGE sql RETURN 1' -c 'GRANT EXECUTE ON FUNCTION derived_purge_deleted, agg_enable_task TO adoption_friend' \
	-c 'SET ROLE adoption_owner' -c 'CREATE FUNCTION agg_start(x int) RETURNS int LANGUAGE sql RETURN 1' -c 'GRANT EXECUTE ON FUNCTION agg_start TO adoption_worker'
sql -c 'SET aggregation.move_old_functions = on' -c 'CREATE EXTENSION aggregation' >/dev/null
is "$(sql -F ' ' -c "SELECT regexp_replace(object, '\\(.*\\)', ''), action FROM agg_adopt() WHERE object LIKE 'function % for role %' ORDER BY object COLLATE \"C\"")" 'function agg_enable_task for role adoption_friend left
function agg_start for role adoption_worker added
function derived_purge_deleted for role adoption_friend left' 'who called a function of the owner of the tables may call the new one'
is "$(sql -c "SELECT string_agg(DISTINCT grantee, ',') FROM information_schema.routine_privileges WHERE routine_schema = 'public' AND grantee IN ('adoption_friend', 'adoption_worker')")" adoption_worker 'and nobody else'
psql -qX -d postgres -c "DROP DATABASE $PGDATABASE" -c 'DROP ROLE adoption_stranger, adoption_owner, adoption_friend, adoption_worker'
done_testing
