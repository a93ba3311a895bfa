# A running installation becomes one of several nodes, and goes on.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/cluster.sh"
cluster 2
make_market
feed 0 400
on 0 -c "CALL agg_run(p_now_utc => '2025-07-01 05:00+00')" 2>/dev/null
feed 400 410 # noticed, not absorbed yet
on 0 -c "SELECT agg_seal_range(NULL, '2025-06-01', '2025-06-02')" >/dev/null

# A table with partitions is refused, by a dry run, too.
database=postgres on 0 -c 'CREATE DATABASE parted'
database=parted on 0 -c 'CREATE EXTENSION citus' -c "SELECT citus_set_coordinator_host('127.0.0.1', ${ports[0]})" -c 'CREATE EXTENSION aggregation' -c 'SELECT count(*) FROM agg_setup()' \
	-c "SELECT agg_partition_by_month('data_bars')" >/dev/null 2>&1
like "$(database=parted on 0 -c 'SELECT * FROM agg_distribute(true, 8)' 2>&1)" 'table "data_bars" is partitioned' 'partitions are in its way'
database=postgres on 0 -c 'DROP DATABASE parted WITH (FORCE)'

before=$(live_bars)
is "$(on 0 -c "SELECT count(*) FROM agg_distribute(true, 8) WHERE action LIKE 'would be %'")" "$(on 0 -c 'SELECT count(*) FROM agg_distribute(true, 8)')" 'a dry run only tells'
is "$(on 0 -c 'SELECT count(*) FROM citus_tables')" 0 'and does nothing'
on 0 -c 'CREATE TRIGGER mine BEFORE INSERT ON data_bars FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'
like "$(on 0 -c 'SELECT agg_distribute()' 2>&1)" 'not the extension.s, "mine"' 'a trigger of somebody is in its way'
on 0 -c 'DROP TRIGGER mine ON data_bars'
# Readers and runners are at work: they wait, or it does.
until_stopped on 0 -c 'SELECT count(*) FROM derived_data_bars JOIN data_agg_state USING (canonical_symbol)' -c 'SELECT agg_health()' >/dev/null 2>&1 &
until_stopped on 0 -c "CALL agg_run(p_now_utc => '2025-07-01 05:00+00')" >/dev/null 2>&1 &
sleep 1
is "$(on 0 -c 'SELECT count(*) > 0 FROM agg_distribute(shard_count => 8)' 2>&1)" t 'it gets through beside readers and runners'
touch "$own_folder/stop"
wait
on 0 -c 'BEGIN' -c 'LOCK TABLE data_bars IN ROW SHARE MODE' -c 'SELECT pg_sleep(1)' >/dev/null & # the second call asks for no lock
is "$(on 0 -c 'SELECT * FROM agg_distribute()')" '' 'a second call has nothing to do'
like "$(on 1 -c 'SELECT agg_distribute()' 2>&1)" 'not the coordinator' 'a worker refuses'
wait
is "$(live_bars)" "$before" 'the bars are what they were'
is "$(on 0 -c 'SELECT count(*) FROM agg_change_log WHERE symbols <> ARRAY[canonical_symbol]')" 0 'a row of the log is about one symbol'
is "$(on 0 -c "SELECT count(DISTINCT canonical_symbol) FROM agg_sealed_ranges WHERE from_utc = '2025-06-01'")" 40 'and a seal of all is one of each'
is "$(on 0 -c "SELECT count(*) FROM agg_change_log WHERE from_utc[1] < '2025-07-01 06:40+00'")" 0 'copied rows are no news'

