# Bars from trades, as docs/candlesticks.md says: a day at a time, only what differs, and tasks above are told of late trades.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d ticks "$@" 2>&1; }
psql -X -q -d postgres -c 'DROP DATABASE IF EXISTS ticks' -c 'CREATE DATABASE ticks' 2>/dev/null
sql -c 'CREATE EXTENSION aggregation' -c "SELECT FROM agg_setup()" -c "INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD'), ('GBPUSD')" \
	-c "SELECT FROM sync_agg_state_from_registry('prod', '2025-07-01 00:00+00')" -c "SELECT setseed(0.5)" \
	-c "CREATE TABLE ticks (symbol text, ts timestamptz, price float8, size float8)" \
	-c "INSERT INTO ticks SELECT (ARRAY['EURUSD', 'GBPUSD'])[1 + n % 2], '2025-07-01 00:00+00'::timestamptz + n * interval '7.3 seconds', 1 + random(), random() FROM generate_series(1, 30000) AS n" >/dev/null
is "$(sql -c "$(sed -n '/^CREATE PROCEDURE bars_from_ticks/,/^\$\$;/p' "$ROOT/docs/candlesticks.md")")" '' 'the procedure of the document'
call="CALL bars_from_ticks('2025-07-01 00:00+00', '2025-07-04 00:00+00')"
is "$(sql -c "$call" | grep -c 'NOTICE: .* [1-9][0-9]* bars written')" 3 'a notice for each day'
is "$(sql -c "SELECT count(*) FROM data_bars b JOIN (SELECT symbol, date_trunc('minute', ts) AS minute, max(price) AS high, count(*) AS trades, (array_agg(price ORDER BY ts DESC))[1] AS close FROM ticks GROUP BY 1, 2) AS t
	ON (t.symbol, t.minute, t.high, t.trades, t.close) = (b.canonical_symbol, b.ts_utc, b.high, b.trade_count, b.close)")" \
	"$(sql -c "SELECT count(*) FROM data_bars")" 'each minute has its bar'
is "$(sql -c "$call" | grep -c ' 0 bars written')" 3 'again: nothing is written'
sql -c "CALL agg_run(p_now_utc => '2025-07-05 00:00+00')"
sql -c "INSERT INTO ticks VALUES ('EURUSD', '2025-07-02 10:00:30+00', 99, 1)" -c "$call" >/dev/null
is "$(sql -c "SELECT count(*) FROM agg_change_log")" 1 'a late trade changes one bar'
sql -c "CALL agg_run(p_now_utc => '2025-07-05 00:10+00')"
is "$(sql -c "SELECT string_agg(timeframe, ' ' ORDER BY timeframe) FROM derived_data_bars WHERE high = 99 AND deleted_at IS NULL")" '1h 5m' 'and the bars above it'
is "$(sql -c 'SELECT count(*) FROM agg_verify()')" 0 'which are right'

# As docs/ticks.md says: the same bars, which the source takes for its own; the proof finds nothing, and what is wrong.
proof=$(awk '/^To prove minutes/ { found = 1 } found && /^```sql/ { inside = 1; next } inside && /^```/ { exit } inside' "$ROOT/docs/ticks.md" | sed "s/trades/ticks/; s/public.trades/public.ticks/; s/ AND (cond .*$//")
sql -c "SELECT agg_add_tick_source('ticks', p_from => '-infinity')" >/dev/null
is "$(sql -c "SELECT agg_run_batch() @> '{\"minutes_inserted\": 0, \"minutes_updated\": 0, \"minutes_kept\": 0}'")" t 'a source finds the bars of the procedure as it would make them'
is "$(sql -c "$proof")" '' 'the proof finds nothing'
sql -c "UPDATE data_bars SET close = 0 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 10:00+00'" -c "DELETE FROM data_bars WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 10:01+00'" >/dev/null
is "$(sql -c "$proof" | wc -l)" 2 'and a bar that is wrong, and one that is missing'
sql -c "SELECT agg_mark_ticks('ticks', '2025-07-01')" >/dev/null
is "$(sql -c "SELECT agg_run_batch() @> '{\"minutes_inserted\": 1, \"minutes_updated\": 1}'")" t 'which a run mends'
is "$(sql -c "$proof")" '' 'then it finds nothing any more'
psql -X -q -d postgres -c 'DROP DATABASE ticks'
done_testing
