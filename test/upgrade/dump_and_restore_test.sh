# A dump of 1.0, restored into a server that has this release: its catalog is new at once, its tables are of 1.0, and nobody types
# anything. The first call that works on them brings them up.
source "$(dirname -- "${BASH_SOURCE[0]}")/databases.sh"
need_old_library
own_server fsync=off
make_roles
bin=$("$PG_CONFIG" --bindir)

# restore NAME SCHEMA [OPTION…] : what pg_dump made of the database "old"
restore() {
	local name=$1
	shift 2
	sql -c "CREATE DATABASE $name"
	"$bin/pg_dump" -Fc "$@" -f dump old && "$bin/pg_restore" --exit-on-error -d "$name" dump
}

make_1_0 old market plain
make_fresh fresh market plain
is "$(restore restored market 2>&1)" '' 'dump and restore'
is "$(in_database restored market -c "SELECT extversion FROM pg_extension WHERE extname = 'aggregation'")" "$release" 'the catalog is new'
is "$(in_database restored market -c "UPDATE data_bars SET high = high + 1 WHERE canonical_symbol = 'USDJPY' AND ts_utc = '2025-07-01 04:00+00'")" '' 'bars are written before anything is called'

# Two at the same time: both find old tables, one of them mends.
in_database restored market -c "SELECT agg_get_due_tasks('prod', '2025-07-02 12:41+00', 1000)" >first &
one=$!
in_database restored market -c "SELECT agg_finish('CLAIMED', '5m', true, '2025-07-02 12:35+00', p_now_utc => '2025-07-02 12:41+00') ->> 'success'" >second
wait $one
is "$(grep -c ERROR first) $(cat second)" '0 true' 'two sessions call a function, and neither fails'
same_catalog restored fresh market 'the catalog is a fresh install'\''s'
run_on restored market
is "$(in_database restored market -c "SELECT * FROM agg_verify() WHERE explanation IS DISTINCT FROM 'deleted'")" '' 'all bars are true'
is "$(in_database restored market -c "SELECT (SELECT count(*) FROM agg_change_log), (SELECT count(*) FROM agg_dirty_ranges WHERE canonical_symbol <> 'USDSEK')")" '0|0' 'and no work is left'

# A mend that is rolled back is done again.
restore again market
is "$(in_database again market -c 'BEGIN' -c "SELECT agg_mark_changed('EURUSD', '2025-07-01', '2025-07-02') IS NOT NULL" -c 'ROLLBACK' \
	-c "SELECT agg_mark_changed('EURUSD', '2025-07-01', '2025-07-02') IS NOT NULL")" "t
t" 'rolled back and done again'
same_catalog again fresh market 'with the same result'

# Without comments the mark is lost: it is put there again, and nothing else is done.
"$bin/pg_dump" -Fc --no-comments -f dump again
sql -c 'CREATE DATABASE bare'
"$bin/pg_restore" -d bare dump
is "$(in_database bare market -c 'SELECT object, action FROM agg_setup(true) WHERE action <> $$offers$$')" 'comment agg_change_log|would replace' 'a dump without comments'
in_database bare market -c "SELECT count(*) FROM agg_get_due_tasks('prod')" >/dev/null
is "$(in_database bare market -c 'SELECT object, action FROM agg_setup(true) WHERE action <> $$offers$$')" '' 'the next call puts the mark there'

# Where the owner of the own tables may not do it, the error says who can.
sql -c 'CREATE DATABASE poor'
"$bin/pg_dump" -Fc -f dump old
"$bin/pg_restore" -d poor dump
sql -d poor -c 'GRANT USAGE ON SCHEMA market TO upgrade_worker'
for table in agg_change_log agg_dirty_ranges agg_sealed_ranges agg_refused_ranges agg_audit agg_timeframes agg_registry_sync; do
	sql -d poor -c "ALTER TABLE market.$table OWNER TO upgrade_worker"
done
for _ in 1 2; do
	like "$(in_database poor market -c "SELECT agg_get_due_tasks('prod')")" \
		'ERROR: +the tables of aggregation were made by an older release, and .* could not be updated to .*HINT: .*agg_setup' 'who may not make a table is told whom to ask'
done
is "$(in_database poor market -c "UPDATE data_bars SET high = high + 1 WHERE canonical_symbol = 'USDJPY' AND ts_utc = '2025-07-01 04:00+00'")" '' 'bars are written all the same'
in_database poor market -c 'SELECT count(*) FROM agg_setup()' >/dev/null
run_on poor market
is "$(in_database poor market -c "SELECT * FROM agg_verify() WHERE explanation IS DISTINCT FROM 'deleted'")" '' 'after agg_setup() all is well'

done_testing