like "$(on 0 -c "SELECT agg_run_batch(p_now_utc => '2025-07-01 07:00+00')")" '"success": true' 'the coordinator has all nodes run a batch'
feed 410 600
on 0 -c "UPDATE data_bars SET high = high + 5 WHERE canonical_symbol = 'SYM7' AND ts_utc = '2025-07-01 01:00+00'"
on 0 -c "DELETE FROM data_bars WHERE canonical_symbol = 'SYM8' AND ts_utc BETWEEN '2025-07-01 02:00+00' AND '2025-07-01 02:30+00'"
run_1() { on 1 -c 'SET client_min_messages = notice' -c "CALL agg_run(p_now_utc => '2025-07-02 00:01+00')" 2>&1; }
is "$(run_1 | sed 's/{.*//')" 'NOTICE:  agg_run: ' 'a node says once what it has done in all of its groups'
is "$(run_1)" 'NOTICE:  agg_run: nothing is due here; next_run_at, status and enabled in data_agg_state say when and why' 'or that there was nothing'
like "$(on 0 -c 'SET client_min_messages = notice' -c "CALL agg_run(p_now_utc => '2025-07-02 00:01+00')" 2>&1)" '"tasks_failed": 0' 'and runs them to their end'
same_as_plain '2025-07-02 00:01+00' 'from the coordinator'
is "$(on 0 -c 'SELECT count(*) FROM agg_verify()')" 0 'the proof finds nothing on any node'
is "$(on 0 -c 'SELECT count(*) FROM agg_change_log')" 0 'nothing is left in the log'

# ---- about a symbol ----
is "$(on 0 -c "SELECT count(*) FROM agg_bars('SYM7', '5m')")" "$(on 0 -c "SELECT count(*) FROM derived_data_bars WHERE canonical_symbol = 'SYM7' AND timeframe = '5m' AND deleted_at IS NULL")" 'its bars are read from any node'
is "$(on 0 -c "SELECT count(DISTINCT b.close) > 10 FROM unnest(ARRAY(SELECT 'SYM' || s FROM generate_series(1, 40) AS s)) AS s CROSS JOIN LATERAL agg_bars(s, '1h', p_limit => 1) AS b")" t 'also in a join'
is "$(on 2 -c "SELECT agg_start('SYM7', '5m', '2025-07-03') -> 'success'" -c "SELECT agg_finish('SYM7', '5m', true) -> 'success'")" 'true
true' 'a worker from outside claims and finishes a task'
on 0 -c 'BEGIN' -c "SELECT agg_start('SYM9', '5m', '2025-07-03')" -c 'ROLLBACK' >/dev/null
is "$(on 0 -c "SELECT status FROM data_agg_state WHERE canonical_symbol = 'SYM9' AND timeframe = '5m'")" idle 'in the transaction that asks'
like "$(on 0 -c "SELECT agg_subscribe('mine')" 2>&1)" 'not available in a distributed database' 'what is not available says so'

like "$(on 0 -c 'SELECT * FROM agg_setup()' 2>&1)" 'agg_setup.. is not available in a distributed database' 'of any kind'
like "$(on 0 -c "SELECT agg_set_keep_revisions('SYM1', '5m', true)" 2>&1)" 'not available in a distributed database' 'about a symbol, too'
is "$(on 0 -c "SELECT count(*) FROM agg_trading_days('fx', '2025-07-01', '2025-07-05')")" "$(database=plain on 0 -c "SELECT count(*) FROM agg_trading_days('fx', '2025-07-01', '2025-07-05')")" 'calendars answer'
is "$(on 0 -c "SELECT ops_runlog_start('6b0ff4c4-9d4f-4a58-a6c6-1dd2f1d5a8f1', 'job', 'cron', 'prod') -> 'success'" -c "SELECT ops_runlog_finish('6b0ff4c4-9d4f-4a58-a6c6-1dd2f1d5a8f1', 'success') -> 'success'" -c "SELECT status FROM ops_runlog WHERE job_name = 'job'" 2>&1)" 'true
true
success' 'and the log of runs'

on 0 -c "UPDATE data_agg_state SET last_agg_bar_ts_utc = '2030-01-01' WHERE timeframe = '5m'"
is "$(on 0 -c "SELECT agg_reset_cursor() ->> 'tasks_reset'" -c "SELECT count(*) FROM data_agg_state WHERE last_agg_bar_ts_utc = '2030-01-01'")" '40
0' 'the cursors of all symbols that are ahead of their source go back'

