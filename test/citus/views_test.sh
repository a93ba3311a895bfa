# What the views, health, metrics and calls about several symbols say where the tables are on several nodes: what they say of one node.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/cluster.sh"
cluster 2
make_market
now='2025-07-01 05:00+00'
feed 0 400
on 0 -c "CALL agg_run(p_now_utc => '$now')" 2>/dev/null

# Of one node: what is told here is compared below. Nothing of it may depend on the clock.
tell() {
	on 0 <<'SQL' | LC_ALL=C sort
SELECT 'lag', canonical_symbol, timeframe, is_mandatory, cursor, source_from, target_seconds, verdict, status, enabled FROM v_aggregation_lag;
SELECT 'frontier', canonical_symbol, timeframe, source_timeframe, status, cursor, max_source_ts, cursor_status, total_runs, total_bars_created, source_before_start FROM v_aggregation_frontier_health;
SELECT 'unread', v.* FROM v_aggregation_unread_bars v;
SELECT 'quality', v.* FROM v_aggregation_quality v;
SELECT 'completeness', v.* FROM v_aggregation_completeness v WHERE trading_date < '2025-07-04';
SELECT 'alert', alert, severity, canonical_symbol, timeframe, remedy FROM v_aggregation_alerts;
SELECT 'metric', topic, metric, labels, value FROM v_aggregation_metrics WHERE metric !~ '(_seconds|log_entries|late_ranges)$' AND (topic, metric) <> ('alarms', 'aggregation_alarms_active') AND topic NOT IN ('consumer', 'tick_source', 'task');
SELECT 'health', status, late, failing, stopped, orphaned FROM agg_health();
SELECT 'completeness of some', v.* FROM agg_completeness('2025-06-30', '2025-07-03', ARRAY['SYM1', 'SYM7', 'SYM8']) v;
SELECT 'watchlist', v.* FROM agg_latest(ARRAY['SYM1', 'SYM2', 'SYM3', 'SYM40'], '5m', true, '2025-07-01 06:00+00') v;
SELECT 'bars of some', v.* FROM agg_bars(ARRAY['SYM1', 'SYM2', 'SYM3', 'SYM40'], '1h', p_now_utc => '2025-07-01 06:00+00') v;
SQL
}
on 0 -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT 'NOBODY' || s, '1m', '2025-07-01 00:00+00', 1, 1, 1, 1, 1 FROM generate_series(1, 9) AS s"
on 0 -c "CALL agg_run(p_now_utc => '$now')" 2>/dev/null
on 0 -c "UPDATE data_agg_state SET hard_fail_streak = 2, last_error = 'odd' WHERE canonical_symbol IN ('SYM4', 'SYM9')" -c "UPDATE data_agg_state SET status = 'hard_failed' WHERE canonical_symbol IN ('SYM5', 'SYM6', 'SYM11')" -c "DELETE FROM core_asset_registry_all WHERE canonical_symbol = 'SYM12'"
tell >"$own_folder/one"
on 0 -c 'SELECT count(*) FROM agg_distribute(shard_count => 8)' >/dev/null
tell >"$own_folder/several"
is "$(($(wc -l <"$own_folder/one") > 500))" 1 'one node has much to say'
# A node's alarms name the node, and each node has its own.
is "$(diff <(grep -v '^alert|no_runner' "$own_folder/one") <(grep -v '^alert|no_runner' "$own_folder/several") | head -n 10)" '' 'several say the same'
is "$(on 0 -c "SELECT count(*) FROM v_aggregation_alerts WHERE alert = 'no_runner' AND detail ~ '^\d+ tasks are due, and nobody runs them \(node 127.0.0.1:\d+\)$'")" 2 'and each of them says who misses a runner'
is "$(on 0 -c "SELECT sum(split_part(detail, ' ', 1)::int) = (SELECT count(*) FROM data_agg_state WHERE enabled AND status = 'idle' AND next_run_at < now() - interval '5 minutes' AND canonical_symbol IN (SELECT canonical_symbol FROM core_asset_registry_all)) FROM v_aggregation_alerts WHERE alert = 'no_runner'")" t 'how many tasks are due is counted once'
like "$(on 0 -c 'SELECT agg_metrics()')" '# EOF' 'metrics can be served'
is "$(on 0 -c "SELECT count(*) FROM agg_metrics() m WHERE m LIKE '%aggregation_tasks{%'")" 1 'with figures of tasks'
is "$(($(on 1 -c 'SELECT count(*) FROM v_aggregation_lag') + $(on 2 -c 'SELECT count(*) FROM v_aggregation_lag')))" "$(on 0 -c 'SELECT count(*) FROM v_aggregation_lag')" 'another node speaks for itself'
is "$(on 1 -c 'SELECT status FROM agg_health()')" red 'also of its health'

