# shellcheck shell=bash disable=SC2154 # here: run.sh's folder
# How much memory of its own a backend takes at its peak. Sourced by run.sh.
#
# The kernel's high-water mark (VmHWM) will not do: it counts each page of shared_buffers that the backend has ever looked at, and a longer
# history touches more of them. What is asked is the memory that the backend has for itself, RssAnon in /proc/PID/status. The kernel
# keeps no high-water mark of it, so it is read over and over, some thousand times a second, while the call runs. A one-day catch-up
# lasts milliseconds and its true peak may fall between two looks; that can only make the difference look larger than it is.

# peak_of WINDOWS : the peak in kB of a backend that catches up so many windows.
peak_of() {
	local windows=$1 pid='' peak=0 key value rest output
	output=$(mktemp)
	sql -v windows="$windows" -f "$here/memory/catch_up.sql" >"$output" &
	local session=$!
	while [ -z "$pid" ] && kill -0 $session 2>/dev/null; do
		sleep 0.05
		read -r pid <"$output" || pid=''
	done
	while [ -r "/proc/${pid:-none}/status" ]; do
		while read -r key value rest; do
			if [ "$key" = RssAnon: ]; then
				if [ "$value" -gt "$peak" ]; then peak=$value; fi
				break
			fi
		done 2>/dev/null <"/proc/$pid/status" || break
	done 2>/dev/null
	wait $session
	printf '  memory, %s windows: %s bars, %s kB\n' "$windows" "$(sed -n 2p "$output")" "$peak" >&2
	rm -f -- "$output"
	echo "$peak"
}

# measure_memory MINUTES ROUNDS : a history of so many minutes in one call, against its first day.
measure_memory() {
	local minutes=$1 rounds=$2 day long round
	sql -v minutes="$minutes" -f "$here/memory/setup.sql" >/dev/null
	for ((round = 1; round <= rounds; round++)); do
		day=$(peak_of 288)
		long=$(peak_of $((minutes / 5)))
		if [ "$day" -eq 0 ] || [ "$long" -eq 0 ]; then
			echo '  memory: the backend is not on this machine, so nobody could watch it' >&2
			return
		fi
		sql -c "INSERT INTO bench.fact VALUES ('memory', 'MB, one day', $round, round($day / 1024.0, 1)),
			('memory', 'MB, all $((minutes / 1440)) days', $round, round($long / 1024.0, 1)),
			('memory', 'MB more for all days (must be <= 32)', $round, round(($long - $day) / 1024.0, 1))"
	done
}
