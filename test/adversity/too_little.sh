# A server that has too little of something: locks, temporary files, address space, disk. The call says so with PostgreSQL's own error, what was
# there stays, and with enough of it the same call does its work.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../own_server.sh"

own_server fsync=off synchronous_commit=off max_connections=10 max_locks_per_transaction=1000
sql >/dev/null 2>&1 <<'SQL'
CREATE EXTENSION aggregation;
CREATE TABLE data_bars (canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL, provider_ticker text, open float8, high float8, low float8, close float8, vol float8, vwap float8,
	trade_count bigint, is_partial boolean NOT NULL DEFAULT false, source text NOT NULL DEFAULT 'ingest', ingested_at timestamptz DEFAULT now(), raw jsonb DEFAULT '{}', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
	PRIMARY KEY (canonical_symbol, timeframe, ts_utc)) PARTITION BY RANGE (ts_utc);
SELECT format('CREATE TABLE bars_%s PARTITION OF data_bars FOR VALUES FROM (%L) TO (%L)', n, '2025-01-01'::timestamptz + n * interval '1 day', '2025-01-01'::timestamptz + (n + 1) * interval '1 day') FROM generate_series(0, 299) AS n \gexec
SELECT FROM agg_setup();
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
SELECT sync_agg_state_from_registry('prod', '2025-01-01');
SET aggregation.tracking = off;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT 'EURUSD', '1m', '2025-01-01'::timestamptz + n * interval '1 min', 1, 2, 0.5, 1, 1 FROM generate_series(0, 1440 * 300 - 1) AS n;
SQL
is "$(sql -c 'SELECT count(*) FROM data_bars')" 432000 'a year of partitions'

# fails STATE STATEMENT… : the statements, in one session, end with this SQLSTATE, and no bar is stored by them.
fails() {
	local state=$1 said
	shift
	said=$({ echo '\set VERBOSITY sqlstate' && printf '%s;\n' "$@"; } | psql -X -q -A -t 2>&1 | grep -oE 'ERROR: +[0-9A-Z]{5}' | grep -oE '[0-9A-Z]{5}$' | sort -u)
	if [ "$said" = "$state" ]; then echo "$state, $(sql -c "SELECT count(*) FROM derived_data_bars") bars"; else echo "says ${said:-nothing}"; fi
}
# Whatever is due, and at once.
work() { sql -c 'UPDATE data_agg_state SET next_run_at = NULL' -c "CALL agg_run(p_time_budget => '5 minutes')" >/dev/null 2>&1; }
whole="SELECT catchup_aggregation_range('EURUSD', '5m', '2025-01-01', 1000000, '2025-12-31')"

# Three hundred partitions, and room for half as many locks: 10 for each process that may ever be there. PostgreSQL's spare shared memory
# (100 kB and what it rounded up) takes some hundred more, so that the processes have to be few.
server_stop
server_start fsync=off synchronous_commit=off max_connections=4 superuser_reserved_connections=0 max_worker_processes=2 max_wal_senders=0 autovacuum_max_workers=1 \
	max_locks_per_transaction=10
is "$(fails 53200 "$whole")" '53200, 0 bars' 'too few locks: nothing is stored'
work
is "$(sql -c 'SELECT DISTINCT status FROM data_agg_state')" idle 'nor is a task given up'
server_stop
server_start "${own_settings[@]}"

proof="SELECT count(*) FROM agg_verify()"
work
stored=$(sql -c 'SELECT count(*) FROM derived_data_bars')
is "$([ "$stored" -gt 80000 ] && echo many)" many 'with enough locks there are bars'
is "$(sql -c "SET temp_file_limit = 0; $proof" 2>&1)" 0 'the proof needs no temporary files with the default work_mem'
sql -c "SET aggregation.tracking = off; UPDATE derived_data_bars SET close = 7, open = 7, low = 7" >/dev/null
is "$(fails 53400 "SET temp_file_limit = 0" "SET work_mem = '64kB'" "$proof" | sed 's/, .*//')" 53400 'with less it is told that there may be none'
is "$(sql -c "SELECT derived_rebuild_range('EURUSD', '5m', '2025-01-01', '2025-12-31', false) ->> 'success'")" true 'and a rebuild makes good'

# Address space: a backend's limit is that of its server, which is started with it.
server_stop
address_space() {
	(
		ulimit -v "$1"
		server_start fsync=off synchronous_commit=off max_connections=10 shared_buffers=16MB
	)
}
address_space 330000
said=$(sql -c "SELECT catchup_aggregation_range('EURUSD', '1h', '2025-01-01', 1000000, '2025-12-31') ->> 'success'" -c "SELECT derived_rebuild_range('EURUSD', '5m', '2025-01-01', '2025-12-31') ->> 'success'" 2>&1)
echo "# with 330 MB of address space: ${said//$'\n'/ }"
eventually 60 'SELECT true'
is "$(server_crashes)" '' 'with little memory nothing crashes'
address_calls=0
for limit in 220000 260000 290000; do
	server_stop
	address_space "$limit" >/dev/null 2>&1 || continue
	sql -c "SELECT derived_rebuild_range('EURUSD', '5m', '2025-01-01', '2025-12-31')" -c "$proof" >/dev/null 2>&1
	address_calls=$((address_calls + 1))
done
echo "# $address_calls limits at which a server starts"
is "$(server_crashes)" '' 'with less neither'
server_stop
server_start "${own_settings[@]}"
is "$(sql -c "SELECT derived_rebuild_range('EURUSD', '5m', '2025-01-01', '2025-12-31', false) ->> 'success'" 2>&1; work; sql -c "$proof")" 'true
0' 'with enough all is right'

# A disk that is full, where the machine lets us have a small one.
disk=$own_folder/disk
mkdir -- "$disk"
if mount -t tmpfs -o size=3m,mode=777 tmpfs "$disk" 2>/dev/null; then
	trap 'server_remove; umount -l -- "$disk"; rm -rf -- "$own_folder"' EXIT
	mkdir -m 777 -- "$disk/space"
	chown postgres: "$disk/space" 2>/dev/null
	sql -c "CREATE TABLESPACE small LOCATION '$disk/space'"
	sql -c "TRUNCATE derived_data_bars" -c "ALTER TABLE derived_data_bars SET TABLESPACE small" -c "UPDATE data_agg_state SET last_agg_bar_ts_utc = NULL" >/dev/null
	is "$(fails 53100 "$whole")" '53100, 0 bars' 'a full disk: nothing is stored'
	sql -c "ALTER TABLE derived_data_bars SET TABLESPACE pg_default" -c "VACUUM derived_data_bars"
	work
	is "$(sql -c "SELECT count(*) > 80000 FROM derived_data_bars" -c "$proof")" $'t\n0' 'with room all is made'
else
	echo '# no file system of our own: a full disk is not tried'
fi
done_testing
