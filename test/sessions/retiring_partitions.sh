# A policy drops a partition beside others: it waits for nobody long, nobody waits for it long, and nothing is lost that is not derived.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d retiring "$@" 2>&1; }
export PGTZ=UTC PGOPTIONS='-c client_min_messages=warning'
psql -X -q -d postgres -c 'DROP DATABASE IF EXISTS retiring' -c 'CREATE DATABASE retiring'
sql -c 'CREATE EXTENSION aggregation' -c 'DO $$ BEGIN PERFORM agg_setup(); END $$' -c "SELECT count(agg_partition_by_month(t, 4, '2025-01-01')) FROM unnest('{data_bars,derived_data_bars}'::text[]) t" \
	-c "INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('A'), ('B')" -c "SELECT FROM sync_agg_state_from_registry('prod', '2025-01-01')" \
	-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT s, '1m', m, 1, 2, 0.5, 1.5, 1 FROM unnest('{A,B}'::text[]) s, generate_series('2025-01-31 20:00'::timestamptz, '2025-02-01 04:00', '1 minute') m" \
	-c "CALL agg_run(p_now_utc => '2025-03-15')" -c "SELECT agg_set_retention(NULL, '1m', '30 days')" >/dev/null
run() { sql -c 'UPDATE agg_retention SET next_look_at = $$-infinity$$' -c 'UPDATE data_agg_state SET next_run_at = NULL' -c "CALL agg_run(p_now_utc => '2025-03-15')"; }
january() { sql -c "SELECT to_regclass('data_bars_p20250101') IS NOT NULL"; }
minutes() { sql -c 'SELECT count(*) FROM data_bars'; }

# meanwhile STATEMENT : in a transaction that stays open until `over`.
meanwhile() {
	coproc other { psql -X -q -A -t -d retiring 2>&1; }
	other_id=$other_PID
	printf 'BEGIN; %s\n\\echo begun\n' "$1" >&"${other[1]}"
	while IFS= read -r line <&"${other[0]}"; do [ "$line" != begun ] || break; done
}
over() {
	printf '%s;\n\\q\n' "$1" >&"${other[1]}"
	wait "$other_id"
}

meanwhile 'SELECT count(*) FROM data_bars;'
began=$(date +%s%N)
run
like "$(sql -c 'SELECT last_error FROM v_aggregation_retention')" '^55P03 ' 'a reader keeps the partition'
is "$(january) $((($(date +%s%N) - began) / 1000000 < 3000))" 't 1' 'the run goes on'
is "$(minutes)" 962 'and who reads and writes'
is "$(sql -c "SELECT next_look_at - '2025-03-15' FROM v_aggregation_retention")" 00:01:00 'it is tried again soon'
over COMMIT

# A late bar that is not committed yet; then it is, and no run has seen it.
meanwhile "UPDATE data_bars SET high = 9 WHERE canonical_symbol = 'A' AND ts_utc = '2025-01-31 21:02';"
run
is "$(january)" t 'a writer keeps it, too'
over COMMIT
run
is "$(january)|$(sql -c "SELECT string_agg(timeframe, ' ' ORDER BY timeframe) FROM derived_data_bars WHERE high = 9")" 'f|1h 5m' 'what he has written is made first'
is "$(minutes)|$(sql -c 'SELECT last_error FROM v_aggregation_retention')|$(sql -c 'SELECT count(*) FROM agg_verify()')" '482||0' 'then it goes'

# A task that another session is working on.
sql -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT s, '1m', m, 1, 2, 0.5, 1.5, 1 FROM unnest('{A,B}'::text[]) s, generate_series('2025-03-01'::timestamptz, '2025-03-01 01:00', '1 minute') m" \
	-c "CALL agg_run(p_now_utc => '2025-03-15')"
meanwhile "SELECT derived_rebuild_range('A', '5m', '2025-02-01', '2025-02-02');"
sql -c 'UPDATE agg_retention SET next_look_at = $$-infinity$$' -c "CALL agg_run(p_now_utc => '2025-04-15')"
is "$(sql -c "SELECT to_regclass('data_bars_p20250201') IS NOT NULL, waiting_symbols, last_error FROM v_aggregation_retention")" 't|0|' 'who is deriving keeps what he derives from'
over ROLLBACK
sql -c "CALL agg_run(p_now_utc => '2025-04-15 00:02')"
is "$(sql -c "SELECT to_regclass('data_bars_p20250201') IS NULL")|$(sql -c 'SELECT count(*) FROM agg_verify()')" 't|0' 'for a moment'
psql -X -q -d postgres -c 'DROP DATABASE retiring'
done_testing
