# README.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page README.md

leave aggregation.1 'the suites scripts and report run these commands'
leave install-it-in-your-database.1 'the tests themselves were installed like this'
fresh_page template0
run five-minutes-in-sql.1
# What README prints below it.
is "$(tail -n 4 "$said")" "$(awk '/^ *timeframe \| bars/ {found = 1; next} found && /^```/ {exit} found && !/^-/ {gsub(/ *\| */, "|"); gsub(/^ +| +$/, ""); print}' "$ROOT/README.md")" 'the bars that README prints come out'

# README's late minutes touch the windows that its table names, each one and no other.
fresh_page template0
sql -c 'CREATE EXTENSION aggregation' -c 'SELECT agg_setup()' \
	-c "INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('EURUSD', '{\"agg\": {\"start_utc\": \"first_bar\", \"optional\": [\"15m\", \"4h\", \"1d\", \"1w\"]}}')" \
	-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '1m', t, 1, 1, 1, 1
		FROM generate_series('2025-06-23'::timestamptz, '2025-07-13 23:59', '1 minute') AS t WHERE t NOT IN ('2025-07-01 10:04', '2025-07-01 10:05')" \
	-c 'SELECT sync_agg_state_from_registry()' -c 'CALL agg_run(p_max_windows => 100000)' >/dev/null
for minute in 10:04 10:05; do
	sql -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EURUSD', '1m', '2025-07-01 $minute', 1, 1${minute/:/}, 1, 1)" -c 'CALL agg_run()'
	is "$(sql -c "SELECT string_agg(to_char(ts_utc, CASE timeframe WHEN '1d' THEN 'Mon FMDD' WHEN '1w' THEN 'Dy Mon FMDD' ELSE 'HH24:MI' END), ' ' ORDER BY array_position(ARRAY['5m', '15m', '1h', '4h', '1d', '1w'], timeframe), ts_utc)
		FROM derived_data_bars WHERE high = 1${minute/:/} AND deleted_at IS NULL")" \
		"$(sed -nE "s/^\| $minute \| (.*) \|$/\1/p" "$ROOT/README.md" | sed 's/ | / /g')" "README's late minute $minute"
done

close_page
done_testing
