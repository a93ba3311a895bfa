# Somebody keeps a transaction open that a run would have to wait for. The run leaves the tasks that it concerns for later, and does the others;
# the session's own lock_timeout counts, where there is one.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

export PGDATABASE=waiting
psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE" -c "CREATE DATABASE $PGDATABASE" 2>/dev/null
psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
CREATE EXTENSION aggregation;
SELECT * FROM agg_setup();
INSERT INTO core_asset_registry_all (canonical_symbol) SELECT unnest('{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF,DXY}'::text[]);
SELECT sync_agg_state_from_registry('prod', '2025-01-01');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT s, '1m', '2025-01-01'::timestamptz + n * interval '1 minute', 1, 3, 0.5, 1, 1
FROM unnest(ARRAY['EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF']) AS s, generate_series(0, 99) AS n;
SQL

# open_transaction SQL : begins a transaction in a session of its own, which stays open until it is told to end.
open_transaction() {
	coproc STRANGER { psql -X -q -A -t 2>&1; }
	printf 'BEGIN;\n%s;\n\\echo open\n' "$1" >&"${STRANGER[1]}"
	local said
	read -r said <&"${STRANGER[0]}"
}
end_transaction() {
	printf '%s;\n\\q\n' "$1" >&"${STRANGER[1]}"
	wait "$STRANGER_PID"
}
ask() {
	PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -c "$1" 2>&1
}
everything_due='UPDATE data_agg_state SET next_run_at = NULL'

open_transaction "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('DXY', '1m', '2025-01-01 00:30', 1, 1, 1, 1)"
ask "CALL agg_run()" >/dev/null
is "$(ask "SELECT count(*) FROM data_agg_state WHERE canonical_symbol <> 'DXY' AND timeframe = '5m' AND last_agg_bar_ts_utc IS NOT NULL")" 6 'a feed that writes an index minute: all others are done'
is "$(ask "SELECT DISTINCT left(last_error, 5), hard_fail_streak FROM data_agg_state WHERE canonical_symbol = 'DXY' AND timeframe = '5m'")" '55P03|0' 'the index waits'
end_transaction ROLLBACK
ask "$everything_due"
ask 'CALL agg_run()' >/dev/null
is "$(ask "SELECT count(*) FROM derived_data_bars WHERE canonical_symbol = 'DXY' AND timeframe = '5m'")" 20 'and is made afterwards'

open_transaction "UPDATE derived_data_bars SET raw = raw WHERE canonical_symbol = 'EURUSD'"
ask "UPDATE data_bars SET high = 4 WHERE canonical_symbol IN ('EURUSD', 'GBPUSD') AND ts_utc = '2025-01-01 00:10'"
ask 'CALL agg_run()' >/dev/null
is "$(ask "SELECT high FROM derived_data_bars WHERE canonical_symbol = 'GBPUSD' AND timeframe = '5m' AND ts_utc = '2025-01-01 00:10'")" 4 'somebody edits bars: other symbols are done'
is "$(ask "SET lock_timeout = '10ms'; SELECT catchup_aggregation_range('EURUSD', '5m', '2025-01-01', 100)" | head -n 1)" 'ERROR:  canceling statement due to lock timeout' 'a call by hand waits as long as its session says'
end_transaction COMMIT
ask "$everything_due"
ask 'CALL agg_run()' >/dev/null
is "$(ask 'SELECT count(*) FROM agg_verify()')" 0 'in the end all is right'
psql -X -q -d postgres -c "DROP DATABASE $PGDATABASE"
done_testing
