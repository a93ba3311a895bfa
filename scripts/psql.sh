# Where psql is, and the options that say which database. Sourced.

# connection_option OPTION VALUE : notes one of psql's own options for libpq; fails for any other.
connection_option() {
	case $1 in
	-d | --dbname) export PGDATABASE=$2 ;;
	-h | --host) export PGHOST=$2 ;;
	-p | --port) export PGPORT=$2 ;;
	-U | --username) export PGUSER=$2 ;;
	*) return 1 ;;
	esac
}

# find_psql COMMAND : puts psql on the PATH, or says what COMMAND lacks.
find_psql() {
	command -v psql >/dev/null && return
	PATH=$PATH:$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
	if ! command -v psql >/dev/null; then
		echo "$1: psql is not installed" >&2
		echo "Hint: apt-get install postgresql-client" >&2
		exit 1
	fi
}
