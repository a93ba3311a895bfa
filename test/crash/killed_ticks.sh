# Ticks while runners, feeds of ticks and the server are killed. In the end the minutes are what the ticks say, and the bars what the minutes
# say: nothing noted was lost with a session, a runner or the server, and nothing was made of ticks that were rolled back.
# include/strikes.sh says what AGGREGATION_CRASH_ROUNDS and AGGREGATION_SEED mean.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/strikes.sh"

begin_strikes ticks
sql >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE TABLE trades (ts timestamptz, symbol text, price float8, size float8, cond text);
CREATE INDEX ON trades (symbol, ts);
SELECT agg_add_tick_source('trades', p_condition => 'cond', p_excluded => '{X}');
CREATE FUNCTION some_time() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '2025-07-01'::timestamptz + floor(random() * 36000) * interval '1 second' $$;
-- One step of somebody who writes; some of it is rolled back. A price may be any, or none.
CREATE PROCEDURE write_something() LANGUAGE plpgsql AS $$
DECLARE
	who text := some_symbol();
	at timestamptz := some_time();
BEGIN
	CASE floor(random() * 8)::int
	WHEN 0 THEN
		DELETE FROM trades WHERE symbol = who AND ts >= at AND ts < at + interval '4 minutes';
	WHEN 1 THEN
		UPDATE trades SET ts = ts + interval '90 seconds' WHERE symbol = who AND ts >= at AND ts < at + interval '2 minutes';
	WHEN 2 THEN
		UPDATE trades SET cond = CASE WHEN cond IS NULL THEN 'X' END WHERE symbol = who AND ts >= at AND ts < at + interval '3 minutes';
	WHEN 3 THEN
		BEGIN
			UPDATE trades SET price = price + 1, symbol = some_symbol() WHERE symbol = who AND ts >= at AND ts < at + interval '2 minutes';
			PERFORM 1 / floor(random() * 2)::int;
		EXCEPTION WHEN division_by_zero THEN NULL;
		END;
	WHEN 4 THEN
		PERFORM agg_mark_ticks('trades', at, at + interval '1 hour', CASE WHEN random() < 0.5 THEN who END);
	ELSE
		INSERT INTO trades SELECT at + i * interval '3.7 seconds', who, nullif(floor(random() * 50), 0), floor(random() * 9), CASE WHEN random() < 0.1 THEN 'X' END FROM generate_series(0, 99) AS i;
	END CASE;
	IF random() < 0.2 THEN ROLLBACK; ELSE COMMIT; END IF;
END $$;
-- Minutes that are not what their ticks say.
CREATE VIEW untrue AS
SELECT COALESCE(t.symbol, b.canonical_symbol) AS symbol, COALESCE(t.minute, b.ts_utc) AS minute, close(t.cs) AS ticks, b.close AS stored
FROM (SELECT symbol, date_bin('1 minute', ts, '2000-01-01 00:00+00') AS minute, candlestick(ts, price, size) AS cs FROM trades WHERE cond IS NULL GROUP BY 1, 2 HAVING count(price) > 0) AS t
FULL JOIN data_bars AS b ON b.canonical_symbol = t.symbol AND b.ts_utc = t.minute
WHERE (open(t.cs), high(t.cs), low(t.cs), close(t.cs), volume(t.cs), vwap(t.cs), trade_count(t.cs)) IS DISTINCT FROM (b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count);
SQL

run="CALL agg_run(p_batch => 4, p_max_windows => 20, p_now_utc => '2025-07-02');"
for ((round = 1; round <= rounds; round++)); do
	one_round writer='CALL write_something();' writer='CALL write_something();' runner="UPDATE data_agg_state SET next_run_at = NULL; $run" runner="$run"
	# What is left is done; a call does no more than its share.
	for _ in $(seq 100); do
		sql -c 'SET client_min_messages = warning' -c 'UPDATE data_agg_state SET next_run_at = NULL' -c "CALL agg_run(p_max_windows => 1000, p_now_utc => '2025-07-02')"
		[ "$(sql -c 'SELECT (SELECT count(*) FROM agg_tick_log) + (SELECT count(*) FROM agg_change_log) + (SELECT count(*) FROM agg_dirty_ranges)')" != 0 ] || break
	done
	is "$(sql -c 'SELECT * FROM untrue LIMIT 5')" '' "round $round: the minutes are what the ticks say ($(sql -c 'SELECT count(*) FROM trades') ticks, $(sql -c 'SELECT count(*) FROM data_bars') minutes)"
	is "$(sql -c 'SELECT * FROM agg_verify() LIMIT 5')" '' "round $round: the bars are what the minutes say"
	is "$(sql -c "SELECT state FROM v_aggregation_tick_sources")" ok "round $round: the source is well"
done
is "$(sql -c 'SELECT count(*) > 100 FROM data_bars' -c 'SELECT count(*) > 10 FROM derived_data_bars')" $'t\nt' 'there was something to compare'
done_testing
