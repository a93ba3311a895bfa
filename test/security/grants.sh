# The statement that docs/operating.md gives for another role's rights, run as it stands there: the role then may execute what service_role may.
source "${ROOT:?}/test/tap.sh"

database=aggregation_grants
psql -qX -d postgres -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database" >/dev/null 2>&1
in_database() {
	psql -qXAt -v ON_ERROR_STOP=1 -d "$database" "$@" 2>&1
}
in_database -c 'CREATE ROLE worker' -c 'CREATE EXTENSION aggregation' >/dev/null
sed -n "/SELECT format('GRANT EXECUTE ON ROUTINE/,/gexec/p" "$ROOT/docs/operating.md" | in_database >/dev/null
is "$(in_database -c "SELECT string_agg(p.proname, ' ' ORDER BY p.proname) FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' WHERE p.pronamespace = 'public'::regnamespace AND NOT has_function_privilege('worker', p.oid, 'EXECUTE') AND p.proname ~ '^(agg_|derived_|ops_|catchup|calc|aggregate|sync)'")" \
	'agg_adopt agg_capture_changes agg_capture_ticks agg_note_calendar_change agg_note_due agg_note_event agg_note_index_change agg_note_task_change agg_note_timeframe agg_retire_old_minutes agg_retire_source agg_rollback_report agg_schedule agg_setup agg_unschedule agg_watch_partitions derived_purge_deleted' \
	'a worker gets everything but the administrator'"'"'s functions and the trigger functions'
is "$(in_database -c "SELECT count(*) FROM pg_proc p WHERE p.proname = 'agg_get_due_tasks' AND has_function_privilege('worker', p.oid, 'EXECUTE')")" 1 'it does get what it works with'
is "$(in_database -c "SELECT bool_or(has_function_privilege('public', p.oid, 'EXECUTE')) FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'aggregation' WHERE p.provolatile <> 'i'")" f 'PUBLIC gets nothing that could see a table'
in_database -c 'DROP OWNED BY worker' -c 'DROP ROLE worker' >/dev/null
psql -qX -d postgres -c "DROP DATABASE $database" >/dev/null
done_testing
