# A private PostgreSQL server in a folder of its own. Sourced.
#
# It listens on a Unix socket only, in a folder that only its owner may enter,
# so it needs no port, no password, and lives beside any other PostgreSQL.
#
#   FOLDER/data      the cluster          FOLDER/log      what the server says
#   FOLDER/socket    the socket, or, where that path is too long for one
#                    (some 100 bytes), a link to a short folder in /tmp
#   FOLDER/programs  the folder of the PostgreSQL programs that made the cluster.
#                    It runs and stops with these, whatever PG_CONFIG says later;
#                    and a folder that has this file is ours.
#
# PostgreSQL refuses to run as root. As root its programs run as the user
# "postgres", who may not be able to read this checkout: nothing that runs as
# that user is given a file of it.

# as_server COMMAND… : runs COMMAND as the user who owns the server.
#
# (Where its output is redirected, it stands in a subshell: the redirection would also hold for a trap of the command.)
as_server() (
	cd /
	if [ "$(id -u)" -eq 0 ]; then
		id postgres >/dev/null 2>&1 || {
			echo "PostgreSQL does not run as root, and there is no user \"postgres\" to run it as." >&2
			echo "Hint: run this as a normal user, or create one: useradd --system postgres" >&2
			exit 1
		}
		runuser -u postgres -- "$@"
	else
		"$@"
	fi
)

# server_programs FOLDER : where the programs of the server in FOLDER are.
server_programs() {
	if [ -e "$1/programs" ]; then
		cat -- "$1/programs"
	else
		bin_dir
	fi
}

# server_folder_problem FOLDER : prints why no server of ours can be in FOLDER; fails if one can be.
server_folder_problem() {
	if [ -e "$1" ] && [ ! -d "$1" ]; then
		echo "exists and is not a folder"
	elif [ -d "$1" ] && { [ ! -r "$1" ] || [ ! -x "$1" ]; }; then
		echo "cannot be read by $(id -un)"
	elif [ -e "$1/programs" ] || [ ! -d "$1" ] || [ -z "$(ls -A -- "$1")" ]; then
		return 1
	# Made before the file "programs" was.
	elif [ -e "$1/data/PG_VERSION" ] && [ -e "$1/initdb.log" ] &&
		[ -z "$(ls -A -- "$1" | grep -vxE 'data|socket|socket\.new|log|initdb\.log')" ]; then
		return 1
	else
		echo "is not empty, and this command did not make its contents"
	fi
}

# server_reachable FOLDER : whether the server's owner gets through to FOLDER; else says what to do.
server_reachable() {
	local parent=$1
	while [ ! -d "$parent" ]; do parent=$(dirname -- "$parent"); done
	if [ "$(id -u)" -ne 0 ]; then
		if [ -d "$1" ] || { [ -w "$parent" ] && [ -x "$parent" ]; }; then return 0; fi
		echo "$(id -un) cannot write to $parent, where the server's folder would be created." >&2
		return 1
	fi
	if [ -d "$1" ]; then parent=$(dirname -- "$1"); fi
	as_server test -x "$parent" && return
	echo "PostgreSQL runs as the user \"postgres\", who cannot enter $parent." >&2
	return 1
}

# server_at FOLDER : which server the functions below, psql and all of libpq mean.
server_at() {
	server_folder=$1
	server_socket=$server_folder/socket
	if [ ${#server_socket} -gt 80 ]; then
		server_socket=$(readlink -- "$server_socket" || true)
	fi
	unset PGSERVICE PGSERVICEFILE PGHOSTADDR PGPASSWORD PGOPTIONS PGSSLMODE PGREQUIRESSL PGDATA PGTZ PGDATESTYLE
	export PGHOST=$server_socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	PATH=$(server_programs "$1"):$PATH
	export PATH
}

# server_status : prints "runs" or "stopped"; fails with a word where that cannot be told.
server_status() {
	local status=0 programs
	programs=$(server_programs "$server_folder")
	(as_server "$programs/pg_ctl" -D "$server_folder/data" status) >/dev/null 2>&1 || status=$?
	case $status in
	0) echo runs ;;
	3) echo stopped ;;
	*)
		if [ ! -e "$server_folder/data/PG_VERSION" ]; then
			echo stopped
			return
		fi
		echo "Cannot tell whether the server in $server_folder runs: $programs/pg_ctl answers $status." >&2
		echo "Hint: it was made by the PostgreSQL whose programs are in $programs; check that they are there, and that you made it." >&2
		return 1
		;;
	esac
}

