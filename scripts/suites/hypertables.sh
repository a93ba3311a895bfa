# TimescaleDB's hypertables, where TimescaleDB is installed, on a server of its own that has it preloaded.

export PG_CONFIG
if [ ! -e "$("$PG_CONFIG" --pkglibdir)/timescaledb.so" ]; then
	echo "  skipped: TimescaleDB is not installed for $("$PG_CONFIG" --version)"
	count 0 0 1
	exit 0
fi
shell_files "$ROOT"/test/hypertables/*.sh
