# PostgreSQL lets the scans of a large table join each other in its middle, and begins where the last one stopped. Whoever reads source in the order
# in which it lies begins with the first page all the same: else every symbol's rows came in two pieces, and would be read once more by key.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../own_server.sh"

own_server fsync=off shared_buffers=1MB autovacuum=off
sql >/dev/null <<'SQL'
CREATE EXTENSION aggregation;
SELECT * FROM agg_setup();
INSERT INTO core_asset_registry_all (canonical_symbol) SELECT 'S' || n FROM generate_series(1, 200) AS n;
SELECT sync_agg_state_from_registry('prod', '2025-07-01 00:00+00');
UPDATE data_agg_state SET enabled = timeframe = '5m';
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT 'S' || s, '1m', '2025-07-01 00:00+00'::timestamptz + m * interval '1 minute', 1, 2, 0.5, 1 FROM generate_series(0, 14) AS m, generate_series(1, 200) AS s;
DROP INDEX data_bars_time_idx;
ANALYZE data_bars;
-- A scan that stops in the middle.
SELECT canonical_symbol FROM data_bars OFFSET 1700 LIMIT 1;
SQL
probes() { sql -c "SELECT pg_stat_force_next_flush()" -c "SELECT sum(idx_scan) FROM pg_stat_user_tables WHERE relname = 'data_bars'" | tail -n 1; }
before=$(probes)
sql -c "SELECT agg_run_batch(p_now_utc => '2025-07-01 00:16+00')" >/dev/null
is "$(sql -c "SELECT count(*) FROM derived_data_bars WHERE timeframe = '5m'")" 600 'bars of all symbols'
is "$(($(probes) - before < 50))" 1 'read in one pass'
done_testing