# server_make FOLDER : a new empty server in FOLDER, unless there is one already.
server_make() {
	local problem
	if problem=$(server_folder_problem "$1"); then
		echo "The folder $1 $problem." >&2
		exit 1
	fi
	if [ ! -e "$1/data/PG_VERSION" ]; then
		mkdir -p -- "$1"
		bin_dir >"$1/programs"
		rm -rf -- "$1/socket"
		if [ ${#1} -gt 70 ]; then
			ln -sfn -- "$(mktemp -d /tmp/aggregation-socket.XXXXXX)" "$1/socket"
		else
			mkdir -- "$1/socket"
		fi
		chmod 700 -- "$1" "$1/socket/"
		if [ "$(id -u)" -eq 0 ]; then
			chown postgres: "$1" "$1/socket/"
		fi
		# A cluster that was left half-made by an interruption is made again.
		rm -rf -- "$1/data"
		(as_server "$(bin_dir)/initdb" -D "$1/data" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync) \
			>"$1/initdb.log" 2>&1 </dev/null || {
			cat "$1/initdb.log" >&2
			rm -rf -- "$1/data"
			echo "initdb failed in $1 (see above)" >&2
			exit 1
		}
	fi
	local made
	made=$(cat "$1/data/PG_VERSION")
	if [ "$made" != "$("$(bin_dir)/postgres" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')" ] ||
		{ [ -e "$1/programs" ] && [ "$(bin_dir)" != "$(cat -- "$1/programs")" ]; }; then
		echo "The server in $1 was made by PostgreSQL $made in $(server_programs "$1"), but PG_CONFIG names the one in $(bin_dir)." >&2
		echo "Hint: leave PG_CONFIG out, or remove the server first." >&2
		exit 1
	fi
	if [ ! -e "$1/programs" ]; then bin_dir >"$1/programs"; fi
	server_at "$1"
}

# server_start [SETTING=VALUE…] : starts the server unless it runs.
server_start() {
	local state
	state=$(server_status) || exit 1
	[ "$state" = stopped ] || return 0
	# A socket folder in /tmp may have been swept away since the server was made.
	if [ ! -d "$server_socket" ]; then
		server_socket=$(mktemp -d /tmp/aggregation-socket.XXXXXX)
		if [ "$(id -u)" -eq 0 ]; then chown postgres: "$server_socket"; fi
		ln -sfn -- "$server_socket" "$server_folder/socket"
		export PGHOST=$server_socket
	fi
	# A shell reads the options again: an apostrophe in the path must not end its quotes.
	local options="-c listen_addresses='' -c unix_socket_permissions=0700 -p 5432 -k '${server_socket//\'/\'\\\'\'}'" setting
	for setting in "$@"; do
		options+=" -c $setting"
	done
	(as_server "$(server_programs "$server_folder")/pg_ctl" -D "$server_folder/data" -l "$server_folder/log" -w -t 60 -s -o "$options" start) \
		>/dev/null </dev/null || {
		tail -n 20 "$server_folder/log" >&2
		echo "The private server in $server_folder did not start (the end of its log is above)." >&2
		exit 1
	}
}

# server_stop : fails, with a word, where the server cannot be stopped.
server_stop() {
	local state
	state=$(server_status) || return 1
	[ "$state" = runs ] || return 0
	as_server "$(server_programs "$server_folder")/pg_ctl" -D "$server_folder/data" -m fast -w -t 60 -s stop </dev/null && return
	echo "The server in $server_folder did not stop (see above)." >&2
	return 1
}

# server_crashes : what the server's log says of processes that died by a signal or a failed check, and what they were at.
server_crashes() { grep -aE -A 2 -- '(was terminated by signal|was terminated by exception|PANIC:|TRAP:)' "$server_folder/log" || true; }

# server_remove : stops the server and deletes what server_make and server_start made, nothing else, and nothing at all
# where it does not stop.
server_remove() {
	[ -e "$server_folder" ] || return 0
	server_stop || return 1
	case $server_socket in
	/tmp/aggregation-socket.*) rm -rf -- "$server_socket" ;;
	esac
	rm -rf -- "$server_folder/data" "$server_folder/socket"
	rm -f -- "$server_folder/log" "$server_folder/initdb.log" "$server_folder/programs"
	rmdir -- "$server_folder" 2>/dev/null || true
}
