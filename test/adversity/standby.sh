# A hot standby: whatever is called there answers or says that it cannot write; the views can be read; nothing crashes.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../own_server.sh"

own_server fsync=off wal_level=replica max_wal_senders=4 max_connections=10
sql -f "$ROOT/test/fuzz/world.sql" >/dev/null
sql -c "SELECT agg_subscribe('reader')" >/dev/null
sql -c "SELECT agg_set_keep_revisions(canonical_symbol, timeframe, true) FROM data_agg_state WHERE timeframe = '5m'" >/dev/null
sql -c 'CALL agg_run()' >/dev/null 2>&1
# Each function once with its defaults and ordinary arguments, and many times with values from the cabinet of horrors.
sql >calls.sql <<'SQL'
SELECT setseed(0.5) \g /dev/null
SELECT fuzz.call() || ';' FROM generate_series(1, 1500);
SELECT statement FROM (VALUES ('SELECT agg_run_batch();'), ('CALL agg_run();'), ('SELECT * FROM agg_setup(true);'), ('SELECT * FROM agg_setup();'), ('SELECT * FROM agg_verify();'), ('SELECT agg_verify_sample(1);'),
	('SELECT * FROM agg_get_due_tasks(''prod'');'), ('SELECT * FROM agg_why(''EURUSD'', ''5m'', ''2025-07-01'');'), ('SELECT sync_agg_state_from_registry();'),
	('SELECT catchup_aggregation_range(''EURUSD'', ''5m'', ''2025-07-01'');'), ('SELECT calc_dxy_range_1m(''2025-07-01'', ''2025-07-02'');')) AS v(statement);
SQL
mkdir -- "$own_folder/standby"
mkdir -m 700 -- "$own_folder/standby/socket"
if [ "$(id -u)" -eq 0 ]; then chown -R postgres: "$own_folder/standby"; fi
as_server "$(bin_dir)/pg_basebackup" -h "$PGHOST" -p 5432 -U postgres -D "$own_folder/standby/data" -R -c fast -X stream >backup.log 2>&1 || cat backup.log
primary=$own_folder/server
trap 'server_remove; server_at "$primary"; server_remove; rm -rf -- "$own_folder"' EXIT
server_at "$own_folder/standby"
server_start fsync=off hot_standby=on max_connections=10 log_error_verbosity=verbose log_min_messages=error log_line_prefix="'%e '"
is "$(sql -c 'SELECT pg_is_in_recovery()')" t 'a standby'
happens 30 "SELECT count(*) > 1000 FROM derived_data_bars" 'with bars'
{ echo '\set VERBOSITY sqlstate' && cat calls.sql; } | psql -X -q -A -t >said 2>&1
echo "# $(wc -l <calls.sql) calls: $(grep -oE 'ERROR: +[0-9A-Z]{5}' said | grep -oE '[0-9A-Z]{5}$' | sort | uniq -c | sort -rn | awk '{ printf "%s %s, ", $1, $2 }') the rest answered"
is "$(grep -cE 'server closed|PANIC|FATAL' said)" 0 'every call comes back'
is "$(server_crashes)" '' 'nothing crashes'
is "$(grep -oE 'ERROR: +(XX|58|57)[0-9A-Z]{3}' said | sort | uniq -c)" '' 'nothing internal is raised'
is "$(sql -c "SELECT agg_run_batch()" 2>&1 | head -n 1 | grep -c 'read-only\|recovery')" 1 'who would write is told why not'
is "$(sql -c "SELECT * FROM agg_poll('reader')" 2>&1 | head -n 1)" 'ERROR:  consumers of events cannot be served by a standby' 'a consumer is told to go elsewhere'
is "$(sql -c 'SELECT count(*) > 0 FROM v_aggregation_frontier_health' -c 'SELECT audit_status FROM v_aggregation_truth' -c 'SELECT count(*) FROM v_aggregation_progress')" $'t\nNOT_AUDITED\n0' 'the views can be read'
is "$(sql -c "SELECT count(*) FILTER (WHERE state = 'final') > 100 FROM (SELECT DISTINCT canonical_symbol FROM derived_data_bars WHERE timeframe = '5m') AS s, agg_bars(canonical_symbol, '5m', p_now_utc => '2036-01-01')" \
	-c "SELECT count(*) > 0 FROM agg_latest(ARRAY(SELECT DISTINCT canonical_symbol FROM derived_data_bars), '45m', p_now_utc => '2036-01-01')")" $'t\nt' 'so can bars of any timeframe'
is "$(sql -c "SELECT count(*) > 100 FROM (SELECT canonical_symbol, began_at FROM agg_kept_revisions) AS s, agg_bars(canonical_symbol, '5m', p_as_of => (SELECT max(made_at) FROM agg_bar_revisions), p_now_utc => '2036-01-01')")" t 'and former ones'
is "$(sql -c "SELECT status IN ('green', 'yellow', 'red') FROM agg_health()" -c "SELECT right(agg_metrics(), 5), agg_metrics() ~ '\naggregation_tasks[{]'")" $'t\n# EOF|t' 'and whether all is well, for people and for a monitoring system'
done_testing
