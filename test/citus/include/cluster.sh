# A Citus cluster of a test's own, on loopback: node 0 is the coordinator. Sourced.
#
#   cluster 2          a coordinator and two workers, each with a database "market"; draws the seed of what is random, where there is none
#   move 2, split      groups of shards; kill_node 1
#   on 0 -c 'SELECT …' psql on a node
#   same_as_plain      compares the bars with those that one node makes of the same minutes
source "${ROOT:?}/test/tap.sh"
source "$ROOT/test/own_server.sh"

free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
on() {
	local node=$1
	shift
	PGOPTIONS="-c client_min_messages=${messages:-warning} -c timezone=UTC" PGHOST=${sockets[node]} PGPORT=${ports[node]} psql -X -q -A -t -v ON_ERROR_STOP=1 -d "${database:-market}" "$@"
}
# PostgreSQL's newer minor releases want to be told which libraries decode changes; Citus's does when a shard is split.
if "$(bin_dir)/postgres" --describe-config | grep -q '^output_plugin_libraries'; then
	decoders=(output_plugin_libraries="'pgoutput,citus'")
else
	decoders=()
fi
# preload, node_settings : what else a test wants its nodes to have.
node_settings=()
start_node() {
	server_at "$own_folder/node$1"
	server_start "shared_preload_libraries='${preload:-citus}'" "${node_settings[@]}" port="${ports[$1]}" listen_addresses=127.0.0.1 wal_level=logical max_worker_processes=40 \
		max_logical_replication_workers=20 max_replication_slots=20 max_wal_senders=20 max_prepared_transactions=100 max_connections=150 \
		citus.node_conninfo=sslmode=disable citus.enable_statistics_collection=off fsync=off "${decoders[@]}"
}
remove_cluster() {
	local node
	for node in "${!ports[@]}"; do
		server_folder=$own_folder/node$node server_socket=${sockets[node]}
		server_remove
	done
	rm -rf -- "$own_folder"
}
cluster() {
	local node
	if [ -z "${seed:-}" ]; then
		seed=${AGGREGATION_SEED:-$RANDOM}
		echo "# seed $seed"
	fi
	ports=() sockets=()
	own_folder=$(mktemp -d /tmp/aggregation-own.XXXXXX)
	chmod 711 "$own_folder"
	trap remove_cluster EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	for node in $(seq 0 "$1"); do
		ports[node]=$(free_port)
		server_make "$own_folder/node$node" || exit 1
		sockets[node]=$server_socket
		start_node "$node" || exit 1
		database=postgres on "$node" -c 'CREATE DATABASE market'
		on "$node" -c 'CREATE EXTENSION citus'
	done
	join_nodes "$1"
}
# join_nodes N : their databases become one of many nodes. Shards are for the workers.
join_nodes() {
	local node
	on 0 -c "SELECT citus_set_coordinator_host('127.0.0.1', ${ports[0]})" >/dev/null
	for node in $(seq 1 "$1"); do on 0 -c "SELECT citus_add_node('127.0.0.1', ${ports[node]})" >/dev/null; done
	on 0 -c "SELECT citus_set_node_property('127.0.0.1', ${ports[0]}, 'shouldhaveshards', false)" >/dev/null
}

# ---- what happens to groups of shards, and to nodes ----