# ---- rights ----
on 0 -c 'CREATE ROLE watcher LOGIN' -c 'CREATE ROLE stranger LOGIN' -c "SELECT agg_grant('monitor', 'watcher')" >/dev/null
is "$(PGUSER=watcher on 0 -c 'SELECT status FROM agg_health()')" red 'a monitor may ask for health'
is "$(PGUSER=watcher on 0 -c 'SELECT count(*) FROM v_aggregation_lag')" "$(on 0 -c 'SELECT count(*) FROM v_aggregation_lag')" 'and for all rows of a view'
is "$(PGUSER=watcher on 1 -c 'SELECT status FROM agg_health()')" red 'on each node'
like "$(PGUSER=stranger on 0 -c 'SELECT count(*) FROM v_aggregation_lag' 2>&1)" 'permission denied' 'a stranger may not'
on 0 -c 'GRANT EXECUTE ON FUNCTION agg_rows_of_nodes TO stranger'
like "$(PGUSER=stranger on 0 -c "SELECT count(*) FROM agg_rows_of_nodes('v_aggregation_quality') AS r(node text, canonical_symbol text, timeframe text, bars bigint, good_bars bigint, good_percent numeric, worst_score int)" 2>&1)" 'permission denied for table data_agg_state' 'neither by what the views call'
like "$(on 0 -c "SELECT * FROM agg_rows_of_nodes('v_aggregation_lag') AS r(node text, canonical_symbol int)" 2>&1)" '15 columns, but the call names 2' 'columns that do not fit are refused'
like "$(on 0 -c "SELECT * FROM agg_rows_of_nodes('pg_authid') AS r(node text)" 2>&1)" 'nothing called "pg_authid"' 'and what is no view of ours'
on 0 -c "SELECT agg_revoke('monitor', 'watcher')" >/dev/null
like "$(PGUSER=watcher on 1 -c 'SELECT agg_health()' 2>&1)" 'permission denied' 'what is revoked is revoked on each node'

on 0 -c 'CREATE ROLE looker LOGIN' -c "SELECT agg_grant('reader', 'looker')" >/dev/null
is "$(PGUSER=looker on 0 -c "SELECT count(*) > 10 FROM agg_bars('SYM1', '5m') AS b UNION ALL SELECT count(*) > 10 FROM agg_bars('SYM2', '5m') AS b UNION ALL SELECT count(*) > 10 FROM agg_bars('SYM3', '5m') AS b")" 't
t
t' 'a reader reads the bars of any node'
like "$(PGUSER=stranger on 0 -c "SELECT * FROM agg_bars('SYM1', '5m')" 2>&1)" 'permission denied' 'and nobody else'

# ---- proof ----
on 0 -c 'SELECT agg_verify_sample(p_fraction => 1)' >/dev/null
is "$(on 0 -c "SELECT audit_status, audit_differences FROM v_aggregation_truth")" 'OK|0' 'an audit is of all nodes'
is "$(on 1 -c 'SELECT count(*) FROM agg_audit')" 1 'a row on each of them'
windows=$(on 0 -c 'SELECT audited_windows FROM v_aggregation_truth')
is "$((windows >= $(on 0 -c 'SELECT count(*) FROM derived_data_bars')))" 1 'and counts all windows'
on 0 -c 'SET aggregation.tracking = off' -c "UPDATE derived_data_bars SET high = high + 1 WHERE canonical_symbol = 'SYM7' AND timeframe = '5m'" 2>/dev/null
on 0 -c 'SELECT agg_verify_sample(p_fraction => 1)' >/dev/null
is "$(on 0 -c "SELECT audit_status, audit_differences > 10, jsonb_array_length(audit_details) > 10 FROM v_aggregation_truth")" 'RED|t|t' 'what one node finds wrong is told'
is "$(on 0 -c "SELECT count(*) FROM v_aggregation_alerts WHERE alert = 'proof'")" 1 'as an alarm of that node'

# ---- tasks of several nodes ----
feed 400 430
is "$(on 0 -c "SELECT count(*), sum(windows_processed) > 0 FROM agg_aggregate_tasks(ARRAY['SYM1', 'SYM2', 'SYM3', 'SYM8'], ARRAY['5m', '5m', '5m', '1h'], 1000, '2025-07-01 07:30+00')")" '4|t' 'tasks of several nodes are made in one call'
like "$(on 0 -c "SELECT * FROM agg_aggregate_tasks(ARRAY['SYM1', 'NOTHING'], ARRAY['5m', '5m'])" 2>&1)" 'NOTHING' 'a task that is nowhere is missed'

# ---- the registry, on each node for itself ----
on 0 -c "INSERT INTO core_asset_registry_all (canonical_symbol) SELECT 'NEW' || s FROM generate_series(1, 30) AS s"
for node in 1 2; do on $node -c "CALL agg_run(p_now_utc => '2025-07-02 00:01+00', p_sync_minutes => 0)" 2>/dev/null; done
is "$(on 0 -c "SELECT count(DISTINCT canonical_symbol) FROM data_agg_state WHERE canonical_symbol LIKE 'NEW%'")" 30 'a runner syncs each group of its node'
is "$(on 0 -c "SELECT count(DISTINCT agg_start_utc) FROM data_agg_state WHERE canonical_symbol LIKE 'NEW%'")" 1 'with one start'
done_testing
