# pg_dump and a restore into an empty database, with no special step: the same bars, the same tasks, nothing for agg_setup() to mend.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

bin=$("$PG_CONFIG" --bindir)
partitions="CREATE TABLE data_bars (canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL, PRIMARY KEY (canonical_symbol, timeframe, ts_utc))
	PARTITION BY RANGE (ts_utc);
CREATE TABLE bars_2025 PARTITION OF data_bars FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE other_bars PARTITION OF data_bars DEFAULT;"

dumped_tables="core_asset_registry_all data_bars derived_data_bars data_agg_state agg_timeframes agg_indexes agg_calendars agg_calendar_sessions agg_calendar_exceptions agg_calendar_days agg_consumers agg_event_batches agg_events agg_kept_revisions agg_bar_revisions agg_tick_sources agg_tick_log trades sticks"
sticks='CREATE TABLE sticks (n int, cs candlestick); CREATE TABLE trades (symbol text, ts timestamptz, price float8, size float8) PARTITION BY RANGE (ts); CREATE TABLE trades_1 PARTITION OF trades DEFAULT;'

# as_they_were WHAT : the database "restored" has the rows of "dumped", and nothing is left to do.
as_they_were() {
	local what=$1 table query
	for table in $dumped_tables; do
		query="SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM $table AS t"
		is "$(psql -X -A -t -d restored -c "$query")" "$(psql -X -A -t -d dumped -c "$query")" "the same rows in $table: $what"
	done
	is "$(psql -X -A -t -d restored -c 'SELECT count(*) FROM agg_setup()')" 0 "nothing is left to set up: $what"
	is "$(psql -X -A -t -d restored -c "SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 100, '2025-07-02') ->> 'bars_unchanged'")" 60 \
		"and the bars are what they would be made again: $what"
}

