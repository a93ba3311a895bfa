# A user cancels a call in the middle of its work: the call ends with 57014, nothing of it is left, the same session goes on.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

export PGDATABASE=cancel
psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE" -c "CREATE DATABASE $PGDATABASE" 2>/dev/null
psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
CREATE EXTENSION aggregation;
SELECT * FROM agg_setup();
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
SELECT sync_agg_state_from_registry('prod', '2025-01-01');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT s, '1m', '2025-01-01'::timestamptz + n * interval '1 minute', 1, 3, 0.5, 1, 1
FROM unnest(ARRAY['EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF']) AS s, generate_series(0, 9999) AS n;
-- Each bar written takes its time, so that there is a middle to cancel in.
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN new; END $$;
CREATE TRIGGER dawdle BEFORE INSERT ON derived_data_bars FOR EACH ROW EXECUTE FUNCTION dawdle();
CREATE TRIGGER dawdle BEFORE INSERT ON data_bars FOR EACH ROW EXECUTE FUNCTION dawdle();
SQL

# cancelled CALL : runs it, cancels it once it is at work, and says what the session saw, then and afterwards.
cancelled() {
	psql -X -q -A -t >said 2>&1 <<SQL &
\set VERBOSITY sqlstate
SET application_name = 'to be cancelled';
$1;
SELECT 'alive';
SQL
	local tries=0
	until [ "$(psql -X -A -t -c "SELECT pg_cancel_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE application_name = 'to be cancelled' AND wait_event = 'PgSleep' OFFSET 0) AS at_work")" = t ]; do
		tries=$((tries + 1))
		if [ "$tries" -gt 200 ]; then break; fi
		sleep 0.05
	done
	wait
	cat said
}

is "$(cancelled "SELECT catchup_aggregation_range('EURUSD', '5m', '2025-01-01', 10000, '2026-01-01')")" $'ERROR:  57014\nalive' 'a catch-up'
is "$(cancelled "SELECT count(*) FROM agg_aggregate_tasks('{EURUSD}', '{5m}', 10000, '2026-01-01')")" $'ERROR:  57014\nalive' 'a run over tasks'
is "$(cancelled "SELECT calc_dxy_range_1m('2025-01-01', '2025-02-01')")" $'ERROR:  57014\nalive' 'the index raises a cancel although it answers other errors'
is "$(psql -X -A -t -c "SELECT (SELECT count(*) FROM derived_data_bars), (SELECT count(*) FROM data_bars WHERE canonical_symbol = 'DXY'), (SELECT count(*) FROM data_agg_state WHERE last_agg_bar_ts_utc IS NOT NULL)")" \
	'0|0|0' 'and nothing is left of any of them'
psql -X -q -d postgres -c "DROP DATABASE $PGDATABASE"

done_testing
