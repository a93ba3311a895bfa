# The random histories where the tables are distributed over several nodes: sessions on all of them, while shards move and are split, and nodes
# die. In the end the bars are those that a database of one node makes of the same minutes.
#
# As random_histories.sh, but that AGGREGATION_HISTORY_ROUNDS is 2 if it is not set.
source "${ROOT:?}/test/citus/include/cluster.sh"
source "$ROOT/test/histories/include/rounds.sh"
[ -e "$("$PG_CONFIG" --sharedir)/extension/citus.control" ] || skip_all 'Citus is not installed'

first=${AGGREGATION_HISTORY_FIRST:-1} rounds=${AGGREGATION_HISTORY_ROUNDS:-2}
seed=${AGGREGATION_SEED:-$((RANDOM * 32768 + RANDOM))}
symbols=16 sessions=7 steps=80
echo "# AGGREGATION_SEED=$seed"
RANDOM=$((seed % 32768))
cluster 2
database=fresh
database=postgres on 0 -c 'CREATE DATABASE fresh'
on 0 -f "$ROOT/test/histories/world.sql" >/dev/null || exit 1
on 0 -f "$ROOT/test/histories/distributed.sql" >/dev/null || exit 1
database=market

# What must not fail, and what is looked at: an error is no empty answer.
do_sql() { messages=error on "$@" 2>>"$own_folder/errors"; }
said() { on "$@" 2>&1; }

# A new database on all nodes, with a world in it that is then distributed.
new_market() {
	local node
	for node in 0 1 2; do
		database=postgres do_sql "$node" -c 'DROP DATABASE IF EXISTS market WITH (FORCE)' -c 'CREATE DATABASE market'
		do_sql "$node" -c 'CREATE EXTENSION citus'
	done
	join_nodes 2
	do_sql 0 -v distributed=1 -f "$ROOT/test/histories/world.sql" >/dev/null
	do_sql 0 -f "$ROOT/test/histories/distributed.sql"
	do_sql 0 -c "CALL start_over($symbols, $1)"
	for ((n = 1; n <= sessions; n++)); do
		do_sql 0 -c "SELECT with_times(random_script($1, $n, $steps))" >"$own_folder/script.$n"
	done
	# What the scripts call and read is on all nodes.
	do_sql 0 -c 'SELECT count(*) FROM agg_distribute(shard_count => 6)' -c "SELECT create_reference_table('symbols')" -c "SELECT create_reference_table('world')" >/dev/null
	do_sql 0 -c "SELECT pg_get_functiondef('minutes'::regproc)" | do_sql 0
}

# Each session has its node, and waits while that is dead.
pause_of_dead=1
play() {
	local -x PGHOST=${sockets[$1 % 3]} PGPORT=${ports[$1 % 3]} PGDATABASE=market
	local -x PGOPTIONS='-c client_min_messages=error -c timezone=UTC -c statement_timeout=2min'
	play_script "$1"
}

# Groups go from node to node, one is split, and now and then a node dies.
disturb() {
	local change=0
	while [ ! -e "$own_folder/quiet" ]; do
		change=$((change + 1))
		case $((RANDOM % 8)) in
			0) [ "$1" -eq 0 ] || kill_node $((1 + RANDOM % 2)) ;;
			1) [ "$change" -gt 20 ] || split ;;
			*) move $((RANDOM % 6)) "$([ $((RANDOM % 4)) -eq 0 ] && echo block_writes || echo force_logical)" ;;
		esac >>"$own_folder/disturbances" 2>&1
		sleep 0.$((RANDOM % 9))
	done
}

# All that is left is done, by all nodes.
work_to_the_end() {
	local round
	do_sql 0 -c 'SELECT recover_prepared_transactions()' >/dev/null
	do_sql 0 -c "SELECT agg_enable_task(t.canonical_symbol, t.timeframe) FROM (SELECT * FROM data_agg_state WHERE NOT enabled OR status = 'disabled' OFFSET 0) AS t" >/dev/null
	local start
	start=$(do_sql 0 -c 'SELECT first_start()')
	do_sql 0 -c "UPDATE data_agg_state SET agg_start_utc = '$start' WHERE agg_start_utc <> '$start'"
	for round in $(seq 50); do
		do_sql 0 -c "SELECT count(*) FROM agg_get_due_tasks('prod', p_running_stale_seconds => 0, p_limit => 1)" \
			-c 'UPDATE data_agg_state SET next_run_at = NULL, last_error = NULL WHERE next_run_at IS NOT NULL OR last_error IS NOT NULL' \
			-c "CALL agg_run(p_max_windows => 100000, p_time_budget => '5 minutes')" >/dev/null
		[ "$(do_sql 0 -c "SELECT (SELECT count(*) FROM agg_change_log) + (SELECT count(*) FROM agg_dirty_ranges WHERE due = 'now')")" != 0 ] || break
	done
}

