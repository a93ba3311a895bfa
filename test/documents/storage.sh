# docs/storage.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/storage.md

run retention.1
is "$(sql -c 'SELECT canonical_symbol, timeframe, keep FROM v_aggregation_retention ORDER BY 1')" "EURUSD|1m|720 days
|1m|90 days" 'policies are set, and one is removed'
sql -c 'DELETE FROM agg_retention'
run partitions-by-month.2
is "$(sql -c "SELECT relkind FROM pg_class WHERE relname = 'data_bars'" -c "SELECT count(*) > 0 FROM data_bars_before" -c 'SELECT count(*) FROM agg_setup(true)' -c 'SELECT count(*) FROM agg_verify()')" $'p\nt\n0\n0' 'a table with rows is partitioned in place'
sql -c 'DROP TABLE data_bars, derived_data_bars CASCADE' -c 'SELECT count(*) FROM agg_setup()' >/dev/null
run partitions-by-month.1
is "$(sql -c "SELECT count(*) FROM pg_class WHERE relname IN ('data_bars_p20250101', 'derived_data_bars_default')" -c 'SELECT count(*) FROM agg_setup(true)')" $'2\n0' 'and empty ones are replaced'
leave timescaledb.1 'TimescaleDB may not be installed; the suite hypertables does the same'
run timescaledb.2
is "$(sql -c 'SELECT count(*) FROM agg_setup(true)')" 0 'times may be whole minutes'
leave cituss-columnar-tables.1 'citus_columnar may not be installed; the suite hypertables does the same'
close_page
done_testing
