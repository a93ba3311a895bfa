# Indexes whose parts are in other groups, on this node or another: minutes, late changes, changes of rules, moves and deaths.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/cluster.sh"
bars="$bars UNION ALL SELECT canonical_symbol, timeframe, ts_utc, float8send(open), float8send(high), float8send(low), float8send(close), float8send(vol), float8send(vwap), trade_count, NULL, NULL, NULL FROM data_bars WHERE source = 'synthetic'"
pairs='EURUSD USDJPY GBPUSD USDCAD USDSEK USDCHF'

# What is compared with is made by the rules that there are in the end.
eval "first_$(declare -f make_market)"
eval "symbol_$(declare -f minutes)"
rules="INSERT INTO agg_indexes (canonical_symbol, constant, components, exponents, carry_minutes) VALUES ('BASKET', 2, '{SYM1,SYM2,SYM3,SYM4,EURUSD}', '{0.5,-0.25,1,-1,0.1}', 3);
	INSERT INTO agg_indexes (canonical_symbol, constant, components, exponents) VALUES ('META', 1, '{DXY,BASKET,SYM9}', '{1,1,-0.5}')"
make_market() {
	first_make_market
	on 0 -c "$rules" -c "INSERT INTO core_asset_registry_all (canonical_symbol, metadata) SELECT s, '{\"agg\": {\"optional\": [\"4h\"]}}' FROM unnest('{DXY,BASKET,META}'::text[]) AS s" \
		-c "SELECT sync_agg_state_from_registry('prod', '2025-07-01')" >/dev/null 2>&1
}
# Some are missing; not those of 01:02 and 01:30, which are changed below.
minutes() {
	symbol_minutes "$1" "$2"
	awk -v from="$1" -v to="$2" -v seed="$((seed + 7))" -v pairs="$pairs" 'BEGIN { srand(seed + from); n = split(pairs, pair, " "); for (m = from; m < to; m++) for (i = 1; i <= n; i++) if (rand() < 0.97 || m == 62 || m == 90) {
		p = i + rand() / 9; printf "%s\t1m\t2025-07-01 %02d:%02d:00+00\t%.6f\t%.6f\t%.6f\t%.6f\t1\t%.6f\t1\n", pair[i], m / 60, m % 60, p, p, p, p, p } }'
}
change_rules() {
	rules+="; $1"
	on "${2:-0}" -c "$1" >/dev/null
}
now='2025-07-02 00:01+00'
# Rounds, later and later: a task whose source was not there waits for the next one.
clock=0
run() {
	for round in 1 2 3; do
		clock=$((clock + 10))
		on 0 -c "CALL agg_run(p_now_utc => '$now'::timestamptz + interval '$clock minutes', p_time_budget => '5 minutes')" 2>/dev/null
	done
}
shard_of() { on 0 -c "SELECT '$1_' || get_shard_id_for_distribution_column('$1', '$2')"; }

cluster 2
make_market
feed 0 200
on 0 -c 'SELECT count(*) FROM agg_distribute(shard_count => 6)' >/dev/null
run
is "$(on 0 -c "SELECT count(*) > 300 FROM data_bars WHERE source = 'synthetic'")" t 'minutes of indexes are made where the index is'
same_as_plain "$now" 'indexes of parts on other nodes'

# ---- late parts ----
feed 200 420
on 0 -c "UPDATE data_bars SET close = close * 1.01 WHERE canonical_symbol = 'EURUSD' AND ts_utc BETWEEN '2025-07-01 01:00+00' AND '2025-07-01 01:07+00'"
on 0 -c "DELETE FROM data_bars WHERE canonical_symbol = 'USDCHF' AND ts_utc BETWEEN '2025-07-01 02:00+00' AND '2025-07-01 02:20+00'"
run
on 0 -c "UPDATE data_bars SET close = close + 1 WHERE canonical_symbol = 'SYM3' AND ts_utc = '2025-07-01 00:30+00'"
on 0 -c "DELETE FROM data_bars WHERE canonical_symbol IN ('SYM1', 'SYM2') AND ts_utc BETWEEN '2025-07-01 03:00+00' AND '2025-07-01 03:10+00'"
run
same_as_plain "$now" 'after late changes of parts'
is "$(on 0 -c 'SELECT count(*) FROM agg_change_log')" 0 'nothing is left in the log'
is "$(on 0 -c "SELECT count(*) FROM agg_dirty_ranges WHERE due = 'now'")" 0 'and no mark'
is "$(on 0 -c 'SELECT count(*) FROM agg_verify()')" 0 'the proof finds nothing'

