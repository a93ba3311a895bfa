# Rules of calendars change while the database is distributed: each node follows them, for its own groups.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/cluster.sh"

# What is compared with is made by the rules that there are in the end.
eval "first_$(declare -f make_market)"
rules=''
make_market() {
	first_make_market
	if [ "$database" = plain ]; then on 0 -c "$rules"; fi >/dev/null
}
change_rules() {
	rules+="$1;"
	on "${2:-0}" -c "$1" >/dev/null
}
run() { on 0 -c "CALL agg_run(p_now_utc => '2025-07-02 21:31+00', p_time_budget => '5 minutes')" 2>/dev/null; }
# The rows of a table as each node has them, as one line for each kind that there is.
copies() { for node in $nodes; do on "$node" -c "SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM (SELECT $1) AS t"; done | sort -u | wc -l; }

cluster 3
nodes="0 1 2"
on 0 -c "SELECT citus_remove_node('127.0.0.1', ${ports[3]})" >/dev/null # it comes later
make_market
feed 0 500
on 0 -c 'SELECT count(*) FROM agg_distribute(shard_count => 6)' >/dev/null
run
is "$(on 0 -c 'SELECT count(DISTINCT calendar) FROM agg_calendar_days')" "$(on 0 -c "SELECT count(*) FROM agg_calendars WHERE calendar <> 'utc'")" 'each node knows the days of all calendars'

change_rules "INSERT INTO agg_calendar_exceptions (calendar, trading_date, closed, opens, closes) VALUES ('fx', '2025-07-01', false, '17:00', '02:00')"
is "$(on 0 -c "SELECT count(DISTINCT canonical_symbol) FROM agg_dirty_ranges WHERE due = 'now'")" 13 'an exception marks the tasks of its calendar on all nodes, in its own transaction'
run
same_as_plain '2025-07-02 21:31+00' 'after an exception'
change_rules "UPDATE agg_calendars SET outside_sessions = 'left_out' WHERE calendar = 'fx'"
run
same_as_plain '2025-07-02 21:31+00' 'after a change of a calendar itself'
is "$(copies 'calendar, trading_date, starts_at, opens, closes FROM agg_calendar_days')" 1 'the same days on all nodes'

# ---- a calendar of their own ----
change_rules "INSERT INTO agg_calendars (calendar, time_zone, day_start, week_start) VALUES ('mine', 'Asia/Tokyo', '03:00', 1);
	INSERT INTO agg_calendar_sessions (calendar, weekday, opens, closes) SELECT 'mine', d, '05:00', '20:00' FROM generate_series(1, 5) AS d"
for s in 1 3 4 5 6 7; do change_rules "SELECT agg_set_calendar('SYM$s', 'mine')"; done
run
change_rules "UPDATE agg_calendar_sessions SET opens = '09:00' WHERE calendar = 'mine'" 1
run
same_as_plain '2025-07-02 21:31+00' 'with a new calendar, changed on another node'
is "$(copies 'calendar, shipped FROM agg_calendars')" 1 'and the same rows'
like "$(on 0 -c "DELETE FROM agg_calendars WHERE calendar = 'mine'" 2>&1)" 'calendar "mine" is used by the tasks of' 'one that tasks have on any node is not deleted'
like "$(on 0 -c "UPDATE agg_calendars SET time_zone = 'Europe/Nowhere' WHERE calendar = 'mine'" 2>&1)" 'Nowhere' 'nor may it make no sense'
like "$(on 0 -c "UPDATE agg_calendar_sessions SET weekday = 9 WHERE calendar = 'mine'" 2>&1)" 'weekday' 'in any row'

# ---- with moves, and what nobody has noticed ----
moved="SELECT citus_move_shard_placement(s.shardid, s.nodename, s.nodeport, '127.0.0.1', CASE s.nodeport WHEN ${ports[1]} THEN ${ports[2]} ELSE ${ports[1]} END, 'force_logical')
	FROM (SELECT * FROM citus_shards WHERE table_name = 'data_bars'::regclass ORDER BY shardid LIMIT 1) AS s"
on 0 -c "$moved" >/dev/null &
mover=$!
for close in 03 04 05; do change_rules "UPDATE agg_calendar_exceptions SET closes = '$close:00' WHERE calendar = 'fx' AND trading_date = '2025-07-01'"; done
wait "$mover"
run
same_as_plain '2025-07-02 21:31+00' 'while a group moves'
days=$(on 1 -c "SELECT 'agg_calendar_days_' || shardid FROM pg_dist_shard WHERE logicalrelid = 'agg_calendar_days'::regclass")
on 1 -c "UPDATE $days SET opens = '{}', closes = '{}' WHERE calendar = 'fx' AND trading_date = '2025-07-01'"
like "$(on 0 -c 'SELECT agg_refresh_calendars()')" '"calendar": "fx".*"tasks_marked": [1-9]' 'agg_refresh_calendars() looks on all nodes'
is "$(on 0 -c "SELECT agg_refresh_calendars() ->> 'tasks_marked'")" 0 'and then finds nothing'
run
same_as_plain '2025-07-02 21:31+00' 'after a look at all calendars'

# ---- a new node ----
nodes="0 1 2 3"
on 0 -c "SELECT citus_add_node('127.0.0.1', ${ports[3]})" -c 'SELECT citus_rebalance_start()' -c 'SELECT citus_rebalance_wait()' >/dev/null 2>&1
is "$(on 0 -c "SELECT count(*) FROM citus_shards WHERE table_name = 'data_bars'::regclass AND nodeport = ${ports[3]}")" 2 'a new node gets shards'
change_rules "INSERT INTO agg_calendar_exceptions (calendar, trading_date, closed, opens, closes) VALUES ('mine', '2025-07-01', false, '03:00', '11:00')"
run
same_as_plain '2025-07-02 21:31+00' 'with a new node'
is "$(copies 'calendar, trading_date, starts_at, opens, closes FROM agg_calendar_days')" 1 'which has the same days'
is "$(on 0 -c 'SELECT count(*) FROM agg_verify()')" 0 'the proof finds nothing'
like "$(on 0 -c 'TRUNCATE agg_calendars CASCADE' 2>&1)" 'cannot be truncated' 'rules are not truncated'
done_testing
