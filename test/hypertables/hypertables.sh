# Hypertables before and after agg_setup(): feed, runs, late bars, compressed chunks and late bars into them, dropped chunks.
source "${ROOT:?}/test/tap.sh"
source "$ROOT/test/own_server.sh"

# No statement may open more of a chunk than it needs: a symbol of a day has 1,440 minutes.
own_server fsync=off shared_preload_libraries=timescaledb timescaledb.telemetry_level=off timescaledb.max_tuples_decompressed_per_dml_transaction=1500 max_worker_processes=16
export PGOPTIONS='-c client_min_messages=error -c timezone=UTC'

# fresh NAME : a database with both extensions.
fresh() {
	psql -X -q -d postgres -c "CREATE DATABASE $1"
	export PGDATABASE=$1
	sql -c 'CREATE EXTENSION timescaledb' -c 'CREATE EXTENSION aggregation'
}

make_hypertables() {
	sql -c "SELECT create_hypertable(t::regclass, 'ts_utc', chunk_time_interval => interval '1 day', create_default_indexes => false) FROM unnest('{data_bars,derived_data_bars}'::text[]) t" >/dev/null
}

compress() {
	sql -c "SELECT count(compress_chunk(c, true)) FROM unnest('{data_bars,derived_data_bars}'::text[]) t, show_chunks(t::regclass, older_than => '2025-07-04'::timestamptz) c"
}

run() { sql -c 'UPDATE data_agg_state SET next_run_at = NULL' -c "UPDATE agg_retention SET next_look_at = '-infinity'" -c "CALL agg_run(p_now_utc => '2025-07-06 01:00', p_max_windows => 100000)"; }
proof() { sql -c 'SELECT * FROM agg_verify() LIMIT 5'; }
failures() { sql -c 'SELECT canonical_symbol, timeframe, last_error FROM data_agg_state WHERE last_error IS NOT NULL'; }
bars() { sql -c "SELECT string_agg(timeframe || ' ' || n, ', ' ORDER BY n) FROM (SELECT timeframe, count(*) n FROM derived_data_bars WHERE deleted_at IS NULL AND $1 GROUP BY 1) x"; }

# feed : five days of three symbols.
feed() {
	sql <<'SQL'
INSERT INTO core_asset_registry_all (canonical_symbol, metadata)
SELECT s, '{"agg": {"start_utc": "first_bar", "optional": ["15m", "4h", "1d"]}}' FROM unnest('{A,B,C}'::text[]) AS s ON CONFLICT DO NOTHING;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
SELECT s, '1m', '2025-07-01'::timestamptz + make_interval(mins => i), 100 + i % 7, 101 + i % 7, 99, 100.5 + i % 5, 10, 100 + i % 3, 2
FROM unnest('{A,B,C}'::text[]) s, generate_series(0, 5 * 1440 - 1) i;
SQL
	sql -c "SELECT sync_agg_state_from_registry('prod')" >/dev/null
}

