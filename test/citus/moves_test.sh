# Shards move and are split, and nodes die, while a feed writes and runners run: in the end the bars are what one node makes of the minutes.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/cluster.sh"
cluster 2
RANDOM=$seed
make_market
feed 0 60
on 0 -c 'SELECT count(*) FROM agg_distribute(shard_count => 6)' >/dev/null

now='2025-07-02 00:01+00'
change() { # a late bar, a correction, a deletion
	local minute=$((RANDOM % 60))
	on 0 -c "UPDATE data_bars SET high = high + 0.5 WHERE canonical_symbol = 'SYM$((1 + RANDOM % 40))' AND ts_utc = '2025-07-01 00:$(printf %02d $minute)+00'" \
		-c "DELETE FROM data_bars WHERE canonical_symbol = 'SYM$((1 + RANDOM % 40))' AND ts_utc = '2025-07-01 00:$(printf %02d $minute)+00'" >/dev/null 2>&1
}
write_feed() {
	local minute
	for minute in $(seq 60 5 700); do
		until feed "$minute" $((minute + 5)) 2>/dev/null; do sleep 0.5; done # a node that is down takes nothing: all or none
		change
	done
}
settle() {
	local round
	for round in 1 2 3; do on 0 -c "CALL agg_run(p_now_utc => '2025-07-03 00:01+00', p_time_budget => '5 minutes')" 2>/dev/null; done
}

# A node that has no group yet, or none any more.
on 0 -c "SELECT citus_drain_node('127.0.0.1', ${ports[2]}, 'block_writes')" >/dev/null 2>&1
like "$(on 0 -c "SELECT agg_run_batch(p_now_utc => '2025-07-02 00:01+00')" 2>&1)" '"success": true' 'a node without a group has nothing to say'
like "$(on 0 -c "SELECT sync_agg_state_from_registry('prod')" 2>&1)" '"success": true' 'to anything'
on 0 -c "SELECT citus_set_node_property('127.0.0.1', ${ports[2]}, 'shouldhaveshards', true)" -c "SELECT rebalance_table_shards(shard_transfer_mode => 'block_writes')" >/dev/null 2>&1

write_feed &
feeder=$!
until_stopped run_on 1 &
runners=$!
until_stopped run_on 2 &
runners="$runners $!"
moves=0
for n in 0 1 2 0 3 1; do if move "$n"; then moves=$((moves + 1)); fi; done
is "$moves" 6 'shards move while a feed writes and runners run'
is "$(split)" '' 'a shard is split'
is "$(on 0 -c "SELECT count(*) FROM citus_shards WHERE table_name = 'data_bars'::regclass")" 7 'into two'
kill_node 1
move 2 &
mover=$!
sleep 2
kill_node 2
wait $mover || true
# What the dead node was prepared to commit is settled by the coordinator.
on 0 -c 'SELECT recover_prepared_transactions()' >/dev/null
wait $feeder
touch "$own_folder/stop"
wait $runners || true
on 0 -c 'CALL citus_cleanup_orphaned_resources()' >/dev/null 2>&1
settle
is "$(on 0 -c 'SELECT count(*) > 25000 FROM data_bars')" t 'the feed is complete'
same_as_plain '2025-07-03 00:01+00' 'after moves, a split and two deaths'
is "$(on 0 -c 'SELECT count(*) FROM agg_verify()')" 0 'the proof finds nothing'
is "$(on 0 -c 'SELECT count(*) FROM agg_change_log')" 0 'nothing is left in the log'
is "$(on 0 -c "SELECT count(*) FROM agg_dirty_ranges WHERE due = 'now'")" 0 'and no mark'
done_testing
