# A split gives the shards above it other numbers, by which Citus locks them: a move in the mode block_writes then waits for nobody who began
# before. What he has written must not be lost without a word.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/cluster.sh"
cluster 2
make_market
feed 0 60
on 0 -c 'SELECT count(*) FROM agg_distribute(shard_count => 6)' >/dev/null
now='2025-07-01 02:00+00'
run_on 0
symbol=$(on 0 -c "SELECT canonical_symbol FROM core_asset_registry_all ORDER BY hashtext(canonical_symbol) DESC LIMIT 1")
# transaction NODE SQL : stays open while a lower shard is split and the symbol's is moved.
transaction() {
	on "$1" -c BEGIN -c "$2" -c 'INSERT INTO open VALUES (1)' -c 'SELECT pg_sleep(6)' -c COMMIT >"$own_folder/transaction" 2>&1 &
	sleep 1
	split block_writes shardminvalue::int >/dev/null
	move_symbol "$symbol" block_writes
	wait
}
insert() { echo "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) VALUES ('$symbol', '1m', '2025-07-01 $1+00', 1, 1, 1, 1, 1)"; }
there() { on 0 -c "SELECT count(*) FROM data_bars WHERE canonical_symbol = '$symbol' AND ts_utc = '2025-07-01 $1+00'"; }
for node in 0 1 2; do on $node -c 'SET citus.enable_ddl_propagation = off' -c 'CREATE TABLE open (x int)'; done
for node in 0 1 2; do
	transaction $node "$(insert "03:0$node")"
	like "$(cat "$own_folder/transaction") $(there "03:0$node")" 'ERROR: .*(moved or split|could not commit).* 0$' "node $node: a write fails rather than be lost"
	on $node -c "$(insert "03:0$node")"
	is "$(there "03:0$node")" 1 "node $node: again it is stored"
done
node=$(node_of "$symbol")
transaction "$node" "SELECT agg_run_batch(p_now_utc => '2025-07-01 04:00+00')"
like "$(cat "$own_folder/transaction")" 'ERROR: .*moved or split' 'a run, too'
is "$(on 0 -c "SELECT agg_set_calendar('$symbol', 'utc') -> 'success'")" true 'what is about the symbol goes on'
now='2025-07-01 05:00+00'
run_on 0
same_as_plain "$now" 'afterwards'
is "$(on 0 -c 'SELECT count(*) FROM agg_verify()') $(on 0 -c 'SELECT count(*) FROM agg_change_log')" '0 0' 'the proof finds nothing, and nothing waits'
is "$(on 0 -c 'SELECT count(*) FROM pg_prepared_xacts')$(on 1 -c 'SELECT count(*) FROM pg_prepared_xacts')$(on 2 -c 'SELECT count(*) FROM pg_prepared_xacts')" 000 'no transaction is left prepared'
done_testing