# live : all that may happen to them, from the first bar on.
live() {
	feed
	run
	is "$(bars true)" '1d 15, 4h 90, 1h 360, 15m 1440, 5m 4320' "$1: bars are made"
	is "$(proof)" '' "$1: and right"
	sql -c "UPDATE data_bars SET high = high + 5 WHERE canonical_symbol = 'A' AND ts_utc = '2025-07-02 10:02'" \
		-c "DELETE FROM data_bars WHERE canonical_symbol = 'B' AND ts_utc >= '2025-07-02 10:00' AND ts_utc < '2025-07-02 11:00'"
	run
	is "$(failures)$(proof)" '' "$1: late bars and deletions"

	sql -c "ALTER TABLE data_bars SET (timescaledb.compress, timescaledb.compress_segmentby = 'canonical_symbol, timeframe', timescaledb.compress_orderby = 'ts_utc')" \
		-c "ALTER TABLE derived_data_bars SET (timescaledb.compress, timescaledb.compress_segmentby = 'canonical_symbol, timeframe', timescaledb.compress_orderby = 'ts_utc')"
	is "$(compress)" 6 "$1: chunks are compressed"
	is "$(sql -c 'SELECT count(*) FROM agg_setup()')" 0 "$1: agg_setup() finds nothing missing"
	is "$(proof)" '' "$1: compressed bars are right"
	sql -c "UPDATE data_bars SET high = high + 7 WHERE canonical_symbol = 'A' AND ts_utc = '2025-07-02 11:02'" \
		-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) VALUES ('B', '1m', '2025-07-02 10:03', 1, 1, 1, 1, 1) ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET low = 0" \
		-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol) VALUES ('B', '1m', '2025-07-02 12:03', 1, 1, 1, 1, 1) ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET low = 0" \
		-c "DELETE FROM data_bars WHERE canonical_symbol = 'C' AND ts_utc >= '2025-07-02 05:00' AND ts_utc < '2025-07-02 07:00'"
	run
	is "$(failures)" '' "$1: no run fails at a compressed chunk"
	is "$(proof)" '' "$1: late bars and deletions in compressed chunks"
	is "$(sql -c "SELECT count(*) FROM derived_data_bars WHERE canonical_symbol = 'C' AND deleted_at IS NOT NULL AND raw ->> 'deleted' = 'source_removed'")" 34 "$1: bars without source are deleted softly there, too"
	is "$(sql -c "SELECT derived_soft_delete_range('A', '15m', '2025-07-02', '2025-07-03') -> 'bars_deleted', derived_restore_range('A', '15m', '2025-07-02', '2025-07-03') -> 'bars_restored'")" '96|96' "$1: deleted by hand and restored"
	is "$(sql -c "SELECT derived_rebuild_range('A', '1h', '2025-07-02', '2025-07-03') -> 'bars_replaced'")" 24 "$1: rebuilt"
	run
	is "$(failures)$(proof)" '' "$1: all is right"
	is "$(sql -c "SELECT count(*), min(low), max(high) FROM agg_bars('A', '45m', '2025-07-01', '2025-07-05')")" '128|99|111' "$1: agg_bars() reads compressed and other chunks"
	is "$(compress)" 6 "$1: compressed again"
	is "$(proof)" '' "$1: and right"

	before=$(bars "ts_utc < '2025-07-03'")
	# Two days of minutes and a day of bars go; a late bar comes before anybody has looked.
	is "$(sql -c "SELECT count(*) FROM drop_chunks('data_bars', older_than => '2025-07-03'::timestamptz)")" 2 "$1: chunks of minutes are dropped"
	sql -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('A', '1m', '2025-07-01 10:00', 7, 7, 7, 7)"
	is "$(sql -c "SELECT count(*) FROM agg_bars('A', '45m', '2025-07-01', '2025-07-06', p_now_utc => '2025-07-05 23:50')")" 160 "$1: readers do not mind"
	run
	is "$(bars "ts_utc < '2025-07-03'")" "$before" "$1: their bars stay"
	is "$(sql -c "SELECT DISTINCT from_utc, to_utc, reason FROM agg_sealed_ranges WHERE timeframe IS NULL")" '2025-07-01 00:00:00+00|2025-07-03 00:00:00+00|chunk dropped' "$1: sealed"
	is "$(sql -c "SELECT count(*) FROM agg_refused_ranges WHERE canonical_symbol = 'A' AND timeframe = '5m'")" 1 "$1: the late bar is refused"
	sql -c "SELECT agg_mark_changed(NULL, '2025-07-01', '2025-07-06')" >/dev/null
	run
	is "$(bars "ts_utc < '2025-07-03'")" "$before" "$1: whatever is looked at again"
	is "$(failures)$(proof)" '' "$1: the proof finds nothing"
	is "$(sql -c "SELECT count(*) FROM drop_chunks('derived_data_bars', older_than => '2025-07-02'::timestamptz)")" 1 "$1: a chunk of derived bars is dropped"
	run
	is "$(bars "ts_utc < '2025-07-02'")" '' "$1: they are gone"
	is "$(failures)$(proof)" '' "$1: nobody misses them or makes them again"
	# In the middle of a chunk: a batch of each symbol is opened.
	sql -c 'SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0' -c "SELECT agg_retire_source('2025-07-03 12:00')" >/dev/null
	is "$(sql -c "SELECT count(*) FROM data_bars WHERE ts_utc < '2025-07-03 12:00'")" 0 "$1: minutes of a compressed chunk are retired"
	# A chunk goes as a whole, compressed or not, unless somebody in it is kept.
	sql -c "SELECT agg_set_retention(NULL, '1m', '24 hours'), agg_set_retention('C', '1m', '1 year')" >/dev/null
	run
	is "$(sql -c "SELECT canonical_symbol, min(ts_utc) FROM data_bars GROUP BY 1 ORDER BY 1" -c 'SELECT DISTINCT last_error, waits_for FROM v_aggregation_retention')" $'A|2025-07-05 00:00:00+00\nB|2025-07-05 00:00:00+00\nC|2025-07-03 12:00:00+00\n|' "$1: a policy deletes rows of mixed chunks"
	is "$(failures)$(proof)" '' "$1: all is right"
	sql -c "SELECT agg_set_retention('C', '1m', NULL)" >/dev/null
	run
	is "$(sql -c 'SELECT min(ts_utc) FROM data_bars' -c "SELECT stats -> 'partitions_retired', stats -> 'rows_retired' FROM ops_runlog ORDER BY started_at DESC LIMIT 1")" $'2025-07-05 00:00:00+00\n2|0' "$1: and drops the others"
	is "$(sql -c "SELECT count(*) FROM show_chunks('data_bars', newer_than => '2025-07-03'::timestamptz) c" -c "SELECT count(*) FROM agg_chunks WHERE table_name = 'data_bars' AND from_utc >= '2025-07-03'" -c "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'data_bars' AND range_start >= '2025-07-03'")" $'1\n1\n1' "$1: nothing is left of them"
	is "$(sql -c "SELECT DISTINCT to_utc FROM agg_sealed_ranges WHERE timeframe IS NULL AND reason = 'retired'")" '2025-07-05 00:00:00+00' "$1: their bars are sealed"
	run
	is "$(failures)$(proof)" '' "$1: all is right"
	sql -c 'SELECT agg_set_retention(NULL, $$1m$$, NULL)' >/dev/null

	# Emptied, and not trimmed.
	sql -c 'TRUNCATE data_bars, derived_data_bars, agg_sealed_ranges, agg_refused_ranges' -c "UPDATE data_agg_state SET last_agg_bar_ts_utc = NULL"
	feed
	run
	is "$(bars true)|$(sql -c 'SELECT count(*) FROM agg_sealed_ranges')|$(proof)" '1d 15, 4h 90, 1h 360, 15m 1440, 5m 4320|0|' "$1: what is emptied and filled again is made again"
}

