# pg_dump and a restore into an empty database, with no special step: the same bars, the same tasks, nothing for agg_setup() to mend.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

bin=$("$PG_CONFIG" --bindir)
psql -X -q -d postgres -c 'DROP DATABASE IF EXISTS dumped' -c 'DROP DATABASE IF EXISTS restored' -c 'CREATE DATABASE dumped' -c 'CREATE DATABASE restored' 2>/dev/null
psql -X -q -v ON_ERROR_STOP=1 -d dumped >/dev/null <<'SQL'
CREATE EXTENSION aggregation;
SELECT * FROM agg_setup();
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
SELECT sync_agg_state_from_registry('prod', '2025-07-01');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT 'EURUSD', '1m', '2025-07-01'::timestamptz + n * interval '1 minute', 1, 2, 0.5, 1.5, n FROM generate_series(0, 299) AS n;
SELECT * FROM agg_aggregate_tasks('{EURUSD,EURUSD}', '{5m,1h}', p_now_utc => '2025-07-02');
SQL

status=0
"$bin/pg_dump" -Fc -f dump dumped && "$bin/pg_restore" --exit-on-error -d restored dump || status=$?
is "$status" 0 'dump and restore without an error'
for table in core_asset_registry_all data_bars derived_data_bars data_agg_state; do
	query="SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM $table AS t"
	is "$(psql -X -A -t -d restored -c "$query")" "$(psql -X -A -t -d dumped -c "$query")" "the same rows in $table"
done
is "$(psql -X -A -t -d restored -c 'SELECT count(*) FROM agg_setup()')" 0 'nothing is left to set up'
is "$(psql -X -A -t -d restored -c "SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 100, '2025-07-02') ->> 'bars_unchanged'")" 60 \
	'and the bars are what they would be made again'
psql -X -q -d postgres -c 'DROP DATABASE dumped' -c 'DROP DATABASE restored'

done_testing