# node_of SYMBOL : the number of the worker that has it.
node_of() { on 0 -c "SELECT array_position(ARRAY[${ports[1]}, ${ports[2]}], nodeport::int) FROM citus_shards WHERE table_name = 'data_bars'::regclass AND shardid = get_shard_id_for_distribution_column('data_bars', '$1')"; }
# move N [MODE] : the Nth group of data_bars to the other worker; move_symbol SYMBOL [MODE] : the group of a symbol.
move() { move_shard "SELECT shardid FROM citus_shards WHERE table_name = 'data_bars'::regclass ORDER BY shardid OFFSET $1 LIMIT 1" "${2:-}" >/dev/null 2>&1; }
move_symbol() { move_shard "SELECT get_shard_id_for_distribution_column('data_bars', '$1')" "${2:-}" >/dev/null; }
move_shard() {
	on 0 -c "SELECT citus_move_shard_placement(s.shardid, s.nodename, s.nodeport, '127.0.0.1', CASE s.nodeport WHEN ${ports[1]} THEN ${ports[2]} ELSE ${ports[1]} END, '${2:-force_logical}')
		FROM citus_shards AS s WHERE s.table_name = 'data_bars'::regclass AND s.shardid = ($1)"
}
# split [MODE [ORDER]] : the first group in an order of pg_dist_shard.
split() { # to the other worker: on the same one Citus 13.2 loses the key of what is updated meanwhile, and waits forever
	on 0 -c "SELECT citus_split_shard_by_split_points(s.shardid, ARRAY[((s.shardminvalue::bigint + s.shardmaxvalue::bigint) / 2)::text], ARRAY[n.nodeid, n.nodeid], '${1:-force_logical}')
		FROM (SELECT * FROM pg_dist_shard WHERE logicalrelid = 'data_bars'::regclass ORDER BY ${2:-shardid} LIMIT 1) AS s
		JOIN pg_dist_placement AS p USING (shardid) JOIN pg_dist_node AS n ON n.groupid NOT IN (0, p.groupid)" 2>&1
}
until_stopped() { while [ ! -e "$own_folder/stop" ]; do "$@" || true; done; }
# run_on NODE : what a runner of the node does once, with the test's clock.
run_on() { on "$1" -c "CALL agg_run(p_now_utc => '${now:?}')" >/dev/null 2>&1; }
kill_node() {
	local postmaster processes
	postmaster=$(head -n 1 "$own_folder/node$1/data/postmaster.pid")
	processes="$postmaster $(pgrep -P "$postmaster" | paste -sd ' ')"
	kill -9 $processes 2>/dev/null
	while ps -p "${processes// /,}" >/dev/null; do sleep 0.1; done
	start_node "$1"
}

# make_market : assets of three kinds (chained, exact, exact in the FX calendar), as one node has them.
make_market() {
	on 0 -c 'CREATE EXTENSION aggregation' -c 'SET client_min_messages = error' -c 'SELECT count(*) FROM agg_setup()' >/dev/null
	on 0 -f - <<'SQL'
INSERT INTO core_asset_registry_all (canonical_symbol, metadata)
SELECT 'SYM' || s, jsonb_build_object('agg', jsonb_build_object('optional', '["4h", "1d"]'::jsonb) || CASE WHEN s % 3 > 0 THEN '{"source": "1m"}' ELSE '{}' END::jsonb
	|| CASE WHEN s % 3 = 2 THEN '{"calendar": "fx"}' ELSE '{}' END::jsonb)
FROM generate_series(1, 40) AS s;
SQL
	on 0 -c "SELECT sync_agg_state_from_registry('prod', '2025-07-01')" >/dev/null
}

# feed FROM TO : through the coordinator, or through the node $writer.
# minutes FROM TO : COPY data of minutes [FROM, TO) of the market's first day.
minutes() {
	awk -v from="$1" -v to="$2" -v seed="${seed:?}" 'BEGIN { srand(seed + from); for (m = from; m < to; m++) for (s = 1; s <= 40; s++) if (rand() < 0.95) {
		p = 100 + s + rand(); printf "SYM%d\t1m\t2025-07-01 %02d:%02d:00+00\t%.5f\t%.5f\t%.5f\t%.5f\t%d\t%.6f\t%d\n", s, m / 60, m % 60, p, p + rand(), p - rand(), p + rand() / 2, rand() * 1000, p, rand() * 50 } }'
}
feed() { minutes "$1" "$2" | on "${writer:-0}" -c '\copy data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count) FROM STDIN'; }

# What is compared of each live bar.
bars="SELECT canonical_symbol, timeframe, ts_utc, float8send(open), float8send(high), float8send(low), float8send(close), float8send(vol), float8send(vwap), trade_count, source_candles, expected_candles, quality_score
	FROM derived_data_bars WHERE deleted_at IS NULL"
live_bars() { on 0 -c "$bars" | LC_ALL=C sort; }

# same_as_plain NOW DESCRIPTION : a database of one node makes its bars of the same minutes.
same_as_plain() {
	(
		database=postgres on 0 -c 'DROP DATABASE IF EXISTS plain' -c 'CREATE DATABASE plain'
		export database=plain
		make_market
		database=market on 0 -c '\copy (SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count FROM data_bars WHERE source IS DISTINCT FROM '\''synthetic'\'') TO STDOUT' |
			on 0 -c '\copy data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count) FROM STDIN'
		on 0 -c "CALL agg_run(p_now_utc => '$1', p_time_budget => '10 minutes')" 2>/dev/null
		live_bars >"$own_folder/plain"
	)
	live_bars >"$own_folder/distributed"
	is "$(($(wc -l <"$own_folder/plain") > 100))" 1 "$2: there are bars to compare"
	is "$(diff "$own_folder/plain" "$own_folder/distributed" | head -n 5)" '' "$2: the same bars, bit by bit"
}
