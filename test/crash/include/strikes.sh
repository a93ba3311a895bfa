# Sessions that work until they are told to end, and who kills them: writers, runners, consumers, by these names. Sourced.
#
# AGGREGATION_CRASH_ROUNDS says how often (default 24, of which each file takes a quarter), AGGREGATION_SEED makes the moments the same again.
source "$(dirname -- "${BASH_SOURCE[0]}")/../../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../../own_server.sh"

rounds=$(((${AGGREGATION_CRASH_ROUNDS:-24} + 3) / 4))

# begin_strikes DATABASE : a server that comes back by itself, with five symbols whose tasks are always due.
begin_strikes() {
	local seed=${AGGREGATION_SEED:-$((RANDOM * 32768 + RANDOM))}
	echo "# AGGREGATION_SEED=$seed"
	RANDOM=$((seed % 32768))
	own_server fsync=off restart_after_crash=on max_connections=30 deadlock_timeout=100ms
	sql -d postgres -c "CREATE DATABASE $1"
	export PGDATABASE=$1
	sql >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION aggregation;
SELECT * FROM agg_setup();
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) SELECT 'S' || i, '{"agg": {"optional": ["15m"]}}' FROM generate_series(1, 5) AS i;
SELECT sync_agg_state_from_registry('prod', '2025-07-01');
UPDATE data_agg_state SET run_interval_minutes = 0, aggregation_delay_seconds = 0;
CREATE FUNCTION some_symbol() RETURNS text LANGUAGE sql AS $$ SELECT 'S' || 1 + floor(random() * 5)::int $$;
SQL
}

over() { [ -e "$own_folder/over" ] || ! kill -0 $$ 2>/dev/null; }
# again NAME STATEMENT : over and over, whatever happens to the session or the server
again() {
	until over; do
		{ echo 'SET client_min_messages = fatal;'; yes "$2" | head -n 300; } | PGAPPNAME=$1 psql -X -q >/dev/null 2>&1 || sleep 0.05
	done
}
strike() {
	local pid
	case $1 in
	server) as_server "$(bin_dir)/pg_ctl" -D "$server_folder/data" -m immediate -w -t 60 -s stop </dev/null && server_start "${own_settings[@]}" ;;
	session) sql -c "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name IN ('writer', 'runner', 'consumer') AND random() < 0.5" >/dev/null 2>&1 ;;
	*)
		pid=$(sql -c "SELECT pid FROM pg_stat_activity WHERE application_name = '$1' AND state = 'active' LIMIT 1" 2>/dev/null)
		if [ -n "$pid" ]; then kill -9 "$pid" 2>/dev/null; fi
		;;
	esac
	eventually 60 'SELECT true' || echo '# the server did not come back'
}

# one_round NAME=STATEMENT… : runs them side by side, strikes each kind and the server, and lets them end.
one_round() {
	local pids=() kinds=() one
	rm -f -- "$own_folder/over"
	for one in "$@"; do
		again "${one%%=*}" "${one#*=}" &
		pids+=($!)
		kinds+=("${one%%=*}")
	done
	for one in session $(printf '%s\n' "${kinds[@]}" | sort -u) server; do
		sleep "0.$((RANDOM % 6 + 3))"
		strike "$one"
	done
	sleep 0.5
	touch "$own_folder/over"
	strike session
	wait "${pids[@]}"
	eventually 30 "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name IN ('writer', 'runner', 'consumer')"
}