fresh after_setup
sql -c 'SELECT count(*) FROM agg_setup()' >/dev/null
make_hypertables
is "$(sql -c 'SELECT count(*) FROM agg_setup()')" 0 'after agg_setup(): nothing is missing'
like "$(PGOPTIONS='' psql -X -q -c 'SELECT * FROM agg_setup()' 2>&1 >/dev/null)" 'data_bars is a hypertable of TimescaleDB 2.*derived_data_bars is a hypertable' 'and it says what it found'
live 'after agg_setup()'

fresh before_setup
sql <<'SQL'
CREATE TABLE data_bars (canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL, open float8, high float8, low float8, close float8, vol float8, vwap float8, trade_count bigint, source text DEFAULT 'ingest', PRIMARY KEY (canonical_symbol, timeframe, ts_utc));
CREATE TABLE derived_data_bars (canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL, open float8 NOT NULL, high float8 NOT NULL, low float8 NOT NULL, close float8 NOT NULL, deleted_at timestamptz);
SQL
make_hypertables
like "$(sql -c 'SELECT count(*) FROM agg_setup()')" '^[1-9]' 'before agg_setup(): it adds what is missing'
is "$(sql -c "SELECT action, object, detail FROM agg_setup()")" '' 'all of it'
live 'before agg_setup()'

