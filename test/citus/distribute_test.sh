# A running installation becomes one of several nodes, and goes on.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/cluster.sh"
seed=${AGGREGATION_SEED:-$RANDOM}
echo "# seed $seed"
cluster 2
make_market
feed 0 400
on 0 -c "CALL agg_run(p_now_utc => '2025-07-01 05:00+00')" 2>/dev/null
feed 400 410 # noticed, not absorbed yet
on 0 -c "SELECT agg_seal_range(NULL, '2025-06-01', '2025-06-02')" >/dev/null

before=$(on 0 -c "$bars" | LC_ALL=C sort)
is "$(on 0 -c "SELECT count(*) FROM agg_distribute(true, 8) WHERE action LIKE 'would be %'")" "$(on 0 -c 'SELECT count(*) FROM agg_distribute(true, 8)')" 'a dry run only tells'
is "$(on 0 -c 'SELECT count(*) FROM citus_tables')" 0 'and does nothing'
on 0 -c 'CREATE TRIGGER mine BEFORE INSERT ON data_bars FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'
like "$(on 0 -c 'SELECT agg_distribute()' 2>&1)" 'not the extension.s, "mine"' 'a trigger of somebody is in its way'
on 0 -c 'DROP TRIGGER mine ON data_bars'
on 0 -c 'SELECT count(*) FROM agg_distribute(shard_count => 8)' >/dev/null
is "$(on 0 -c 'SELECT * FROM agg_distribute()')" '' 'a second call has nothing to do'
like "$(on 1 -c 'SELECT agg_distribute()' 2>&1)" 'not the coordinator' 'a worker refuses'
is "$(on 0 -c "$bars" | LC_ALL=C sort)" "$before" 'the bars are what they were'
is "$(on 0 -c 'SELECT count(*) FROM agg_change_log WHERE symbols <> ARRAY[canonical_symbol]')" 0 'a row of the log is about one symbol'
is "$(on 0 -c "SELECT count(DISTINCT canonical_symbol) FROM agg_sealed_ranges WHERE from_utc = '2025-06-01'")" 40 'and a seal of all is one of each'
is "$(on 0 -c "SELECT count(*) FROM agg_change_log WHERE from_utc[1] < '2025-07-01 06:40+00'")" 0 'copied rows are no news'

like "$(on 0 -c "SELECT agg_run_batch(p_now_utc => '2025-07-01 07:00+00')")" '"success": true' 'the coordinator has all nodes run a batch'
feed 410 600
on 0 -c "UPDATE data_bars SET high = high + 5 WHERE canonical_symbol = 'SYM7' AND ts_utc = '2025-07-01 01:00+00'"
on 0 -c "DELETE FROM data_bars WHERE canonical_symbol = 'SYM8' AND ts_utc BETWEEN '2025-07-01 02:00+00' AND '2025-07-01 02:30+00'"
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
like "$(on 0 -c "SELECT agg_seal_range(NULL, '2025-05-01', '2025-05-02')" 2>&1)" 'not available for all symbols' 'also where only a part is not'
is "$(on 0 -c "SELECT agg_seal_range('SYM1', '2025-05-01', '2025-05-02') -> 'success'")" true 'of which another is'
is "$(on 0 -c "SELECT count(*) FROM agg_trading_days('fx', '2025-07-01', '2025-07-05')")" "$(database=plain on 0 -c "SELECT count(*) FROM agg_trading_days('fx', '2025-07-01', '2025-07-05')")" 'calendars answer'
is "$(on 0 -c "SELECT ops_runlog_start('6b0ff4c4-9d4f-4a58-a6c6-1dd2f1d5a8f1', 'job', 'cron', 'prod') -> 'success'" -c "SELECT ops_runlog_finish('6b0ff4c4-9d4f-4a58-a6c6-1dd2f1d5a8f1', 'success') -> 'success'" -c "SELECT status FROM ops_runlog WHERE job_name = 'job'" 2>&1)" 'true
true
success' 'and the log of runs'

on 0 -c "UPDATE data_agg_state SET last_agg_bar_ts_utc = '2030-01-01' WHERE timeframe = '5m'"
is "$(on 0 -c "SELECT agg_reset_cursor() ->> 'tasks_reset'" -c "SELECT count(*) FROM data_agg_state WHERE last_agg_bar_ts_utc = '2030-01-01'")" '40
0' 'the cursors of all symbols that are ahead of their source go back'

# ---- in a transaction of its own, beside the caller's ----
like "$(on 0 -c 'BEGIN' -c "UPDATE data_agg_state SET task_priority = 7 WHERE canonical_symbol = 'SYM9'" -c "SELECT sync_agg_state_from_registry('prod')" 2>&1)" 'lock timeout' 'a call about all does not wait for its own caller'
like "$(on 0 -c 'BEGIN' -c "SELECT count(*) FROM agg_get_due_tasks('prod')" -c "SELECT agg_run_batch(p_now_utc => '2025-07-02 00:01+00') -> 'success'" -c 'COMMIT' 2>&1)" 'true' 'and works in a transaction otherwise'

# ---- each node for itself ----
feed 600 720
for node in 1 2; do on $node -c "CALL agg_run(p_now_utc => '2025-07-02 00:01+00')" 2>/dev/null; done
same_as_plain '2025-07-02 00:01+00' 'from runners on the nodes'
done_testing
