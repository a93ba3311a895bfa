# Databases of 1.0 and fresh ones on a server of the test's own, whose library can be exchanged. Sourced.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$ROOT/test/own_server.sh"
upgrade_folder=$ROOT/test/upgrade
library=$("$PG_CONFIG" --pkglibdir)/aggregation.so

# Without 1.0's library there is nothing to update.
need_old_library() {
	[ -n "$OLD_LIBRARY" ] && return
	echo "ok 1 - # SKIP the history does not reach back to 1.0, so that its library cannot be built"
	echo 1..1
	exit 0
}

# use_library FILE : sessions that begin from now on load it; those that have loaded another one keep that.
use_library() {
	cp -- "$1" "$library.new"
	chmod 755 "$library.new"
	mv -- "$library.new" "$library"
}
new_library=$ROOT/aggregation.so

# in_database NAME SCHEMA [ARGUMENT…] : psql in it, unqualified names meaning those of SCHEMA; errors and warnings are part of the answer.
in_database() {
	local name=$1 schema=$2
	shift 2
	PGOPTIONS="-c search_path=$schema -c client_min_messages=warning -c timezone=UTC" sql -d "$name" "$@" 2>&1
}

make_roles() {
	sql -c 'CREATE ROLE service_role' -c 'CREATE ROLE upgrade_reader' -c 'CREATE ROLE upgrade_worker' -c 'CREATE ROLE upgrade_owner'
}

# make_database NAME SCHEMA SHAPE VERSION : plain or partitioned tables, or plain ones that another role owns, set up.
make_database() {
	sql -c "CREATE DATABASE $1"
	if [ "$2" != public ]; then sql -d "$1" -c "CREATE SCHEMA \"$2\""; fi
	if [ "$3" = partitioned ]; then in_database "$1" "$2" -f "$upgrade_folder/partitions.sql"; fi
	in_database "$1" "$2" -c "CREATE EXTENSION aggregation SCHEMA \"$2\" VERSION '$4'"
	if [ "$3" = owned ]; then
		in_database "$1" "$2" -c "GRANT ALL ON SCHEMA \"$2\" TO upgrade_owner" -c 'GRANT EXECUTE ON FUNCTION agg_setup(boolean) TO upgrade_owner' \
			-c 'SET ROLE upgrade_owner' -c 'SELECT count(*) FROM agg_setup()' >/dev/null
	fi
	in_database "$1" "$2" -c "SELECT count(*) FROM agg_setup()" >/dev/null
	if [ "$3" = partitioned ]; then in_database "$1" "$2" -f "$upgrade_folder/more_partitions.sql"; fi
}

# make_1_0 NAME SCHEMA SHAPE : filled, with 1.0's own library, and then the new one in place.
make_1_0() {
	use_library "$OLD_LIBRARY"
	make_database "$1" "$2" "$3" 1.0
	in_database "$1" "$2" -f "$upgrade_folder/roles.sql"
	in_database "$1" "$2" -f "$upgrade_folder/fill.sql" >/dev/null
	use_library "$new_library"
}

# make_fresh NAME SCHEMA SHAPE : of this release.
make_fresh() {
	make_database "$1" "$2" "$3" "$release"
	in_database "$1" "$2" -f "$upgrade_folder/roles.sql"
}
release=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$ROOT/aggregation.control")

# catalog NAME SCHEMA : the owner of tables gets the right to a trigger's function when he first makes one; whether he has is not compared. Nor is
# what default privileges add to the rights of everybody.
catalog() {
	sql -d "$1" -v schema="\"$2\"" -f "$upgrade_folder/catalog.sql" |
		sed -E '/^rights [a-z]+\.agg_(capture_changes|note_timeframe|note_task_change|note_calendar_change|note_index_change)\(\)/s/ upgrade_owner=EXECUTE.postgres//; / PUBLIC=EXECUTE/s/ upgrade_reader=EXECUTE.postgres//g'
}

# same_catalog NAME FRESH SCHEMA DESCRIPTION
same_catalog() {
	is "$(diff <(catalog "$1" "$3") <(catalog "$2" "$3"))" '' "$4"
}

# finish_claimed NAME SCHEMA : the worker that has claimed a task before comes back.
finish_claimed() {
	is "$(in_database "$1" "$2" -c "SELECT agg_finish('CLAIMED', '5m', true, '2025-07-02 12:35+00', p_now_utc => '2025-07-02 12:41+00') ->> 'success'")" true \
		'who has claimed a task finishes it'
}

# run_on NAME SCHEMA : all that is due, twice: the marks after what the first run passes become due.
run_on() {
	for _ in 1 2 3; do in_database "$1" "$2" -c "CALL agg_run(p_now_utc => '2025-07-03 12:00+00')"; done
}

# bars_of NAME SCHEMA : the live bars of what is the same in both worlds; not those of a frozen task, a sealed range, a bar deleted by hand, a disabled task.
bars_of() {
	in_database "$1" "$2" -c "SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score, source_candles
		FROM derived_data_bars WHERE deleted_at IS NULL AND canonical_symbol NOT IN ('FROZEN', 'SEALED', 'USDCHF', 'USDSEK') ORDER BY 1, 2, 3"
}

# copy_source FROM TO SCHEMA : what was ingested, and whose tasks there are.
copy_source() {
	local table
	for table in core_asset_registry_all data_bars; do
		in_database "$1" "$3" -c "COPY (SELECT * FROM $table) TO STDOUT" | in_database "$2" "$3" -c "COPY $table FROM STDIN"
	done
	in_database "$2" "$3" -c "SELECT sync_agg_state_from_registry('prod', '2025-07-01')" >/dev/null
}