# ---- about all: seals, marks ----
before=$(live_bars)
is "$(on 0 -c "SELECT agg_seal_range(NULL, '2025-07-01 00:00+00', '2025-07-01 02:00+00') ->> 'symbols'")" 46 'a range of all symbols is sealed, and of the parts of DXY, which any node might have'
on 0 -c "UPDATE data_bars SET close = low WHERE ts_utc = '2025-07-01 01:07+00'"
on 0 -c "CALL agg_run(p_now_utc => '2025-07-02 00:01+00')" 2>/dev/null
is "$(live_bars)" "$before" 'its bars stay'
is "$(on 0 -c "SELECT agg_unseal_range(NULL, '2025-07-01 00:00+00', '2025-07-01 02:00+00') ->> 'ranges_unsealed'")" 46 'and is open again'
on 0 -c "CALL agg_run(p_now_utc => '2025-07-02 00:01+00')" 2>/dev/null
same_as_plain '2025-07-02 00:01+00' 'what was refused is made'
is "$(on 0 -c "SELECT agg_mark_changed(NULL, '2025-07-01 01:15+00', '2025-07-01 01:20+00') ->> 'symbols'" -c 'SELECT count(DISTINCT canonical_symbol) FROM agg_change_log')" '46
46' 'a load that nobody saw is told of'

# ---- in a transaction of its own, beside the caller's ----
like "$(on 0 -c 'BEGIN' -c "UPDATE data_agg_state SET task_priority = 7 WHERE canonical_symbol = 'SYM9'" -c "SELECT sync_agg_state_from_registry('prod')" 2>&1)" 'lock timeout' 'a call about all does not wait for its own caller'
like "$(on 0 -c 'BEGIN' -c "SELECT count(*) FROM agg_get_due_tasks('prod')" -c "SELECT agg_run_batch(p_now_utc => '2025-07-02 00:01+00') -> 'success'" -c 'COMMIT' 2>&1)" 'true' 'and works in a transaction otherwise'

# ---- each node for itself ----
feed 600 720
for node in 1 2; do on $node -c "CALL agg_run(p_now_utc => '2025-07-02 00:01+00')" 2>/dev/null; done
same_as_plain '2025-07-02 00:01+00' 'from runners on the nodes'

# ---- other shapes, and nothing at all ----
for change in 'ALTER vol TYPE numeric' 'ALTER vol TYPE float8' 'RENAME trade_count TO trades' 'RENAME trades TO trade_count' 'ADD mine int'; do
	is "$(on 0 -c "ALTER TABLE data_bars $change" 2>&1)" '' "$change"
	entries=$(on 0 -c 'SELECT count(*) FROM agg_change_log')
	marked="${marked:-}$((entries > ${before_it:-0})) " before_it=$entries
done
on 0 -c "CALL agg_run(p_now_utc => '2025-07-02 00:01+00')" 2>/dev/null
is "$marked" '1 1 1 1 0 ' 'a change of a column of bars is one of all bars'
same_as_plain '2025-07-02 00:01+00' 'after changes of columns'

# ---- source that goes ----
before=$(live_bars)
old=$(on 0 -c "SELECT count(*) FROM data_bars WHERE ts_utc < '2025-07-01 00:30+00'")
is "$(on 0 -c "SELECT agg_retire_source('2025-07-01 00:30+00') ->> 'rows_removed'" -c "SELECT count(*) FROM data_bars WHERE ts_utc < '2025-07-01 00:30+00'")" "$old
0" 'old source goes'
on 0 -c "CALL agg_run(p_now_utc => '2025-07-02 00:01+00')" 2>/dev/null
is "$(live_bars)" "$before" 'bars stay'
is "$(on 0 -c 'SELECT count(*) FROM agg_verify()')" 0 'the proof finds nothing'
for node in 0 1; do
	[ $node = 0 ] || feed 720 760
	on 0 -c "CALL agg_run(p_now_utc => '2025-07-02 0$node:01+00')" 2>/dev/null
	is "$(on 0 -c "SELECT count(DISTINCT canonical_symbol) FROM derived_data_bars WHERE deleted_at IS NULL AND ts_utc >= '2025-07-01 01:00+00'")" 40 'there are bars'
	is "$(on $node -c 'TRUNCATE data_bars' 2>&1)" '' "node $node: the source is emptied"
	on 0 -c "CALL agg_run(p_now_utc => '2025-07-02 0$node:01+00')" 2>/dev/null
	is "$(on 0 -c "SELECT count(*) FROM derived_data_bars WHERE deleted_at IS NULL AND ts_utc >= '2025-07-01 01:00+00'" -c 'SELECT count(*) FROM agg_verify()')" '0
0' "node $node: its bars go, but what is sealed"
done
done_testing
