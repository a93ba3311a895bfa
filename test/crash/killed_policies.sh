# Policies of retention while runners, feeds and the server are killed, in a step's middle, too. Minutes go, by partitions and row by row, as soon
# as bars are made of them. In the end the bars are those that a fresh set of tasks makes of all minutes that there ever were: nothing went ahead
# of what is derived, and whatever went is sealed. include/strikes.sh says what AGGREGATION_CRASH_ROUNDS and AGGREGATION_SEED mean.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/strikes.sh"

begin_strikes policies
sql >/dev/null <<'SQL'
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT agg_partition_by_month('data_bars', 1, '2026-01-01');
SELECT agg_partition_by_month('data_bars', NULL);
-- Days as partitions, for ever new ones.
DO $$ BEGIN
	FOR d IN 0 .. 40 LOOP
		EXECUTE format('CREATE TABLE day_%s PARTITION OF data_bars FOR VALUES FROM (%L) TO (%L)', d, '2025-07-01'::timestamptz + make_interval(days => d), '2025-07-01'::timestamptz + make_interval(days => d + 1));
	END LOOP;
END $$;
CREATE TABLE place (symbol text PRIMARY KEY, at timestamptz);
INSERT INTO place SELECT 'S' || i, '2025-07-01' FROM generate_series(1, 5) i;
-- All minutes that there ever were.
CREATE TABLE ever AS SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol FROM data_bars LIMIT 0;
-- Half an hour of a symbol; now and then a minute that is there is corrected, or a step rolled back.
CREATE PROCEDURE write_something() LANGUAGE plpgsql AS $$
DECLARE
	who text := some_symbol();
	since timestamptz;
BEGIN
	IF random() < 0.3 THEN
		WITH corrected AS (
			UPDATE data_bars b SET high = high + 1 WHERE canonical_symbol = who AND ts_utc = (SELECT p.at - make_interval(mins => 1 + floor(random() * 120)::int) FROM place p WHERE p.symbol = who) RETURNING b.*
		)
		UPDATE ever e SET high = c.high FROM corrected c WHERE e.canonical_symbol = c.canonical_symbol AND e.ts_utc = c.ts_utc;
	ELSE
		UPDATE place SET at = at + interval '30 minutes' WHERE symbol = who AND at < '2025-08-10' RETURNING at - interval '30 minutes' INTO since;
		WITH fed AS (
			INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
			SELECT who, '1m', since + make_interval(mins => i), 1 + random(), 3, 0.5, 1 + random(), random() FROM generate_series(0, 29) i WHERE random() < 0.97 RETURNING *
		)
		INSERT INTO ever SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol FROM fed;
	END IF;
	IF random() < 0.2 THEN ROLLBACK; ELSE COMMIT; END IF;
END $$;
-- Bars that are not what all minutes say, but for what came too late and is listed. T1 is S1's twin, which never had a policy.
CREATE VIEW untrue AS
WITH twins AS (
	SELECT translate(d.canonical_symbol, 'ST', 'SS') AS symbol, d.canonical_symbol LIKE 'T%' AS is_twin, d.timeframe, d.ts_utc, d.open, d.high, d.low, d.close, d.vol, d.source_candles, d.quality_score
	FROM derived_data_bars d WHERE d.deleted_at IS NULL AND NOT EXISTS (
		SELECT FROM agg_refused_ranges r WHERE r.canonical_symbol = translate(d.canonical_symbol, 'ST', 'SS') AND r.from_utc < d.ts_utc + interval '1 hour' AND r.to_utc > d.ts_utc)
), of_twin AS (SELECT symbol, timeframe, ts_utc, open, high, low, close, vol, source_candles, quality_score FROM twins WHERE is_twin),
of_other AS (SELECT symbol, timeframe, ts_utc, open, high, low, close, vol, source_candles, quality_score FROM twins WHERE NOT is_twin)
SELECT 'missing or another' AS what, x.* FROM (TABLE of_twin EXCEPT ALL TABLE of_other) x UNION ALL SELECT 'surplus', x.* FROM (TABLE of_other EXCEPT ALL TABLE of_twin) x;
SQL
sql -c "SELECT agg_set_retention(s, '1m', '1 hour') FROM unnest('{S1,S2,S3,S4,S5}'::text[]) s" >/dev/null

# done_all : what is left is done; a call does no more than its share.
done_all() {
	for _ in $(seq 100); do
		sql -c 'SET client_min_messages = warning' -c 'UPDATE data_agg_state SET next_run_at = NULL' -c "UPDATE agg_retention SET next_look_at = '-infinity'" -c 'CALL agg_run(p_max_windows => 100000)'
		[ "$(sql -c 'SELECT (SELECT count(*) FROM agg_change_log) + (SELECT count(*) FROM agg_dirty_ranges)')" != 0 ] || break
	done
}

run="CALL agg_run(p_batch => 4, p_max_windows => 20);"
due="UPDATE agg_retention SET next_look_at = '-infinity';"
for ((round = 1; round <= rounds; round++)); do
	# Every second round a symbol is kept, and with it its partitions: then rows are deleted.
	sql -c "SELECT agg_set_retention('S5', '1m', CASE WHEN $round % 2 = 0 THEN interval '1000 years' ELSE '1 hour' END)" >/dev/null
	one_round writer='CALL write_something();' writer='CALL write_something();' runner="UPDATE data_agg_state SET next_run_at = NULL; $due $run" runner="$due $run"
	done_all
	is "$(sql -c 'SELECT * FROM agg_verify() WHERE explanation IS NULL LIMIT 5')" '' "round $round: the proof finds nothing ($(sql -c 'SELECT count(*) FROM ever') minutes, of which $(sql -c 'SELECT count(*) FROM data_bars') are left, in $(sql -c "SELECT count(*) FROM pg_class WHERE relname LIKE 'day\_%' AND relkind = 'r'") days)"
done
is "$(sql -c 'SELECT last_error FROM v_aggregation_retention WHERE last_error IS NOT NULL')" '' 'no policy fails in the end'
is "$(sql -c "SELECT (SELECT sum(rows_removed) FROM v_aggregation_retention) > 0, to_regclass('day_0') IS NULL")" 't|t' 'rows and partitions have gone'

# The twins, of all minutes that there ever were.
sql >/dev/null <<'SQL'
SET client_min_messages = warning;
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) SELECT 'T' || i, '{"agg": {"optional": ["15m"]}}' FROM generate_series(1, 5) AS i;
SELECT sync_agg_state_from_registry('prod', '2025-07-01');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT translate(canonical_symbol, 'S', 'T'), timeframe, ts_utc, open, high, low, close, vol FROM ever;
SQL
done_all
is "$(sql -c 'SELECT * FROM untrue ORDER BY symbol, ts_utc LIMIT 5')" '' 'every bar is what all minutes say'
is "$(sql -c "SELECT count(*) > 100 FROM derived_data_bars WHERE canonical_symbol LIKE 'T%'" -c "SELECT count(*) < (SELECT count(*) FROM derived_data_bars WHERE canonical_symbol LIKE 'T%') / 20 FROM agg_refused_ranges")" $'t\nt' "there was something to compare, and little came too late ($(sql -c 'SELECT count(*) FROM agg_refused_ranges') ranges)"
done_testing
