# Policies of retention on several nodes: each group carries them out for itself, wherever it is.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/cluster.sh"
now='2025-07-02 04:31+00'
cluster 2
make_market
feed 0 300
on 0 -c "SELECT agg_set_retention('SYM3', '1m', '30 days')" >/dev/null # comes along
on 0 -c 'SELECT count(*) FROM agg_distribute(shard_count => 6)' >/dev/null
feed 300 400
# The day is over: nothing is to be made of its minutes any more.
on 0 -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT 'SYM' || s, '1m', '2025-07-02 00:50+00', 1, 1, 1, 1, 1 FROM generate_series(1, 40) AS s"
on 0 -c "CALL agg_run(p_now_utc => '$now')" 2>/dev/null
live_bars >"$own_folder/before"
symbols_left() { on 0 -c "SELECT string_agg(DISTINCT canonical_symbol, ' ' ORDER BY canonical_symbol) FROM data_bars WHERE timeframe = '1m' AND ts_utc < '2025-07-02'"; }
same_bars() { is "$(live_bars | diff - "$own_folder/before" | head -n 3)" '' "$1"; }
policies="SELECT COALESCE(canonical_symbol, '-'), timeframe, keep, rows_removed, waiting_symbols, waits_for, last_error FROM v_aggregation_retention ORDER BY 1"
minutes="SELECT count(*) FROM data_bars WHERE timeframe = '1m'"
first_day="$minutes AND ts_utc < '2025-07-02' AND canonical_symbol NOT IN ('SYM3', 'SYM7')"
total=$(on 0 -c "$minutes") of_first_day=$(on 0 -c "$first_day")

is "$(on 0 -c "SELECT agg_set_retention(NULL, '1m', '30 minutes') ->> 'changed'")" true 'a policy for all is set on the coordinator'
is "$(on 1 -c "SELECT agg_set_retention('SYM7', '1m', '20 days') ->> 'changed'")" true 'one of a symbol on a worker'
is "$(on 2 -c "SELECT agg_set_retention('SYM7', '1m', '20 days') ->> 'changed'")" false 'which the other one knows'
is "$(on 0 -c "SELECT agg_set_retention('SYM77', '1m', '20 days')" 2>&1 | head -n 1)" 'ERROR:  symbol "SYM77" does not exist' 'a symbol that there is not is refused'
is "$(on 0 -c "$policies")" "-|1m|00:30:00|0|0||
SYM3|1m|30 days|0|0||
SYM7|1m|20 days|0|0||" 'all are listed, once'
run_on 1
left=$(on 0 -c "$first_day")
is "$((left > 0 && left < of_first_day))" 1 'the runner of a node carries them out for its groups'
on 0 -c "CALL agg_run(p_now_utc => '$now')" 2>/dev/null
is "$(symbols_left)" 'SYM3 SYM7' 'that of the coordinator for all others'
is "$(on 0 -c "$policies" | head -n 1)" "-|1m|00:30:00|$((total - $(on 0 -c "$minutes")))|38|SYM1/1d, which has got to 2025-07-02T00:00:00+00:00|" 'what they removed, and what they wait for, is added up'
is "$(on 2 -c "$policies" | wc -l)" 3 'a worker lists them, too'
same_bars 'bars stay as they are'

# What comes for a time that is retired changes no bar; what lives on goes on.
on 0 -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT 'SYM' || s, '1m', '2025-07-01 03:00:30+00', 1, 1, 1, 1, 1 FROM generate_series(1, 6) AS s WHERE s <> 3"
on 0 -c "CALL agg_run(p_now_utc => '$now')" 2>/dev/null
same_bars 'a late minute of what is sealed, too'

# A group that moves, or is split, goes on where it comes to.
again() {
	on 0 -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT 'SYM' || s, '1m', '2025-07-01 0$1:00+00', 1, 1, 1, 1, 1 FROM generate_series(1, 40) AS s WHERE s NOT IN (3, 7)"
	now="2025-07-02 0$2+00"
	run_on 1
	run_on 2
	is "$(symbols_left)" 'SYM3 SYM7' "$3"
	same_bars "$3: bars stay"
}
for group in 0 3; do move $group force_logical; done
again 4 05:40 'after moves'
split >/dev/null
again 5 06:50 'after a split'

# What changes is looked at at once, on all nodes.
on 2 -c "SELECT agg_set_retention('SYM7', '1m', '1 hour')" >/dev/null
run_on 1
run_on 2
is "$(symbols_left)" 'SYM3' 'a policy that becomes shorter'
on 1 -c "SELECT agg_set_retention(NULL, '1m', NULL)" >/dev/null
again=$(on 0 -c "SELECT string_agg(canonical_symbol, ' ' ORDER BY canonical_symbol) FROM v_aggregation_retention")
is "$again" 'SYM3 SYM7' 'one that is removed is gone everywhere'
is "$(on 1 -c "SELECT count(*) FROM agg_retention WHERE canonical_symbol IS NULL") $(on 2 -c "SELECT count(*) FROM agg_retention WHERE canonical_symbol IS NULL")" '0 0' 'with what groups noted'
is "$(on 0 -c 'SELECT count(*) FROM agg_verify()')" 0 'the proof finds nothing'

# A policy that fails is told of, with its node's name where it is for all.
on 0 -c "SELECT agg_set_retention(NULL, '5m', '10 days')" >/dev/null
run_on 1
copy=$(on 1 -c "SELECT 'agg_retention_' || shardid FROM pg_dist_shard WHERE logicalrelid = 'agg_retention'::regclass")
on 1 -c 'SET citus.enable_manual_changes_to_shards = on' -c "UPDATE $copy SET last_error = '42501 no', failing_since = now() - interval '1 hour' WHERE shards <> '' AND canonical_symbol IS NULL"
is "$(on 0 -c "SELECT alert, timeframe, detail LIKE 'bars of 5m stay although they are old: 42501 no (node 127.0.0.1:${ports[1]})' FROM v_aggregation_alerts WHERE alert = 'retention'")" 'retention|5m|t' 'a failing policy is an alarm'
is "$(on 0 -c "SELECT value FROM v_aggregation_metrics WHERE metric = 'aggregation_retention_failing_policies' AND labels ->> 'timeframe' = '5m'")" "$(on 0 -c "SELECT count(*) FROM citus_shards WHERE table_name = 'data_bars'::regclass AND nodeport = ${ports[1]}")" 'and a figure'
done_testing
