# A private server beside another one, with a path too long for a socket, stopped without a trace.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
scripts=$(dirname -- "$AGGREGATION_RUN")/scripts

chmod 711 .
long=$PWD/$(printf 'a%.0s' {1..100})
for folder in "$PWD/short" "$long"; do
	(
		set -euo pipefail
		source "$scripts/packages.sh"
		source "$scripts/server.sh"
		choose_postgresql
		server_make "$folder"
		server_start fsync=off
		server_start
		psql -X -A -t -c 'SHOW listen_addresses' -c 'SELECT current_user'
		if [ ${#PGHOST} -gt 80 ]; then echo 'path too long'; fi
		stat -L -c %a "$PGHOST"
		# A socket folder that was swept away is made anew.
		server_stop
		server_make "$folder"
		server_start
		psql -X -A -t -c 'SELECT 1'
		server_remove
		ls -d "$folder" "$server_socket" 2>&1 | grep -c 'No such'
	) >out 2>&1
	is "$(cat out)" $'\npostgres\n700\n1\n2' "a server in a folder with a path of ${#folder} characters"
done

done_testing
