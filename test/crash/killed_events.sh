# Events while runners, feeds, hand-made changes, the consumer and the server are killed. The consumer keeps its own record: it remembers the
# last event that it has taken, and takes what is beyond it. In the end, what it has taken tells the whole life of each bar: each event begins
# where the last one has ended, the first one with nothing, and the last one ends with the bar that is there. So none was lost, doubled or
# out of order. The tasks keep their revisions besides: the history has the same bars at the same times, and ends with what is there.
# include/strikes.sh says what AGGREGATION_CRASH_ROUNDS and AGGREGATION_SEED mean.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/strikes.sh"

begin_strikes events
sql >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE TABLE taken (arrival bigserial, event_id bigint PRIMARY KEY, canonical_symbol text, timeframe text, ts_utc timestamptz, kind text, old jsonb, new jsonb, made_at timestamptz);
CREATE TABLE acknowledged (event_id bigint);
INSERT INTO acknowledged VALUES (0);
CREATE TABLE doubled (event_id bigint, acknowledged bigint);

CREATE FUNCTION some_time() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '2025-07-01'::timestamptz + floor(random() * 600) * interval '1 minute' $$;
-- one step of somebody who writes; some of it is rolled back
CREATE PROCEDURE write_something() LANGUAGE plpgsql AS $$
DECLARE
	symbol text := some_symbol();
	at timestamptz := some_time();
BEGIN
	CASE floor(random() * 8)::int
	WHEN 0 THEN
		DELETE FROM data_bars WHERE canonical_symbol = symbol AND ts_utc >= at AND ts_utc < at + interval '7 minutes';
	WHEN 1 THEN
		PERFORM derived_rebuild_range(symbol, '5m', at, at + interval '1 hour');
	WHEN 2 THEN
		PERFORM derived_soft_delete_range(symbol, '5m', at, at + interval '10 minutes');
		PERFORM derived_rebuild_range(symbol, '5m', at, at + interval '20 minutes');
	WHEN 3 THEN
		UPDATE derived_data_bars SET vol = floor(random() * 3) WHERE canonical_symbol = symbol AND ts_utc >= at AND ts_utc < at + interval '20 minutes' AND deleted_at IS NULL;
		BEGIN
			UPDATE derived_data_bars SET vol = 77 WHERE canonical_symbol = symbol AND ts_utc >= at AND ts_utc < at + interval '1 hour' AND deleted_at IS NULL;
			PERFORM 1 / floor(random() * 2)::int;
		EXCEPTION WHEN division_by_zero THEN NULL;
		END;
	ELSE
		INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
		SELECT symbol, '1m', at + i * interval '1 minute', 1, 1 + floor(random() * 5), 1, 1, 1 FROM generate_series(0, 30) AS i
		ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET high = excluded.high;
	END CASE;
	IF random() < 0.2 THEN ROLLBACK; ELSE COMMIT; END IF;
END $$;
-- takes what is new, keeps it, and acknowledges it later, if at all
CREATE PROCEDURE take_some() LANGUAGE plpgsql AS $$
DECLARE
	last bigint := (SELECT COALESCE(max(event_id), 0) FROM taken);
	acked bigint := (SELECT max(event_id) FROM acknowledged);
BEGIN
	CREATE TEMP TABLE IF NOT EXISTS polled (LIKE taken);
	TRUNCATE polled;
	INSERT INTO polled (arrival, event_id, canonical_symbol, timeframe, ts_utc, kind, old, new, made_at)
	SELECT 0, p.* FROM agg_poll('reader', 1 + floor(random() * 300)::int) AS p;
	INSERT INTO doubled SELECT p.event_id, acked FROM polled AS p WHERE p.event_id <= acked;
	INSERT INTO taken (event_id, canonical_symbol, timeframe, ts_utc, kind, old, new, made_at)
	SELECT event_id, canonical_symbol, timeframe, ts_utc, kind, old, new, made_at FROM polled WHERE event_id > last ORDER BY event_id;
	COMMIT;
	IF random() < 0.7 AND EXISTS (SELECT FROM polled) THEN
		PERFORM agg_ack('reader', (SELECT max(event_id) FROM polled));
		INSERT INTO acknowledged SELECT max(event_id) FROM polled;
		COMMIT;
	END IF;
