# A long backfill shows where it is, in another session and before anything is committed. Somewhere in the middle a trigger stops it for as long as
# the test looks.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

export PGDATABASE=progress
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
sql -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE" -c "CREATE DATABASE $PGDATABASE" 2>/dev/null
sql >/dev/null <<'SQL'
CREATE EXTENSION aggregation;
SELECT * FROM agg_setup();
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('it''s {"odd"}');
INSERT INTO data_agg_state (canonical_symbol, timeframe, is_mandatory, agg_start_utc) VALUES ('it''s {"odd"}', '5m', true, '2025-01-01');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT 'it''s {"odd"}', '1m', '2025-01-01 00:00+00'::timestamptz + n * interval '1 minute', 1, 3, 0.5, 1, 1 FROM generate_series(0, 199999) AS n;
CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NEW; END $$;
CREATE TRIGGER wait_here BEFORE INSERT ON derived_data_bars FOR EACH ROW WHEN (NEW.ts_utc = '2025-01-01 00:00+00'::timestamptz + interval '175000 minutes') EXECUTE FUNCTION wait_here();
SQL

# watch CALL : what the view says while CALL hangs at window 35,000 of some 40,000.
watch() {
	local seen=
	# The session that keeps the lock holds its standard input open.
	coproc keeper { psql -X -q -A -t; }
	echo 'SELECT pg_advisory_lock(7);' >&"${keeper[1]}"
	until [ "$(sql -c "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'")" = 1 ]; do :; done
	PGOPTIONS='-c client_min_messages=warning' sql -c "$1" >/dev/null &
	local call=$!
	for _ in $(seq 600); do
		[ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'")" = 1 ] && break
		sleep 0.05
	done
	seen=$(sql -c "SELECT activity, canonical_symbol, timeframe, cursor AT TIME ZONE 'UTC', windows_done, windows_total > 39990, windows_per_second > 0, started_at <= clock_timestamp() FROM v_aggregation_progress")
	echo 'SELECT pg_advisory_unlock(7);' >&"${keeper[1]}"
	wait "$call"
	eval "exec ${keeper[1]}>&-"
	wait "$keeper_PID" 2>/dev/null
	echo "$seen"
}
is "$(watch "SELECT catchup_aggregation_range('it''s {\"odd\"}', '5m', '2025-01-01', 100000, '2025-06-01')")" \
	"catchup_aggregation_range|it's {\"odd\"}|5m|2025-04-24 18:40:00|32768|t|t|t" 'a catch-up in one call shows its batches'
is "$(sql -c 'SELECT count(*) FROM v_aggregation_progress')" 0 'when it is over there is nothing to see'
sql -c 'TRUNCATE derived_data_bars'
is "$(watch "CALL agg_run(p_now_utc => '2025-06-01')")" "agg_run|it's {\"odd\"}|5m|2025-05-02 12:40:00|35000|t|t|t" 'so does a run'
is "$(sql -c "SELECT count(*) FROM derived_data_bars")" 40000 'and comes to its end'
sql -d postgres -c "DROP DATABASE $PGDATABASE"
done_testing
