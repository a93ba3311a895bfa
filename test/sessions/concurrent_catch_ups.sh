# Several old workers on one task at the same time: each catches the whole range up. Nobody fails, and every bar is there once, as if one had done it.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

export PGDATABASE=concurrent_catch_ups
psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE" -c "CREATE DATABASE $PGDATABASE" 2>/dev/null
psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
CREATE EXTENSION aggregation;
SELECT * FROM agg_setup();
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
SELECT sync_agg_state_from_registry('prod', '2025-01-01');
SELECT setseed(0.5);
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT 'EURUSD', '1m', '2025-01-01'::timestamptz + n * interval '1 minute', 1 + random(), 3, 0.5, 1 + random(), random()
FROM generate_series(0, 99999) AS n WHERE random() > 0.02;
SQL

work() {
	# Portions of different sizes, so that the workers meet in the middle of each other's batches.
	psql -X -q -A -t -v ON_ERROR_STOP=1 2>&1 <<SQL
SET client_min_messages = warning;
DO \$\$
DECLARE
	at timestamptz := '2025-01-01';
	answer jsonb;
BEGIN
	LOOP
		answer := catchup_aggregation_range('EURUSD', '5m', at, $1, '2026-01-01');
		at := answer ->> 'cursor_advanced_to';
		COMMIT;
		EXIT WHEN NOT (answer ->> 'continue')::boolean;
	END LOOP;
END
\$\$;
SQL
}
for round in 1 2 3; do
	psql -X -q -c 'TRUNCATE derived_data_bars'
	for portion in 5000 1700 400 5000; do
		work "$portion" >"said_$portion$RANDOM" &
	done
	wait
	is "$(cat said_*)" '' "round $round: no worker meets an error"
	rm -f said_*
	is "$(psql -X -A -t -c "SELECT count(*), count(DISTINCT ts_utc) FROM derived_data_bars WHERE deleted_at IS NULL AND timeframe = '5m'")" \
		"$(psql -X -A -t -c "SELECT count(*), count(*) FROM (SELECT FROM data_bars GROUP BY date_bin('5 minutes', ts_utc, '2025-01-01') HAVING count(*) > 2) AS w")" \
		"round $round: every bar is there once"
done
is "$(psql -X -A -t -c "SELECT a ->> 'bars_inserted', a ->> 'bars_updated' FROM catchup_aggregation_range('EURUSD', '5m', '2025-01-01', 100000, '2026-01-01') AS a")" \
	'0|0' 'and is what one worker alone would have made'
psql -X -q -d postgres -c "DROP DATABASE $PGDATABASE"

done_testing