END $$;
-- where the life of a bar has a hole
CREATE VIEW holes AS
WITH life AS (
	SELECT canonical_symbol, timeframe, ts_utc, event_id, kind, old, new, lag(new) OVER bar AS before, lead(event_id) OVER bar IS NULL AS last
	FROM taken WINDOW bar AS (PARTITION BY canonical_symbol, timeframe, ts_utc ORDER BY event_id)
), live AS (
	SELECT canonical_symbol, timeframe, ts_utc, (SELECT to_jsonb(v) FROM (SELECT d.open, d.high, d.low, d.close, d.vol, d.vwap, d.trade_count, d.quality_score) AS v) AS bar
	FROM derived_data_bars AS d WHERE deleted_at IS NULL
)
SELECT 'begins elsewhere' AS hole, event_id, canonical_symbol, timeframe, ts_utc FROM life WHERE old IS DISTINCT FROM before
UNION ALL
SELECT 'says nothing', event_id, canonical_symbol, timeframe, ts_utc FROM life WHERE old IS NOT DISTINCT FROM new
UNION ALL
SELECT 'ends elsewhere', l.event_id, canonical_symbol, timeframe, ts_utc FROM (SELECT * FROM life WHERE last) AS l
FULL JOIN live AS d USING (canonical_symbol, timeframe, ts_utc) WHERE l.new IS DISTINCT FROM d.bar
UNION ALL
SELECT 'comes late', event_id, canonical_symbol, timeframe, ts_utc
FROM (SELECT *, lag(event_id) OVER (ORDER BY arrival) AS earlier, lag(made_at) OVER (ORDER BY event_id) AS made_before FROM taken) AS t
WHERE event_id < earlier OR made_at < made_before;
CREATE VIEW untold AS
SELECT t.event_id, t.kind, t.canonical_symbol, t.timeframe, t.ts_utc
FROM taken AS t LEFT JOIN agg_bar_revisions AS r USING (canonical_symbol, timeframe, ts_utc, made_at)
WHERE (CASE WHEN r.deleted THEN NULL ELSE (SELECT to_jsonb(v) FROM (SELECT r.open, r.high, r.low, r.close, r.vol, r.vwap, r.trade_count, r.quality_score) AS v) END) IS DISTINCT FROM t.new
	OR r.ts_utc IS NULL
UNION ALL
SELECT 0, 'of now', k.canonical_symbol, k.timeframe, d.ts_utc
FROM agg_kept_revisions AS k CROSS JOIN LATERAL (
	SELECT COALESCE(b.ts_utc, l.ts_utc) AS ts_utc
	FROM agg_bars(k.canonical_symbol, k.timeframe, p_as_of => clock_timestamp()) AS b
	FULL JOIN (SELECT * FROM derived_data_bars AS d WHERE d.deleted_at IS NULL AND d.canonical_symbol = k.canonical_symbol AND d.timeframe = k.timeframe) AS l USING (ts_utc)
	WHERE (b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count, b.quality_score, b.revision) IS DISTINCT FROM (l.open, l.high, l.low, l.close, l.vol, l.vwap, l.trade_count, l.quality_score, l.revision)
) AS d;
SELECT agg_subscribe('reader');
SELECT agg_set_keep_revisions(canonical_symbol, timeframe, true) FROM data_agg_state;
SQL

for ((round = 1; round <= rounds; round++)); do
	one_round writer='CALL write_something();' writer='CALL write_something();' consumer='CALL take_some();' \
		runner="UPDATE data_agg_state SET next_run_at = NULL; CALL agg_run(p_batch => 4, p_max_windows => 20, p_now_utc => '2025-07-02');"
	until [ "$(sql -c 'SET client_min_messages = warning' -c 'CALL take_some()' -c "SELECT count(*) FROM agg_poll('reader')")" = 0 ]; do :; done
	is "$(sql -c 'SELECT * FROM holes LIMIT 5' -c 'SELECT * FROM doubled LIMIT 5')" '' "round $round: each change of each bar was told once and in order ($(sql -c 'SELECT count(*) FROM taken') events)"
	is "$(sql -c 'SELECT * FROM untold LIMIT 5' -c 'SELECT count(*) > 0 FROM agg_bar_revisions')" t "round $round: and is in the history"
done
is "$(sql -c "SELECT count(DISTINCT kind) FROM taken")" 3 'of all kinds'
done_testing
