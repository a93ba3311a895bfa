# A private PostgreSQL server in a folder of its own. Sourced.
#
# It listens on a Unix socket only, in a folder that only its owner may enter,
# so it needs no port, no password, and lives beside any other PostgreSQL.
#
#   FOLDER/data      the cluster          FOLDER/log      what the server says
#   FOLDER/socket    the socket, or, where that path is too long for one
#                    (some 100 bytes), a link to a short folder in /tmp
#
# PostgreSQL refuses to run as root. As root its programs run as the user
# "postgres", who may not be able to read this checkout: nothing that runs as
# that user is given a file of it.

# as_server COMMAND… : runs COMMAND as the user who owns the server.
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

# server_at FOLDER : which server the functions below, psql and all of libpq mean.
server_at() {
	server_folder=$1
	server_socket=$server_folder/socket
	if [ ${#server_socket} -gt 80 ]; then
		server_socket=$(readlink -- "$server_socket" || true)
	fi
	unset PGSERVICE PGSERVICEFILE PGHOSTADDR PGPASSWORD PGOPTIONS PGSSLMODE PGREQUIRESSL PGDATA PGTZ PGDATESTYLE
	export PGHOST=$server_socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	PATH=$(bin_dir):$PATH
	export PATH
}

server_runs() {
	as_server "$(bin_dir)/pg_ctl" -D "$server_folder/data" status >/dev/null 2>&1
}

# server_make FOLDER : a new empty server in FOLDER, unless there is one already.
server_make() {
	if [ ! -e "$1/data/PG_VERSION" ]; then
		mkdir -p -- "$1" "$1/socket.new"
		if [ ${#1} -gt 70 ]; then
			rmdir -- "$1/socket.new"
			ln -sfn -- "$(mktemp -d /tmp/aggregation-socket.XXXXXX)" "$1/socket"
		else
			mv -T -- "$1/socket.new" "$1/socket"
		fi
		chmod 700 -- "$1" "$1/socket/"
		if [ "$(id -u)" -eq 0 ]; then
			chown postgres: "$1" "$1/socket/"
		fi
		# A cluster that was left half-made by an interruption is made again.
		rm -rf -- "$1/data"
		as_server "$(bin_dir)/initdb" -D "$1/data" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
			--no-sync >"$1/initdb.log" 2>&1 </dev/null || {
			cat "$1/initdb.log" >&2
			rm -rf -- "$1/data"
			echo "initdb failed in $1 (see above)" >&2
			exit 1
		}
	fi
	local made
	made=$(cat "$1/data/PG_VERSION")
	if [ "$made" != "$("$(bin_dir)/postgres" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')" ]; then
		echo "The server in $1 was made by PostgreSQL $made, which is not the one that PG_CONFIG names." >&2
		echo "Hint: remove that folder, or set PG_CONFIG to the old one." >&2
		exit 1
	fi
	server_at "$1"
}

# server_start [SETTING=VALUE…] : starts the server unless it runs.
server_start() {
	server_runs && return
	local options="-c listen_addresses='' -c unix_socket_permissions=0700 -p 5432 -k '$server_socket'" setting
	for setting in "$@"; do
		options+=" -c $setting"
	done
	# A socket folder in /tmp may have been swept away since the server was made.
	if [ ! -d "$server_socket" ]; then
		server_socket=$(mktemp -d /tmp/aggregation-socket.XXXXXX)
		if [ "$(id -u)" -eq 0 ]; then chown postgres: "$server_socket"; fi
		ln -sfn -- "$server_socket" "$server_folder/socket"
		export PGHOST=$server_socket
		options=${options/-k \'*\'/-k \'$server_socket\'}
	fi
	as_server "$(bin_dir)/pg_ctl" -D "$server_folder/data" -l "$server_folder/log" -w -t 60 -s -o "$options" start \
		>/dev/null </dev/null || {
		tail -n 20 "$server_folder/log" >&2
		echo "The private server in $server_folder did not start (the end of its log is above)." >&2
		exit 1
	}
}

server_stop() {
	server_runs || return 0
	as_server "$(bin_dir)/pg_ctl" -D "$server_folder/data" -m fast -w -t 60 -s stop </dev/null
}

# server_remove : stops the server and deletes its folder.
server_remove() {
	server_stop || true
	rm -rf -- "$server_folder"
	case $server_socket in
	/tmp/aggregation-socket.*) rm -rf -- "$server_socket" ;;
	esac
}
