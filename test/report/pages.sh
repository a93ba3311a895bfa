# The page in Chromium: what it shows is what the database says, for every kind of database.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
databases=(test_report_market test_report_large test_report_empty test_report_bare test_report_one test_report_odd)
remove() {
	local database
	for database in "${databases[@]}"; do sql -d postgres -c 'SET client_min_messages = error' -c "DROP DATABASE IF EXISTS $database WITH (FORCE)"; done
	sql -d postgres -c 'SET client_min_messages = error' -c 'DROP ROLE IF EXISTS report_reader, report_stranger'
}
trap remove EXIT
remove
for database in "${databases[@]}"; do sql -d postgres -c "CREATE DATABASE $database"; done
export PGOPTIONS='-c client_min_messages=warning'

# An hour that has begun is to be there until all is read.
while [ "$(date -u +%M%S)" -ge 5930 ]; do sleep 1; done
sql -d test_report_market -f "$ROOT/test/report/market.sql" >/dev/null
# A reader who also watches, and one that may read nothing but tasks.
sql -d test_report_market -c 'CREATE ROLE report_reader' -c "SELECT count(*) FROM agg_grant('reader', 'report_reader')" -c "SELECT count(*) FROM agg_grant('monitor', 'report_reader')" >/dev/null
sql -d test_report_market -c 'ALTER ROLE report_reader LOGIN' -c 'CREATE ROLE report_stranger LOGIN' -c 'GRANT SELECT ON data_agg_state, v_aggregation_frontier_health TO report_stranger'
"$AGGREGATION_RUN" report -d test_report_market -U report_reader --out market.html >said 2>&1
is "$(cat said | sed 's/(.*)/()/')" 'Wrote market.html (). Open it in a browser.' 'a reader reads everything'
"$AGGREGATION_RUN" report -d test_report_market -U report_stranger --out stranger.html >said 2>&1
like "$(cat said)" 'Some parts could not be read.*permission denied for table data_bars' 'what a role may not read is named'
sql -d test_report_market -c "SELECT jsonb_agg(jsonb_build_array(s, tf, (SELECT jsonb_agg(jsonb_build_array(extract(epoch FROM ts_utc), open::text, high::text, low::text, close::text, vol::text, quality_score, state) ORDER BY ts_utc)
	FROM agg_bars(s, tf, p_now_utc => (SELECT to_timestamp($(grep -oP 'data-name="about".*"at" : \K[0-9.]+' market.html)))))))
	FROM (SELECT DISTINCT canonical_symbol FROM data_bars) x(s), unnest(ARRAY['1m', '5m', '15m', '1h']) tf" >market.json

sql -d test_report_market -c "SELECT to_char(w.trading_date, 'Dy YYYY-MM-DD') FROM agg_latest('{GBPUSD}', '1d') b CROSS JOIN LATERAL agg_calendar_windows('fx', '1d', b.ts_utc, b.ts_utc + interval '1 minute') w" >day.txt

sql -d test_report_large -c 'CREATE EXTENSION aggregation' -c 'SELECT agg_setup()' -c 'SET aggregation.tracking = off' -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
	SELECT 'LARGE', '1m', '2023-01-01'::timestamptz + i * interval '1 minute', 100 + i % 100 / 100.0, 102, 99, 100 + i % 37 / 100.0, i FROM generate_series(0, 999999) i" >/dev/null
"$AGGREGATION_RUN" report -d test_report_large --out million.html >/dev/null
"$AGGREGATION_RUN" report -d test_report_large --bars 100000 --out large.html >/dev/null
sql -d test_report_empty -c 'CREATE EXTENSION aggregation' -c 'SELECT agg_setup()' >/dev/null
"$AGGREGATION_RUN" report -d test_report_empty --out empty.html >/dev/null
sql -d test_report_bare -c 'CREATE EXTENSION aggregation'
"$AGGREGATION_RUN" report -d test_report_bare --out bare.html >/dev/null
sql -d test_report_one -c 'CREATE SCHEMA market' -c 'CREATE EXTENSION aggregation SCHEMA market' -c 'SELECT market.agg_setup()' \
	-c "INSERT INTO market.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('ONE', '1m', '2025-07-01 12:00+00', 1.5, 2.25, 1.25, 2)" >/dev/null
"$AGGREGATION_RUN" report -d test_report_one --out one.html >/dev/null

# Tasks without a bar, bars at times that there are not, a task that somebody has set back to the beginning of time.
sql -d test_report_odd -c 'CREATE EXTENSION aggregation' -c 'SELECT agg_setup()' -c "INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('ODD', '{\"agg\": {\"optional\": [\"1d\"]}}')" -c "SELECT sync_agg_state_from_registry('prod', '2025-07-01')" \
	-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'ODD', '1m', t, 1.5, 2.25, 1.25, 2
		FROM unnest('{-infinity,4714-11-24 BC,2025-07-01 12:00,294276-12-31,infinity}'::timestamptz[]) AS t" \
	-c "UPDATE data_agg_state SET last_agg_bar_ts_utc = '-infinity', last_successful_at_utc = 'infinity' WHERE timeframe = '1h'" >/dev/null
"$AGGREGATION_RUN" report -d test_report_odd --out odd.html >said
is "$(sed 's/(.*)/()/' said)" 'Wrote odd.html (). Open it in a browser.' 'what is odd, or not there yet, does not keep anything from being read'

# The rest is the browser's, which goes on counting.
node "$ROOT/test/report/pages.js" "$tests_run" | tee browser
tests_run=$((tests_run + $(grep -cE '^(not )?ok ' browser)))
like "$(tail -n 1 browser)" '^# the browser is done$' 'the browser came to its end'
done_testing