# same_in_fresh TABLE [QUERY] : copies rows into the database of one node.
same_in_fresh() { do_sql 0 -c "COPY (${2-SELECT * FROM $1}) TO STDOUT" | database=fresh do_sql 0 -c "COPY $1 FROM STDIN"; }
bars_of_round='COPY (SELECT * FROM outcome ORDER BY 1, 2, 3) TO STDOUT'

failed_round() {
	[ -n "${AGGREGATION_HISTORY_KEEP:-}" ] || return 0
	mkdir -p -- "$AGGREGATION_HISTORY_KEEP/$1"
	cp -- "$own_folder"/script.* "$own_folder"/said.? "$own_folder/disturbances" "$own_folder"/outcome* "$AGGREGATION_HISTORY_KEEP/$1/" || true
	for node in 0 1 2; do cp -- "$own_folder/node$node/log" "$AGGREGATION_HISTORY_KEEP/$1/log.$node" || true; done
	on 0 -c '\copy (SELECT * FROM data_agg_state) TO '"$AGGREGATION_HISTORY_KEEP/$1/tasks" -c '\copy (SELECT * FROM data_bars) TO '"$AGGREGATION_HISTORY_KEEP/$1/minutes" || true
}

steps_done=0 bars=0 moved=0
for ((round = first; rounds == 0 || round <= rounds; round++)); do
	failures_before=$tests_failed
	: >"$own_folder/errors"
	: >"$own_folder/disturbances"
	rm -f -- "$own_folder/quiet"
	own_seed=$(((seed + round * 101) % 1000003))
	new_market "$own_seed"
	is "$(do_sql 0 -c "SELECT count(*) FROM citus_shards WHERE table_name = 'data_bars'::regclass")" 6 "round $round (seed $own_seed): the world is distributed"
	before=$(do_sql 0 -c 'SELECT count(*) FROM pg_dist_placement')
	players=()
	for ((n = 1; n <= sessions; n++)); do
		play "$n" &
		players+=($!)
	done
	disturb $((round % 2)) &
	disturber=$!
	wait "${players[@]}"
	: >"$own_folder/quiet"
	wait "$disturber"
	steps_done=$((steps_done + $(cat -- "$own_folder"/said.? | grep -c '^@next@$')))
	moved=$((moved + $(do_sql 0 -c 'SELECT max(placementid) FROM pg_dist_placement') - before))
	on 0 -c 'CALL citus_cleanup_orphaned_resources()' >/dev/null 2>&1
	work_to_the_end
	is "$(said 0 -c 'SELECT * FROM agg_verify() LIMIT 5')" '' "round $round: the proof finds nothing"
	is "$(said 0 -c "SELECT (SELECT count(*) FROM agg_change_log), (SELECT count(*) FROM agg_dirty_ranges WHERE due = 'now')")" '0|0' "round $round: nothing is left to do"

	database=fresh do_sql 0 -c 'CALL forget_everything()'
	world_to_fresh
	database=fresh do_sql 0 -c 'CALL work_to_the_end(false)'
	is "$(said 0 -c 'SELECT * FROM days ORDER BY 1')" "$(database=fresh said 0 -c 'SELECT * FROM days ORDER BY 1')" "round $round: the days of the calendars are those of one node"
	do_sql 0 -c "$bars_of_round" >"$own_folder/outcome"
	database=fresh do_sql 0 -c "$bars_of_round" >"$own_folder/outcome.fresh"
	bars=$((bars + $(wc -l <"$own_folder/outcome")))
	is "$(diff -- "$own_folder/outcome" "$own_folder/outcome.fresh" | head -n 6)" '' "round $round: the bars are those of one node"
	is "$(cat -- "$own_folder/errors")" '' "round $round: nothing failed on the way there"
	[ "$tests_failed" -eq "$failures_before" ] || failed_round "$round"
done
played=$((round - first))
is "$((steps_done > played * sessions * steps * 7 / 10))" 1 "most steps came to their end ($steps_done)"
is "$((moved > played))" 1 "groups moved ($moved placements)"
is "$((bars > played * 100))" 1 "there were bars to compare ($bars)"
done_testing