# there_and_back WHAT TABLES : TABLES is the SQL that makes tables before agg_setup() does.
there_and_back() {
	local what=$1 tables=$2 status
	psql -X -q -d postgres -c 'DROP DATABASE IF EXISTS dumped' -c 'DROP DATABASE IF EXISTS restored' -c 'CREATE DATABASE dumped' -c 'CREATE DATABASE restored' 2>/dev/null
	psql -X -q -v ON_ERROR_STOP=1 -d dumped >/dev/null <<SQL
CREATE EXTENSION aggregation;
$tables
$sticks
SELECT * FROM agg_setup();
INSERT INTO agg_calendars (calendar, time_zone, day_start) VALUES ('mine', 'Asia/Kolkata', '08:00');
INSERT INTO agg_calendar_sessions VALUES ('mine', 1, '09:15', '15:30');
INSERT INTO agg_calendar_exceptions (calendar, trading_date, note) VALUES ('mine', '2025-07-07', 'mine'), ('nyse', '2025-07-07', 'mine');
UPDATE agg_calendars SET week_start = 1 WHERE calendar = 'fx';
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('EURUSD', '{}'), ('GBPUSD', '{"agg": {"calendar": "mine"}}');
SELECT sync_agg_state_from_registry('prod', '2025-07-01');
SELECT agg_subscribe('reader');
SELECT agg_set_keep_revisions('EURUSD', '5m', true);
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT 'EURUSD', '1m', '2025-07-01'::timestamptz + n * interval '1 minute', 1, 2, 0.5, 1.5, n FROM generate_series(0, 299) AS n;
SELECT * FROM agg_aggregate_tasks('{EURUSD,EURUSD}', '{5m,1h}', p_now_utc => '2025-07-02');
INSERT INTO sticks SELECT n % 10, candlestick('2025-07-01'::timestamptz + n * interval '1 second', n * 0.1, n * 0.3) FROM generate_series(0, 999) AS n GROUP BY 1;
SELECT agg_add_tick_source('trades', p_delay_seconds => 0);
INSERT INTO trades VALUES ('TICK', '2025-07-01 00:00:10', 1, 1), ('TICK', '2025-07-01 00:00:20', 2, 1);
ALTER TABLE trades RENAME TO renamed; ALTER TABLE renamed RENAME COLUMN price TO paid;
CALL agg_run(p_now_utc => '2025-07-02');
ALTER TABLE renamed RENAME TO trades; ALTER TABLE trades RENAME COLUMN paid TO price;
INSERT INTO trades VALUES ('TICK', '2025-07-01 00:00:30', 3, 1);
INSERT INTO sticks VALUES (10, candlestick('-infinity', 1, NULL, NULL, 1)), (11, candlestick('4713-01-01 00:00+00 BC', -0.0, 1e308, -1e308, 5e-324, 1e300, 1.1, 7));
SQL

	status=0
	"$bin/pg_dump" -Fc -f dump dumped && "$bin/pg_restore" --exit-on-error -d restored dump || status=$?
	is "$status" 0 "dump and restore without an error: $what"
	as_they_were "$what"
	waiting="SELECT agg_ack('reader', min(event_id)) FROM agg_poll('reader')"
	events="SELECT count(*), md5(string_agg(p::text, '' ORDER BY p.event_id)) FROM agg_poll('reader') AS p"
	psql -X -A -t -q -d dumped -c "$waiting" >/dev/null
	psql -X -A -t -q -d restored -c "$waiting" >/dev/null
	is "$(psql -X -A -t -d restored -c "$events")" "$(psql -X -A -t -d dumped -c "$events")" "the events that wait are there: $what"
	is "$(psql -X -A -t -q -d restored -c "UPDATE derived_data_bars SET high = 9 WHERE timeframe = '5m' AND ts_utc = '2025-07-01'" \
		-c "SELECT kind, new ->> 'high', event_id = (SELECT max(last_id) FROM agg_event_batches) FROM agg_poll('reader') ORDER BY event_id DESC LIMIT 1")" \
		'revised|9|t' "and others come behind them: $what"

	begun=$(psql -X -A -t -d dumped -c "SELECT clock_timestamp()")
	as_of="SELECT count(*), md5(string_agg(b::text, '' ORDER BY b.ts_utc)) FROM agg_bars('EURUSD', '5m', p_as_of => '$begun') AS b"
	is "$(psql -X -A -t -d restored -c "${as_of//$begun/$(psql -X -A -t -d restored -c 'SELECT max(made_at) - interval $$1 microsecond$$ FROM agg_bar_revisions')}")" "$(psql -X -A -t -d dumped -c "$as_of")" \
		"and the copy reads what was there: $what"
	for name in dumped restored; do
		is "$(psql -X -A -t -q -d $name -c BEGIN -c "INSERT INTO trades VALUES ('TICK', '2025-07-01 00:01:30', 4, 1)" \
			-c "SELECT s.state, j -> 'minutes_inserted', j -> 'minutes_updated' FROM v_aggregation_tick_sources AS s, agg_run_batch(p_now_utc => '2025-07-02') AS j" \
			-c "SELECT string_agg(close::text, ' ' ORDER BY ts_utc) FROM data_bars WHERE canonical_symbol = 'TICK'" -c ROLLBACK)" $'ok|1|1\n3 4' "the tick source works on, and what it had to do is done: $what, $name"
	done

	# The rows alone, into a database that has what agg_setup() makes: docs/operating.md says how.
	psql -X -q -d postgres -c 'DROP DATABASE restored' -c 'CREATE DATABASE restored'
	psql -X -q -v ON_ERROR_STOP=1 -d restored -c 'CREATE EXTENSION aggregation' -c "$tables" -c "$sticks" -c 'SELECT * FROM agg_setup()' >/dev/null
	"$bin/pg_dump" -Fc --data-only -f dump dumped
	like "$("$bin/pg_restore" --exit-on-error --single-transaction --data-only --disable-triggers -d restored dump 2>&1)" 'duplicate key value' \
		"rows collide with those that are shipped: $what"
	psql -X -q -v ON_ERROR_STOP=1 -d restored -c "$(sed -n '/^SET aggregation.tracking = off; .*in the target/,/^RESET/p' "$ROOT/docs/operating.md")"
	status=0
	"$bin/pg_restore" --exit-on-error --single-transaction --data-only --disable-triggers -d restored dump || status=$?
	is "$status" 0 "and do not where those are gone: $what"
	as_they_were "rows alone, $what"
	like "$(psql -X -A -t -d restored -c "SELECT * FROM agg_poll('reader')" 2>&1)" 'consumer "reader" has lost events' "without the trigger a consumer is told: $what"
	like "$(psql -X -A -t -d restored -c "SELECT * FROM agg_bars('EURUSD', '5m', p_as_of => '$begun')" 2>&1)" 'revisions are not recorded at this moment' "and who reads former bars: $what"
	is "$(psql -X -A -t -d restored -c 'SELECT (SELECT count(*) FROM agg_change_log) + (SELECT count(*) FROM agg_dirty_ranges)')" \
		"$(psql -X -A -t -d dumped -c 'SELECT (SELECT count(*) FROM agg_change_log) + (SELECT count(*) FROM agg_dirty_ranges)')" "no work comes of it: $what"
	psql -X -q -d postgres -c 'DROP DATABASE dumped' -c 'DROP DATABASE restored'
}
there_and_back 'plain tables' ''
there_and_back 'partitions' "$partitions"

done_testing