like "$(on 0 -c "SELECT agg_why('DXY', '5m', '2025-07-01 07:05+00')")" 'component USDCHF has 0 of 5 minutes' 'who asks why a bar is missing is told of a part on another node'

# ---- the proof ----
home=$(node_of DXY)
on "$home" -c 'SET session_replication_role = replica' -c "UPDATE $(shard_of data_bars DXY) SET open = 7, high = 7, low = 7, close = 7 WHERE canonical_symbol = 'DXY' AND ts_utc = '2025-07-01 01:30+00'"
is "$(on 0 -c "SELECT difference, expected <> '7', explanation FROM agg_verify() WHERE canonical_symbol = 'DXY' AND timeframe = '1m'")" 'differs|t|' 'the proof sees a wrong minute'
for node in 0 1 2; do
	is "$(on "$node" -c "SELECT agg_compute_index('DXY', '2025-07-01', '2025-07-01 05:00+00') - '{inserted,updated,unchanged,skipped}'::text[]")" '{"success": true, "version": 1}' "an index is computed from node $node"
done
is "$(on 0 -c "SELECT agg_compute_index('DXY', '2025-07-01', '2025-07-01 05:00+00') -> 'inserted'")" 0 'once'
is "$(on 1 -c "SELECT calc_dxy_range_1m('2025-07-01', '2025-07-01 05:00+00') -> 'success'")" true 'the same by its old name'
like "$(on 0 -c BEGIN -c "UPDATE data_bars SET high = high WHERE canonical_symbol LIKE 'SYM%'" -c "SELECT agg_compute_index('DXY', '2025-07-01', '2025-07-01 05:00+00')" -c COMMIT 2>&1)" 'changes several nodes cannot also work on an index' 'but not by a transaction that is prepared'
run
same_as_plain "$now" 'after that'

# ---- rules ----
change_rules "UPDATE agg_indexes SET constant = 3, carry_minutes = 1 WHERE canonical_symbol = 'BASKET'" 2
run
same_as_plain "$now" 'after a change of an index'
like "$(on 0 -c "UPDATE agg_indexes SET components = '{META,SYM2,SYM3,SYM4,EURUSD}' WHERE canonical_symbol = 'BASKET'" 2>&1)" 'in a circle: BASKET -> META -> BASKET' 'a circle is refused'

# Rules that one node knows already, and the other is about to learn.
home=$(node_of EURUSD)
on "$home" -c BEGIN -c "UPDATE $(on 0 -c "SELECT 'agg_indexes_' || shardid FROM pg_dist_shard WHERE logicalrelid = 'agg_indexes'::regclass") SET decimals = decimals" -c "PREPARE TRANSACTION 'rules'"
on 0 -c "UPDATE data_bars SET close = close * 1.02 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 01:02+00'"
run
is "$(on 0 -c "SELECT count(*) FROM agg_change_log WHERE canonical_symbol = 'EURUSD'")" 1 'who does not know the rules leaves the log alone'
on "$home" -c "COMMIT PREPARED 'rules'"
run
same_as_plain "$now" 'after the rules are known'

# ---- moves and deaths ----
until_stopped run_on 1 &
runners=$!
until_stopped run_on 2 &
runners="$runners $!"
for minute in $(seq 420 10 600); do
	until feed "$minute" $((minute + 10)) 2>/dev/null; do sleep 0.5; done
	on 0 -c "UPDATE data_bars SET close = close * 1.001 WHERE canonical_symbol = 'GBPUSD' AND ts_utc = '2025-07-01 0$((minute % 7)):$(printf %02d $((minute % 60)))+00'" 2>/dev/null || true
	case $minute in
		450) move_symbol DXY ;;
		480) move_symbol EURUSD ;;
		510) kill_node 1 ;;
		540) kill_node 2 ;;
		570) move_symbol BASKET ;;
	esac
done
touch "$own_folder/stop"
wait $runners || true
for node in 0 1 2; do on "$node" -c 'SELECT recover_prepared_transactions()' >/dev/null; done
run
same_as_plain "$now" 'after moves and deaths'
is "$(on 0 -c 'SELECT count(*) FROM agg_verify()')" 0 'the proof finds nothing'
is "$(on 0 -c 'SELECT count(*) FROM agg_change_log')" 0 'nothing is left in the log'
is "$(on 0 -c "SELECT count(*) FROM agg_dirty_ranges WHERE due = 'now'")" 0 'and no mark'
done_testing
