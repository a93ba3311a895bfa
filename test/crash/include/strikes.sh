# Sessions that work until they are told to end, and who kills them: writers, runners, consumers, by these names. Sourced.

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