# Minutes of ticks and of an index, in compressed chunks.
fresh made_minutes
sql -c 'SELECT count(*) FROM agg_setup()' >/dev/null
make_hypertables
sql >/dev/null <<'SQL'
ALTER TABLE data_bars SET (timescaledb.compress, timescaledb.compress_segmentby = 'canonical_symbol, timeframe', timescaledb.compress_orderby = 'ts_utc');
ALTER TABLE derived_data_bars SET (timescaledb.compress, timescaledb.compress_segmentby = 'canonical_symbol, timeframe', timescaledb.compress_orderby = 'ts_utc');
CREATE TABLE trades (ts timestamptz, symbol text, price float8, size float8);
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) SELECT s, '{"agg": {"start_utc": "first_bar"}}' FROM unnest('{T,U,X}'::text[]) AS s;
INSERT INTO agg_indexes (canonical_symbol, components, exponents) VALUES ('X', '{T,U}', '{0.5,0.5}');
SELECT agg_add_tick_source('trades', 'ts', 'symbol', 'price', 'size', p_from => '-infinity');
INSERT INTO trades SELECT '2025-07-01'::timestamptz + make_interval(secs => 30 * i), s, 100 + i % 7, 1 FROM unnest('{T,U}'::text[]) s, generate_series(0, 2 * 2880 - 1) i;
SQL
run
sql -c "SELECT sync_agg_state_from_registry('prod')" >/dev/null
run
is "$(bars true)|$(sql -c "SELECT count(*) FROM data_bars WHERE canonical_symbol = 'X'")|$(proof)" '1h 144, 5m 1728|2880|' 'minutes of ticks and of an index'
is "$(compress)" 4 'are compressed'
sql -c "INSERT INTO trades VALUES ('2025-07-01 10:02:10', 'T', 200, 1)" -c "DELETE FROM trades WHERE symbol = 'U' AND ts >= '2025-07-01 12:00' AND ts < '2025-07-01 12:30'"
run
is "$(failures)$(proof)|$(sql -c 'SELECT state, last_error FROM v_aggregation_tick_sources')" '|ok|' 'late ticks, and ticks that are taken away'
is "$(sql -c "SELECT count(*) FROM data_bars WHERE canonical_symbol IN ('U', 'X') AND ts_utc >= '2025-07-01 12:00' AND ts_utc < '2025-07-01 12:30'" -c "SELECT max(high) FROM derived_data_bars WHERE timeframe = '5m' AND deleted_at IS NULL AND canonical_symbol = 'T'")" $'0\n200' 'change minutes, those of the index, and bars'

# Minutes of an older system that were copied, and bars that were deleted, in compressed chunks: it says what to do.
fresh old_minutes
sql -c 'SELECT count(*) FROM agg_setup()' >/dev/null
make_hypertables
sql >/dev/null <<'SQL'
ALTER TABLE derived_data_bars SET (timescaledb.compress, timescaledb.compress_segmentby = 'canonical_symbol, timeframe', timescaledb.compress_orderby = 'ts_utc');
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('DXY');
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'DXY', '1m', m, 1, 1, 1, 1 FROM generate_series('2025-07-01'::timestamptz, '2025-07-01 23:59', '1 minute') m;
SELECT count(*) FROM agg_adopt();
SELECT compress_chunk(c) FROM show_chunks('derived_data_bars') c;
SQL
remedy=$(sql -c 'SELECT agg_retire_old_minutes()' 2>&1 | grep -o 'SELECT decompress_chunk.*) c')
is "$remedy" "SELECT decompress_chunk(c, true) FROM show_chunks('derived_data_bars') c" 'it says what to do'
sql -c "$remedy" >/dev/null
is "$(sql -c "SELECT agg_retire_old_minutes() -> 'minutes'" -c 'SELECT count(*) FROM derived_data_bars WHERE deleted_at IS NULL')" $'1440\n0' 'which helps'
sql -c "SELECT compress_chunk(c) FROM show_chunks('derived_data_bars') c" >/dev/null
is "$(sql -c "SELECT derived_purge_deleted('0')" 2>&1 | grep -o 'HINT:  Decompress')$(sql -c 'SELECT agg_retire_old_minutes(true)' 2>&1 | grep -o 'HINT:  Decompress')" 'HINT:  DecompressHINT:  Decompress' 'to whoever looks for rows by their place'

is "$(sql -c "SELECT agg_partition_by_month('data_bars')" 2>&1 | head -n 1)" 'ERROR:  table "data_bars" is managed by another extension' 'nobody partitions a hypertable'
done_testing
