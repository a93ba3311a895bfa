# Runners are killed at random moments of a backfill under concurrent inserts, their server with them; after the restart the run goes on to its
# end, and every row is what a run has made that was never killed.
#
# AGGREGATION_CRASH_ROUNDS says how often (default 24), AGGREGATION_SEED makes the moments the same again (as far as a race can be).
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../own_server.sh"

rounds=${AGGREGATION_CRASH_ROUNDS:-24}
seed=${AGGREGATION_SEED:-$((RANDOM * 32768 + RANDOM))}
echo "# AGGREGATION_SEED=$seed"
RANDOM=$((seed % 32768))

own_server fsync=off shared_preload_libraries=aggregation restart_after_crash=on "aggregation.longest_sleep=1s"
sql -d postgres -c 'CREATE DATABASE crash'
export PGDATABASE=crash
sql -v seed="0.$((seed % 1000))" -f "$ROOT/test/crash/world.sql" >/dev/null

# Both go on, whatever happens to the server, until there is nothing left to feed, or to do, or the test is over.
over() { ! kill -0 $$ 2>/dev/null; }
feeder() {
	local more=t
	while [ "$more" != f ] && ! over; do
		more=$(sql -c 'SELECT feed_more()' 2>/dev/null) || { more=t; sleep 0.1; }
	done
}
runner() {
	while [ ! -e "$own_folder/fed" ] && ! over; do
		PGAPPNAME=runner PGOPTIONS='-c client_min_messages=warning' sql -c 'CALL agg_run(p_batch => 2, p_max_windows => 8)' >/dev/null 2>&1 || sleep 0.05
	done
}
# A killed server may still be on its way down when somebody asks, and takes its time to come back.
surely() {
	local tries=0
	until sql "$@" 2>"$own_folder/refused"; do
		[ $((++tries)) -lt 600 ] || { cat -- "$own_folder/refused" >&2; return 1; }
		sleep 0.1
	done
}
run_to_the_end() {
	local before after=none
	while
		before=$after
		surely -c 'UPDATE data_agg_state SET next_run_at = NULL' -c 'SET client_min_messages = warning' -c 'CALL agg_run()'
		after=$(surely -c 'SELECT array_agg(last_agg_bar_ts_utc ORDER BY canonical_symbol, timeframe) FROM data_agg_state')
		[ "$before" != "$after" ]
	do :; done
}
use_worker() {
	sql -d postgres -c "ALTER SYSTEM SET aggregation.databases = '$1'" -c 'SELECT pg_reload_conf()' >/dev/null
}

# The run that was never killed.
sql -c 'CALL start_over()'
feeder
run_to_the_end
sql -c 'CREATE TABLE reference AS TABLE outcome' -c 'CREATE TABLE task_reference AS TABLE task_outcome'
is "$(sql -c 'SELECT count(*) > 5000 FROM reference')" t 'there is something to compare with'

all_bars=$(sql -c 'SELECT count(*) FROM reference')

# wait_for_bars N : until so many bars are committed; not longer than ten seconds, should a worker be slow to start.
wait_for_bars() {
	sql -c "DO \$\$ DECLARE until timestamptz := clock_timestamp() + interval '10 seconds'; BEGIN
		WHILE (SELECT coalesce(sum(total_bars_created), 0) FROM data_agg_state) < $1 AND clock_timestamp() < until LOOP PERFORM pg_sleep(0.001); END LOOP; END \$\$" || true
}

victim_of() {
	case $1 in
	runner) sql -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'runner' AND state = 'active' LIMIT 1" 2>/dev/null || true ;;
	worker) sql -c "SELECT pid FROM pg_stat_activity WHERE backend_type = 'aggregation worker' LIMIT 1" 2>/dev/null || true ;;
	esac
}
strike() {
	local kind=$1 pid= tries=0
	if [ "$kind" = server ]; then
		as_server "$(bin_dir)/pg_ctl" -D "$server_folder/data" -m immediate -w -t 60 -s stop </dev/null
		server_start "${own_settings[@]}"
		return
	fi
	while [ -z "$pid" ] && [ $((tries++)) -lt 200 ]; do pid=$(victim_of "$kind"); done
	[ -n "$pid" ] || { echo "# there was no $kind to kill"; return; }
	kill -9 "$pid" 2>/dev/null || echo "# the $kind was gone already"
	eventually 60 "SELECT pg_postmaster_start_time() IS NOT NULL" || echo '# the server did not come back'
}

for ((round = 1; round <= rounds; round++)); do
	kinds=(runner worker server)
	kind=${kinds[$((round % 3))]}
	rm -f -- "$own_folder/fed"
	sql -c 'CALL start_over()'
	feeder &
	feeder_pid=$!
	runner_pid=
	if [ "$kind" = worker ]; then
		use_worker crash
	else
		runner &
		runner_pid=$!
	fi
	wait_for_bars $((RANDOM % (all_bars * 9 / 10) + 1))
	strike "$kind"
	is "$(sql -c 'SELECT * FROM wrong')" '' "round $round, after the death of the $kind: bars and cursors go together"
	if [ $((RANDOM % 3)) -eq 0 ]; then
		wait_for_bars $((all_bars / 2 + RANDOM % (all_bars / 2)))
		strike "$kind"
	fi
	wait "$feeder_pid"
	touch "$own_folder/fed"
	[ -z "$runner_pid" ] || wait "$runner_pid"
	if [ "$kind" = worker ]; then
		use_worker ''
		eventually 30 "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aggregation worker')"
	fi
	run_to_the_end
	is "$(sql -c '(TABLE outcome EXCEPT ALL TABLE reference) UNION ALL (TABLE reference EXCEPT ALL TABLE outcome)' | head -n 5)" '' "round $round: every bar is what it must be"
	is "$(sql -c '(TABLE task_outcome EXCEPT ALL TABLE task_reference) UNION ALL (TABLE task_reference EXCEPT ALL TABLE task_outcome)' | head -n 5)" '' \
		"round $round: so is every task, and each window was done once"
done
done_testing
