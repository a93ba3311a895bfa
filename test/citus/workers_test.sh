# The background worker of each node makes the bars of its shards, also while the coordinator is gone.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/cluster.sh"
preload='citus, aggregation' node_settings=("aggregation.longest_sleep='1s'")
cluster 2
make_market
on 0 -c 'SELECT count(*) FROM agg_distribute(shard_count => 6)' >/dev/null
eventually_on() {
	local until=$((SECONDS + 120))
	while [ $SECONDS -lt $until ]; do
		[ "$(on "$1" -c "$2" 2>/dev/null)" = t ] && break
		sleep 0.2
	done
	is "$(on "$1" -c "$2" 2>&1)" t "$3"
}
worker_is_there="SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aggregation worker' AND datname = 'market')"
for node in 1 2; do on $node -c "ALTER SYSTEM SET aggregation.databases = 'market'" -c 'SELECT pg_reload_conf()' >/dev/null; done
for node in 1 2; do eventually_on $node "$worker_is_there" "node $node has a worker"; done
# What has just been looked at is not due before a minute is over: a test does not wait for that.
feed_and_call() {
	feed "$1" "$2"
	on "${writer:-0}" -c 'UPDATE data_agg_state SET next_run_at = NULL'
}
made="SELECT count(*) = 40 FROM derived_data_bars WHERE timeframe = '1h' AND deleted_at IS NULL AND ts_utc = '2025-07-01 0"
feed_and_call 0 130
eventually_on 0 "${made}1:00+00'" 'what the coordinator takes is made by the workers'

server_at "$own_folder/node0"
server_stop >/dev/null
writer=1 feed_and_call 130 310
eventually_on 1 "${made}4:00+00'" 'without the coordinator they go on'
is "$(on 1 -c "SELECT agg_start('SYM7', '5m') ? 'success'")" t 'tasks can be claimed'
is "$(on 2 -c "SELECT agg_finish('SYM7', '5m', false, p_error => 'test') ? 'success'")" t 'on any node'
start_node 0
writer=0 feed_and_call 310 400
eventually_on 0 "${made}5:00+00'" 'when it is back, it takes minutes again'
for round in 1 2 3; do on 0 -c "CALL agg_run(p_time_budget => '5 minutes')" 2>/dev/null; done
on 0 -c "SELECT agg_reset_task('SYM7', '5m')" >/dev/null
on 0 -c "CALL agg_run(p_time_budget => '5 minutes')" 2>/dev/null
same_as_plain "$(date -u +%FT%TZ)" 'made by workers'
is "$(on 0 -c 'SELECT count(*) FROM agg_verify()')" 0 'the proof finds nothing'
done_testing
