# Old months in Citus's columnar access method, where it is installed: docs/storage.md says what becomes of late bars, and how they get in.
source "${ROOT:?}/test/tap.sh"
source "$ROOT/test/own_server.sh"

[ -e "$("$PG_CONFIG" --pkglibdir)/citus_columnar.so" ] || skip_all 'citus_columnar is not installed'
case $("$PG_CONFIG" --version) in *' 14'*) skip_all 'ALTER TABLE … SET ACCESS METHOD is of PostgreSQL 15' ;; esac
own_server fsync=off shared_preload_libraries=citus_columnar
export PGTZ=UTC PGOPTIONS='-c client_min_messages=error' PGDATABASE=columnar
psql -X -q -d postgres -c 'CREATE DATABASE columnar'
sql -c 'CREATE EXTENSION citus_columnar' -c 'CREATE EXTENSION aggregation' -c 'DO $$ BEGIN PERFORM agg_setup(); END $$' \
	-c "SELECT count(agg_partition_by_month(t, 4, '2025-01-01')) FROM unnest('{data_bars,derived_data_bars}'::text[]) t" \
	-c "INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('A'), ('B')" -c "SELECT FROM sync_agg_state_from_registry('prod', '2025-01-01')" \
	-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT s, '1m', m, 1, 2, 0.5, 1.5, 1 FROM unnest('{A,B}'::text[]) s, generate_series('2025-01-31 20:00'::timestamptz, '2025-02-01 04:00', '1 minute') m" >/dev/null

run() { sql -c 'UPDATE agg_retention SET next_look_at = $$-infinity$$' -c 'UPDATE data_agg_state SET next_run_at = NULL' -c "CALL agg_run(p_now_utc => '$1')"; }
compress() { sql -c "CLUSTER data_bars_p20250101 USING data_bars_p20250101_pkey" -c 'ALTER TABLE data_bars_p20250101 SET ACCESS METHOD columnar'; }
refused() { sql -c "$1" 2>&1 | grep -o '^ERROR'; }
proof() { sql -c 'SELECT * FROM agg_verify() WHERE explanation IS NULL LIMIT 5' -c 'SELECT canonical_symbol, timeframe, last_error FROM data_agg_state WHERE last_error IS NOT NULL'; }
bars() { sql -c "SELECT md5(string_agg(b::text, ' ')) FROM agg_bars('A', '15m', '2025-01-31', '2025-02-02') b"; }
minutes() { sql -c "SELECT count(*), max(high) FROM data_bars WHERE ts_utc < '2025-02-01'"; }

run '2025-02-02'
before=$(bars)
compress
is "$(sql -c "SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE relname = 'data_bars_p20250101'")|$(sql -c 'SELECT count(*) FROM agg_change_log')" 'columnar|0' 'a month becomes columnar; that is no change'
is "$(sql -c "SELECT agg_mark_changed(NULL, '2025-01-31', '2025-02-01') -> 'success'")" true 'its windows are made again'
run '2025-02-02'
is "$(bars)|$(proof)|$(sql -c 'SELECT count(*) FROM agg_setup(true)')" "$before||0" 'the bars are the same'

columns='(canonical_symbol, timeframe, ts_utc, open, high, low, close)'
is "$(refused "INSERT INTO data_bars $columns VALUES ('A', '1m', '2025-01-31 10:00', 7, 7, 7, 7)")
$(refused "INSERT INTO data_bars $columns VALUES ('A', '1m', '2025-01-31 21:00', 7, 7, 7, 7) ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET high = 7")
$(refused "UPDATE data_bars SET high = 7 WHERE canonical_symbol = 'A' AND ts_utc = '2025-01-31 21:00'")
$(refused "DELETE FROM data_bars WHERE canonical_symbol = 'A' AND ts_utc = '2025-01-31 21:00'")" $'ERROR\nERROR\nERROR\nERROR' 'late bars are refused'
is "$(minutes)|$(sql -c 'SELECT count(*) FROM agg_change_log')" '480|2|0' 'nothing of them gets in'
sql -c "UPDATE data_bars SET high = 8 WHERE canonical_symbol = 'A' AND ts_utc = '2025-02-01 01:02'" -c "DELETE FROM data_bars WHERE canonical_symbol = 'B' AND ts_utc >= '2025-02-01 01:00' AND ts_utc < '2025-02-01 02:00'"
run '2025-02-02'
is "$(sql -c "SELECT max(high) FROM derived_data_bars WHERE ts_utc >= '2025-02-01'")|$(proof)" '8|' 'those of other months are made'

sql -c 'ALTER TABLE data_bars_p20250101 SET ACCESS METHOD heap' -c "UPDATE data_bars SET high = 9 WHERE canonical_symbol = 'A' AND ts_utc = '2025-01-31 21:00'"
run '2025-02-02'
compress
is "$(minutes)|$(sql -c "SELECT max(high) FROM derived_data_bars WHERE ts_utc < '2025-02-01'")|$(proof)" '480|9|9|' 'as heap it takes them, and is compressed again'

# Derived bars that are sealed before: a run need not change them.
sql -c "SELECT agg_seal_range(NULL, '2025-01-01', '2025-02-01', 'columnar')" >/dev/null
sql -c 'ALTER TABLE data_bars_p20250101 SET ACCESS METHOD heap' -c 'ALTER TABLE derived_data_bars_p20250101 SET ACCESS METHOD columnar' -c "UPDATE data_bars SET high = 10 WHERE canonical_symbol = 'A' AND ts_utc = '2025-01-31 21:00'" \
	-c "DELETE FROM data_bars WHERE canonical_symbol = 'B' AND ts_utc >= '2025-01-31 22:00' AND ts_utc < '2025-01-31 23:00'"
run '2025-02-02'
is "$(proof)|$(sql -c 'SELECT DISTINCT canonical_symbol, timeframe FROM agg_refused_ranges ORDER BY 1, 2')" $'|A|5m\nB|5m' 'late bars of a sealed month are refused by us, and no run fails'
sql -c 'ALTER TABLE derived_data_bars_p20250101 SET ACCESS METHOD heap' -c "SELECT agg_unseal_range(NULL, '2025-01-01', '2025-02-01')" >/dev/null
run '2025-02-02'
is "$(sql -c "SELECT max(high) FROM derived_data_bars WHERE ts_utc < '2025-02-01'")|$(proof)" '10|' 'and makes them as heap'
sql -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) SELECT 'B', '1m', m, 1, 2, 0.5, 1.5, 1 FROM generate_series('2025-01-31 22:00'::timestamptz, '2025-01-31 22:59', '1 minute') m"
run '2025-02-02'
compress

# A policy drops it as a whole, and cannot delete rows from it.
sql -c "SELECT agg_set_retention(NULL, '1m', '20 days'), agg_set_retention('A', '1m', '1 year')" >/dev/null
run '2025-02-25'
is "$(minutes)|$(sql -c "SELECT DISTINCT left(last_error, 5) FROM v_aggregation_retention WHERE canonical_symbol IS NULL")|$(sql -c "SELECT alert FROM v_aggregation_alerts WHERE alert = 'retention'")" '480|10|0A000|retention' 'who is kept longer keeps all of it, and an alarm says so'
sql -c "SELECT agg_set_retention('A', '1m', NULL)" >/dev/null
run '2025-02-25'
is "$(sql -c "SELECT to_regclass('data_bars_p20250101') IS NULL")|$(sql -c 'SELECT last_error FROM v_aggregation_retention')|$(proof)" 't||' 'without a policy of its own it goes'
done_testing
