-- agg_bars() and agg_latest(): any bar, also one that nobody has made yet.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();
SET timezone = 'UTC';
SELECT floor(random() * 1000000)::int AS seed \gset
\echo # seed :seed
SELECT setseed(:seed / 1000000.0) \g /dev/null

CREATE FUNCTION run(at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 3 LOOP
		UPDATE data_agg_state SET next_run_at = NULL;
		WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => at) ->> 'continue')::boolean LOOP NULL; END LOOP;
	END LOOP;
END $$;
-- Chained and exact, with UTC days and with those of currencies and stocks; TWIN is made of what 45m and 2h are made of on the fly.
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES
	('CHAIN', '{"agg": {"optional": ["15m", "4h", "1d", "1w", "1mo"]}}'),
	('FX', '{"agg": {"calendar": "fx", "source": "1m", "optional": ["15m", "2h", "4h", "1d", "1w", "1mo"]}}'),
	('FXCHAIN', '{"agg": {"calendar": "fx", "optional": ["15m", "2h", "4h", "1d", "1w"]}}'),
	('NYSE', '{"agg": {"calendar": "nyse", "optional": ["15m", "2h", "1d", "1w"]}}'),
	('TWIN', '{"agg": {"calendar": "fx", "source": "1m", "optional": ["45m", "3h", "3d", "2w", "3mo"]}}'),
	('TWIN2', '{"agg": {"optional": ["15m", "45m"]}}');
SELECT is(sync_agg_state_from_registry('prod', '2025-06-02 03:07+00') -> 'assets_skipped', '[]', 'symbols of several kinds');
UPDATE data_agg_state SET source_timeframe = '15m' WHERE canonical_symbol = 'TWIN2' AND timeframe = '45m';
-- Five weeks of minutes with holes of every length; some prices are none, some volumes and counts are missing.
CREATE TEMP TABLE minutes AS
SELECT t AS ts_utc, CASE WHEN random() < 0.002 THEN 'NaN' ELSE 1 + random() END AS open, 2 + random() AS high, random() AS low, CASE WHEN random() < 0.002 THEN NULL ELSE 1 + random() END AS close,
	CASE WHEN random() < 0.9 THEN floor(random() * 1000) END AS vol, CASE WHEN random() < 0.8 THEN 1 + random() END AS vwap, CASE WHEN random() < 0.9 THEN floor(random() * 50)::bigint END AS trade_count
FROM (SELECT t, sum((random() < 0.02)::int) OVER (ORDER BY t) AS stretch FROM generate_series('2025-06-02 00:00+00'::timestamptz, '2025-07-08 23:59+00', '1 minute') AS t) AS m
WHERE hashint8(stretch) % 5 <> 0 AND random() < 0.9;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
SELECT s, '1m', m.* FROM unnest(ARRAY['CHAIN', 'FX', 'FXCHAIN', 'NYSE', 'TWIN', 'TWIN2']) AS s, minutes AS m;
ANALYZE data_bars;
CREATE TEMP VIEW live AS SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score FROM derived_data_bars WHERE deleted_at IS NULL;
CREATE TEMP VIEW tasks AS SELECT canonical_symbol, timeframe FROM data_agg_state;
-- What is read of all tasks at a time.
CREATE FUNCTION read_all(at timestamptz) RETURNS TABLE (canonical_symbol text, timeframe text, ts_utc timestamptz, open double precision, high double precision, low double precision, close double precision, vol double precision, vwap double precision, trade_count bigint, quality_score integer, state text, revision integer) LANGUAGE sql AS
$$ SELECT t.canonical_symbol, t.timeframe, b.* FROM data_agg_state AS t CROSS JOIN LATERAL agg_bars(t.canonical_symbol, t.timeframe, p_now_utc => at) AS b $$;

-- ---- nothing is made yet: what is read is what the table holds later ----
-- In a window of 5m, behind the delay after which the one before it is made, and in an hour that has enough minutes for a bar already.
SELECT window_start + interval '40 seconds' + random() * interval '4 minutes' AS middle, '2025-07-09 00:05+00'::timestamptz AS later
FROM generate_series('2025-07-06 22:00+00'::timestamptz, '2025-07-07 23:55+00', '5 minutes') AS w (window_start)
WHERE (SELECT count(*) FROM minutes AS m WHERE m.ts_utc >= date_trunc('hour', window_start) AND m.ts_utc < window_start AND m.open <> 'NaN' AND m.close IS NOT NULL) >= 32
ORDER BY random() LIMIT 1 \gset
CREATE TEMP TABLE early AS SELECT * FROM read_all(:'middle');
SELECT set_eq('SELECT DISTINCT state FROM early', ARRAY['provisional', 'forming'], 'before anything is made no bar is final');
SELECT is_empty('SELECT canonical_symbol, timeframe FROM early WHERE state = ''forming'' GROUP BY 1, 2 HAVING count(*) > 1', 'at most one window is open');
SELECT run(:'middle');
SELECT set_eq('SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score FROM early WHERE state = ''provisional''', format('SELECT l.* FROM live l JOIN tasks t USING (canonical_symbol, timeframe) WHERE ts_utc < %L', :'middle'), 'what is read of windows that are over is what the table holds later');
CREATE TEMP TABLE made AS SELECT * FROM read_all(:'middle');
SELECT cmp_ok(count(*) FILTER (WHERE state = 'provisional'), '<=', 3 * (SELECT count(*) FROM tasks), 'what is made is final') FROM made;
SELECT set_eq('SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score FROM made', 'SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score FROM early', 'and the same');
-- The window that is open, of the minutes that are there now: what the table holds when it has closed without another one.
CREATE TEMP TABLE held AS SELECT * FROM data_bars WHERE ts_utc > :'middle';
DELETE FROM data_bars WHERE ts_utc > :'middle';
SELECT run(:'later'::timestamptz + interval '120 days');
SELECT isnt_empty($$SELECT FROM made m JOIN live l USING (canonical_symbol, timeframe, ts_utc) WHERE m.state = 'forming' AND m.canonical_symbol IN ('FX', 'TWIN')$$, 'open windows that have got a bar');
SELECT is_empty($$SELECT canonical_symbol, timeframe, m, l FROM made m JOIN live l USING (canonical_symbol, timeframe, ts_utc) WHERE m.state = 'forming' AND m.canonical_symbol IN ('FX', 'TWIN')
	AND (m.open, m.high, m.low, m.close, m.vol, m.vwap, m.trade_count) IS DISTINCT FROM (l.open, l.high, l.low, l.close, l.vol, l.vwap, l.trade_count)$$, 'the bar of an open window is what the same minutes make when it has closed');
INSERT INTO data_bars SELECT * FROM held;

-- ---- late minutes: what is read at once is what the next runs make ----
SELECT run(:'later');
SELECT is_empty(format('SELECT * FROM read_all(%L) WHERE state = ''provisional'' EXCEPT SELECT * FROM read_all(%1$L) WHERE ts_utc > %1$L::timestamptz - interval ''1 day''', :'later'), 'all is made');
UPDATE data_bars SET high = 5 + random(), vol = 7 WHERE (canonical_symbol, ts_utc) IN (SELECT canonical_symbol, ts_utc FROM data_bars ORDER BY random() LIMIT 40);
DELETE FROM data_bars WHERE (canonical_symbol, ts_utc) IN (SELECT canonical_symbol, ts_utc FROM data_bars ORDER BY random() LIMIT 40);
DELETE FROM data_bars WHERE canonical_symbol IN ('CHAIN', 'FX') AND ts_utc >= '2025-06-17 08:00+00' AND ts_utc < '2025-06-17 12:00+00';
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT s, '1m', '2025-06-09 00:00+00'::timestamptz + floor(random() * 40000) * interval '1 minute', 1, 6, 0.1, 2 FROM unnest(ARRAY['CHAIN', 'FX', 'NYSE', 'FXCHAIN']) AS s, generate_series(1, 20) ON CONFLICT DO NOTHING;
-- The newest of many symbols is read for all of them at once; here late work lies just behind it.
UPDATE data_bars SET high = 7 WHERE (canonical_symbol, ts_utc) IN (SELECT canonical_symbol, max(ts_utc) - interval '3 minutes' FROM data_bars GROUP BY 1);
SELECT set_eq(format('SELECT * FROM agg_latest(ARRAY[''CHAIN'', ''FX'', ''FXCHAIN'', ''NYSE''], %L, %L, %L)', timeframe, forming, :'later'),
	format('SELECT s, b.* FROM unnest(ARRAY[''CHAIN'', ''FX'', ''FXCHAIN'', ''NYSE'']) AS s CROSS JOIN LATERAL agg_bars(s, %L, p_forming => %L, p_limit => 1, p_now_utc => %L) AS b', timeframe, forming, :'later'), format('the newest %s behind late work, %s', timeframe, forming))
FROM unnest(ARRAY['5m', '15m', '45m', '1d']) AS timeframe, unnest(ARRAY[true, false]) AS forming;
CREATE TEMP TABLE pending AS SELECT * FROM read_all(:'later');
SELECT isnt_empty($$SELECT FROM pending WHERE state = 'provisional' AND timeframe = $$ || quote_literal(timeframe), 'late work shows: ' || timeframe) FROM (VALUES ('5m'), ('15m'), ('1h'), ('1d'), ('1w')) AS v (timeframe);
SELECT ok(count(*) FILTER (WHERE p.state = 'final') > count(*) * 0.8, 'and nowhere else') FROM pending AS p WHERE timeframe = '5m';
SELECT run(:'later');
SELECT set_eq('SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score FROM pending WHERE state <> ''forming''', format('SELECT l.* FROM live l JOIN tasks t USING (canonical_symbol, timeframe) WHERE ts_utc <= %L', :'later'), 'what is read before the runs is what they make');
SELECT set_eq($$SELECT state FROM agg_bars('FX', '5m', '2025-06-10', '2025-07-01')$$, ARRAY['final', 'revised'], 'then nothing is to be done');
-- A bar that must not change stays.
SELECT agg_set_late_policy('NYSE', '15m', 'freeze') \g /dev/null
CREATE TEMP TABLE frozen AS SELECT b.* FROM agg_bars('NYSE', '15m', '2025-06-10', '2025-06-14') AS b;
UPDATE data_bars SET high = 9 WHERE canonical_symbol = 'NYSE' AND ts_utc >= '2025-06-10' AND ts_utc < '2025-06-14';
SELECT results_eq($$SELECT * FROM agg_bars('NYSE', '15m', '2025-06-10', '2025-06-14')$$, 'SELECT * FROM frozen', 'a frozen bar is read as it is');
SELECT run(:'later');

-- ---- on the fly ----
DELETE FROM data_bars WHERE canonical_symbol IN ('TWIN', 'TWIN2');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count) SELECT CASE canonical_symbol WHEN 'FX' THEN 'TWIN' ELSE 'TWIN2' END, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count FROM data_bars WHERE canonical_symbol IN ('FX', 'CHAIN');
SELECT run(:'later');
SELECT bag_eq(format('SELECT ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score FROM agg_bars(%L, %L, p_now_utc => %L) WHERE ts_utc >= (SELECT min(ts_utc) FROM agg_bars(%L, %2$L, p_now_utc => %3$L))', symbol, timeframe, :'later', twin),
	format('SELECT ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score FROM agg_bars(%L, %L, p_now_utc => %L)', twin, timeframe, :'later'), timeframe || ' on the fly is what a task makes')
FROM (VALUES ('FX', 'TWIN', '45m'), ('FX', 'TWIN', '3h'), ('FX', 'TWIN', '3d'), ('FX', 'TWIN', '2w'), ('FX', 'TWIN', '3mo'), ('CHAIN', 'TWIN2', '45m')) AS v (symbol, twin, timeframe);
-- Against plain SQL.
SELECT bag_eq($$SELECT ts_utc, open, high, low, close, vol, trade_count, quality_score FROM agg_bars('CHAIN', '45m', '2025-06-03', '2025-07-05')$$,
	$$SELECT * FROM (SELECT date_bin('45 minutes', ts_utc, '1970-01-01 00:00+00') AS ts_utc, (array_agg(open ORDER BY ts_utc))[1] AS open, max(high) AS high, min(low) AS low, (array_agg(close ORDER BY ts_utc DESC))[1] AS close, sum(vol) AS vol, sum(trade_count)::bigint AS trades, CASE count(*) WHEN 3 THEN 2 WHEN 2 THEN 0 END AS quality
	FROM live WHERE canonical_symbol = 'CHAIN' AND timeframe = '15m' GROUP BY 1) AS b WHERE quality IS NOT NULL AND ts_utc >= '2025-06-03' AND ts_utc < '2025-07-05'$$, '45m of 15m, by plain SQL');
SELECT bag_eq($$SELECT ts_utc, open, high, low, close, trade_count FROM agg_bars('FX', '10m', '2025-06-03', '2025-07-05')$$,
	$$SELECT w.window_start, (array_agg(b.open ORDER BY b.ts_utc))[1] AS open, max(b.high) AS high, min(b.low) AS low, (array_agg(b.close ORDER BY b.ts_utc DESC))[1] AS close, sum(b.trade_count)::bigint AS trades
	FROM agg_calendar_windows('fx', '10m', '2025-06-03', '2025-07-05') AS w JOIN data_bars AS b ON b.canonical_symbol = 'FX' AND b.ts_utc >= w.window_start AND b.ts_utc < w.window_end AND b.open <> 'NaN' AND b.close IS NOT NULL
	GROUP BY 1, w.expected_minutes HAVING w.expected_minutes = 0 OR count(*) FILTER (WHERE EXISTS (SELECT FROM agg_trading_days('fx', '2025-06-01', '2025-07-10') AS d CROSS JOIN jsonb_array_elements(d.sessions) AS s (x) WHERE b.ts_utc >= (s.x ->> 0)::timestamptz AND b.ts_utc < (s.x ->> 1)::timestamptz)) * 2 > w.expected_minutes$$, '10m of minutes, by plain SQL');
SELECT set_eq($$SELECT state FROM agg_bars('FX', '45m', '2025-06-10', '2025-07-01')$$, ARRAY['final'], 'what is made of final bars is final');
-- A minute of a bar that is there: holes leave 5m bars without a 15m bar, and 15m bars without a 45m bar.
UPDATE data_bars SET high = 8 WHERE canonical_symbol = 'CHAIN' AND ts_utc = (SELECT min(b.ts_utc) FROM data_bars AS b
	JOIN live AS five ON five.canonical_symbol = 'CHAIN' AND five.timeframe = '5m' AND five.ts_utc = date_bin('5 minutes', b.ts_utc, '1970-01-01 00:00+00')
	JOIN live AS fifteen ON fifteen.canonical_symbol = 'CHAIN' AND fifteen.timeframe = '15m' AND fifteen.ts_utc = date_bin('15 minutes', b.ts_utc, '1970-01-01 00:00+00')
	JOIN agg_bars('CHAIN', '45m', '2025-06-20', '2025-07-01') AS w ON w.ts_utc = date_bin('45 minutes', b.ts_utc, '1970-01-01 00:00+00')
	WHERE b.canonical_symbol = 'CHAIN' AND b.open <> 'NaN');
SELECT is((SELECT count(*) FROM agg_bars('CHAIN', '45m', '2025-06-10', '2025-07-01') WHERE state = 'provisional')::int, 1, 'what is made of others is not');
SELECT run(:'later');
-- Bars that nobody makes any more.
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, quality_score) VALUES ('CHAIN', '10m', '2025-07-01 00:00+00', 1, 2, 0.5, 1.5, 1);
SELECT results_eq($$SELECT ts_utc, high, state FROM agg_bars('CHAIN', '10m', '2025-06-30', '2025-07-01 00:10+00')$$, $$VALUES ('2025-07-01 00:00+00'::timestamptz, 2::float8, 'final')$$, 'what is stored without a task is read as it is');
SELECT isnt_empty($$SELECT FROM agg_bars('CHAIN', '10m', '2025-07-01 00:10+00')$$, 'and goes on behind');

-- ---- minutes ----
SELECT bag_eq($$SELECT ts_utc, open, high, low, close, vol, vwap, trade_count FROM agg_bars('FX', '1m', '2025-06-03 00:00:30+00', '2025-06-05')$$,
	$$SELECT ts_utc, open, high, low, close, vol, vwap, trade_count FROM data_bars WHERE canonical_symbol = 'FX' AND ts_utc > '2025-06-03' AND ts_utc < '2025-06-05' AND open <> 'NaN' AND close IS NOT NULL$$, 'minutes are those that have prices');

-- ---- the newest and the first ----
SELECT results_eq(format('SELECT * FROM agg_bars(%L, %L, p_limit => %s, p_now_utc => %L)', symbol, timeframe, n, :'middle'),
	format('SELECT * FROM (SELECT * FROM agg_bars(%L, %L, p_now_utc => %L) ORDER BY ts_utc DESC LIMIT %s) AS b ORDER BY ts_utc', symbol, timeframe, :'middle', n), format('the newest %s of %s', n, timeframe))
FROM (VALUES ('FX', '5m', 1), ('FX', '5m', 500), ('CHAIN', '45m', 100), ('NYSE', '1m', 20000), ('FX', '10m', 1000), ('FX', '1mo', 7), ('TWIN', '1h', 100000)) AS v (symbol, timeframe, n);
SELECT results_eq(format('SELECT * FROM agg_bars(''FX'', %L, ''2025-06-20'', p_limit => 50)', timeframe), format('SELECT * FROM agg_bars(''FX'', %L, ''2025-06-20'') ORDER BY ts_utc LIMIT 50', timeframe), 'the first of ' || timeframe) FROM (VALUES ('1m'), ('5m'), ('45m')) AS v (timeframe);
SELECT results_eq($$SELECT * FROM agg_bars('FX', '1h', '-infinity', 'infinity', p_limit => 3)$$, $$SELECT * FROM agg_bars('FX', '1h') LIMIT 3$$, 'from the first one on');
SELECT results_eq($$SELECT * FROM agg_bars('FX', '1h', p_to => '2025-06-20', p_limit => 3)$$, $$SELECT * FROM (SELECT * FROM agg_bars('FX', '1h', p_to => '2025-06-20') ORDER BY ts_utc DESC LIMIT 3) b ORDER BY 1$$, 'the newest before a time');
SELECT is_empty($$SELECT * FROM agg_bars('FX', '1h', '2025-06-20', '2025-06-20')$$, 'nothing lies in an empty range');
SELECT results_eq(format('SELECT * FROM agg_bars(ARRAY[''FX'', ''CHAIN'', ''FX''], ''45m'', p_limit => 5, p_now_utc => %L)', :'middle'),
	format('SELECT ''FX''::text, * FROM agg_bars(''FX'', ''45m'', p_limit => 5, p_now_utc => %1$L) UNION ALL SELECT ''CHAIN'', * FROM agg_bars(''CHAIN'', ''45m'', p_limit => 5, p_now_utc => %1$L)', :'middle'), 'many symbols, in their order');
SELECT results_eq(format('SELECT * FROM agg_latest(ARRAY[''NYSE'', ''FX'', ''CHAIN'', ''TWIN'', ''FXCHAIN''], %L, %L, %L)', timeframe, forming, at),
	format('SELECT s, b.* FROM unnest(ARRAY[''NYSE'', ''FX'', ''CHAIN'', ''TWIN'', ''FXCHAIN'']) WITH ORDINALITY AS u (s, i) CROSS JOIN LATERAL agg_bars(s, %L, p_forming => %L, p_limit => 1, p_now_utc => %L) AS b ORDER BY i', timeframe, forming, at), format('the newest of each: %s %s', timeframe, forming))
FROM unnest(ARRAY['1m', '5m', '45m', '4h', '1d', '1w', '1mo']) AS timeframe, unnest(ARRAY[true, false]) AS forming, unnest(ARRAY[:'middle'::timestamptz, :'later', '2025-06-15 12:00+00', '2025-06-01 00:00+00', '2025-08-01 00:00+00']) AS at;
SELECT is_empty(format('SELECT * FROM agg_bars(''FX'', ''4h'', p_forming => false, p_now_utc => %L) WHERE state = ''forming''', :'middle'), 'the open window can be left out');

-- ---- from an anchor ----
CREATE FUNCTION near(a double precision, b double precision) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT a IS NOT DISTINCT FROM b OR abs(a - b) <= 1e-9 * greatest(1, abs(b)) $$;
SELECT is_empty(format($$SELECT a.*, e.* FROM agg_anchored_vwap('FX', '2025-06-18 09:31+00', '2025-06-18 14:00+00', %1$L, 1.5) AS a FULL JOIN
	(SELECT b.ts_utc, b.close, m.mean, m.deviation FROM agg_bars('FX', %1$L, '2025-06-18 09:31+00', '2025-06-18 14:00+00') AS b CROSS JOIN LATERAL (
		SELECT mean, sqrt((SELECT sum(vol * (vwap - mean) ^ 2) FROM agg_bars('FX', %1$L, '2025-06-18 09:31+00', '2025-06-18 14:00+00') AS c WHERE vol > 0 AND c.ts_utc <= b.ts_utc) / weight) AS deviation
		FROM (SELECT sum(vwap * vol) / sum(vol) AS mean, sum(vol) AS weight FROM agg_bars('FX', %1$L, '2025-06-18 09:31+00', '2025-06-18 14:00+00') AS c WHERE vol > 0 AND vwap IS NOT NULL AND c.ts_utc <= b.ts_utc) AS s) AS m) AS e USING (ts_utc)
	WHERE NOT near(a.vwap, e.mean) OR NOT near(a.deviation, e.deviation) OR a.close IS DISTINCT FROM e.close OR NOT near(a.lower_band, e.mean - 1.5 * e.deviation) OR NOT near(a.upper_band, e.mean + 1.5 * e.deviation)$$, timeframe), 'anchored VWAP and its bands, by plain SQL: ' || timeframe)
FROM (VALUES ('1m'), ('5m'), ('45m')) AS v (timeframe);
SELECT isnt_empty($$SELECT FROM agg_anchored_vwap('FX', '2025-06-18 09:31+00', '2025-06-18 14:00+00') WHERE deviation > 0$$, 'there is something to see');
SELECT results_eq($$SELECT ts_utc FROM agg_anchored_vwap('FX', NULL, p_timeframe => '1h')$$, $$SELECT ts_utc FROM agg_bars('FX', '1h')$$, 'without an anchor, from the first bar on');
SELECT probe.refuses($$SELECT * FROM agg_anchored_vwap('NOBODY', '2025-06-18')$$, 'P0002', '%NOBODY%', NULL, 'a symbol that nobody knows');

-- ---- filled ----
-- A window of the calendar's sessions has a row, a bar outside of them too.
CREATE FUNCTION expected_fill(symbol text, calendar text, timeframe text, from_utc timestamptz, to_utc timestamptz) RETURNS TABLE (ts_utc timestamptz, close double precision, filled boolean, carried double precision) LANGUAGE sql AS $$
	SELECT r.ts_utc, r.close, r.close IS NULL, (SELECT b.close FROM agg_bars(symbol, timeframe, p_to => r.ts_utc + interval '1 us', p_limit => 1) AS b)
	FROM (SELECT t.ts_utc, b.close FROM agg_calendar_windows(calendar, timeframe, from_utc, to_utc) AS w FULL JOIN agg_bars(symbol, timeframe, from_utc, to_utc) AS b ON b.ts_utc = w.window_start CROSS JOIN LATERAL (SELECT COALESCE(w.window_start, b.ts_utc) AS ts_utc) AS t
		WHERE (w.expected_minutes > 0 OR b.close IS NOT NULL) AND t.ts_utc >= from_utc) AS r ORDER BY 1 $$;
SELECT results_eq(format('SELECT ts_utc, close, state = ''filled'' FROM agg_bars(%L, %L, %L, %L, ''null'')', symbol, timeframe, from_utc, to_utc), format('SELECT ts_utc, close, filled FROM expected_fill(%L, %L, %L, %L, %L)', symbol, calendar, timeframe, from_utc, to_utc), format('%s of %s filled without prices', timeframe, symbol))
FROM (VALUES ('FX', 'fx', '15m', '2025-06-12 11:11+00', '2025-06-17'), ('NYSE', 'nyse', '2h', '2025-06-12', '2025-07-06'), ('NYSE', 'nyse', '1d', '2025-06-03', '2025-07-08'), ('CHAIN', 'utc', '45m', '2025-06-12', '2025-06-19'), ('CHAIN', 'utc', '5m', '2025-06-12', '2025-06-13'), ('FX', 'fx', '1w', '2025-06-03', '2025-07-08')) AS v (symbol, calendar, timeframe, from_utc, to_utc);
SELECT results_eq(format('SELECT ts_utc, open, high, low, close, vol IS NULL OR state <> ''filled'' FROM agg_bars(%L, %L, %L, %L, ''close'')', symbol, timeframe, from_utc, to_utc), format('SELECT ts_utc, CASE WHEN filled THEN carried ELSE b.open END, CASE WHEN filled THEN carried ELSE b.high END, CASE WHEN filled THEN carried ELSE b.low END, carried, true FROM expected_fill(%L, %L, %L, %L, %L) AS f LEFT JOIN agg_bars(%1$L, %3$L, %4$L, %5$L) AS b USING (ts_utc) ORDER BY ts_utc', symbol, calendar, timeframe, from_utc, to_utc), format('%s of %s filled with the last close', timeframe, symbol))
FROM (VALUES ('FX', 'fx', '15m', '2025-06-15 22:00+00', '2025-06-17'), ('NYSE', 'nyse', '2h', '2025-07-04', '2025-07-06'), ('CHAIN', 'utc', '45m', '2025-06-12', '2025-06-15')) AS v (symbol, calendar, timeframe, from_utc, to_utc);
SELECT results_eq(format('SELECT * FROM agg_bars(%L, %L, p_fill => ''close'', p_limit => 70, p_now_utc => %L)', symbol, timeframe, :'middle'), format('SELECT * FROM (SELECT * FROM agg_bars(%L, %L, p_fill => ''close'', p_now_utc => %L) ORDER BY ts_utc DESC LIMIT 70) AS b ORDER BY ts_utc', symbol, timeframe, :'middle'), format('the newest rows of %s %s, filled', symbol, timeframe))
FROM (VALUES ('FX', '15m'), ('NYSE', '1m'), ('NYSE', '2h'), ('CHAIN', '45m')) AS v (symbol, timeframe);
SELECT results_eq($$SELECT * FROM agg_bars('FX', '5m', '2025-06-12', p_fill => 'null', p_limit => 300)$$, $$SELECT * FROM agg_bars('FX', '5m', '2025-06-12', '2025-06-20', 'null') LIMIT 300$$, 'the first rows, filled');
SELECT cmp_ok(max(ts_utc), '<=', :'middle'::timestamptz, 'nothing beyond now') FROM agg_bars('FX', '15m', '2025-07-01', p_fill => 'close', p_now_utc => :'middle');
SELECT is_empty($$SELECT FROM agg_bars('NYSE', '15m', '2025-07-04', '2025-07-07', 'null') WHERE state = 'filled'$$, 'a holiday and a weekend are not filled');
SELECT is(count(*)::int, 0, 'nothing comes before the first bar') FROM agg_bars('FX', '1h', p_fill => 'close') WHERE close IS NULL;

-- ---- rights ----
CREATE ROLE probe_reader;
GRANT USAGE ON SCHEMA public, probe TO probe_reader;
SET ROLE probe_reader;
SELECT is((probe.attempt($$SELECT * FROM agg_bars('FX', '5m')$$)).state, '42501', 'nobody reads who may not call it');
RESET ROLE;
GRANT EXECUTE ON FUNCTION agg_bars(text, text, timestamptz, timestamptz, text, boolean, integer, timestamptz, timestamptz), agg_latest TO probe_reader;
SET ROLE probe_reader;
SELECT is((probe.attempt($$SELECT * FROM agg_bars('FX', '5m', '2025-06-20', '2025-06-21')$$)).state, '42501', 'nor who may not read the bars');
RESET ROLE;
GRANT SELECT ON derived_data_bars TO probe_reader;
SET ROLE probe_reader;
SELECT isnt_empty($$SELECT * FROM agg_bars('FX', '5m', '2025-06-20', '2025-06-21')$$, 'stored bars need the right to read those alone');
SELECT is((probe.attempt($$SELECT * FROM agg_bars('FX', '10m', '2025-06-20', '2025-06-21')$$)).state, '42501', 'what is made of minutes needs the right to read them');
SELECT is((probe.attempt('SELECT * FROM data_agg_state')).state, '42501', 'but none to read tasks');
RESET ROLE;
GRANT SELECT ON data_bars TO probe_reader;
CREATE POLICY probe ON derived_data_bars TO probe_reader USING (canonical_symbol = 'FX');
CREATE POLICY probe ON data_bars TO probe_reader USING (canonical_symbol = 'FX');
ALTER TABLE derived_data_bars ENABLE ROW LEVEL SECURITY;
ALTER TABLE data_bars ENABLE ROW LEVEL SECURITY;
SELECT isnt_empty($$SELECT * FROM agg_bars('CHAIN', '5m')$$, 'the owner sees all, before a reader');
SET ROLE probe_reader;
SELECT isnt_empty(format('SELECT * FROM agg_bars(''FX'', %L, p_limit => 1)', timeframe), 'a reader sees what a policy lets him see: ' || timeframe) FROM unnest(ARRAY['1m', '5m', '10m', '1w']) AS timeframe;
SELECT is_empty(format('SELECT * FROM agg_bars(''CHAIN'', %L)', timeframe), 'and nothing else: ' || timeframe) FROM unnest(ARRAY['1m', '5m', '10m', '1w']) AS timeframe;
SELECT results_eq($$SELECT DISTINCT canonical_symbol FROM agg_latest(ARRAY['CHAIN', 'FX'], '5m')$$, ARRAY['FX'], 'of many, too');
RESET ROLE;
SELECT isnt_empty($$SELECT * FROM agg_bars('CHAIN', '5m')$$, 'nor behind him');
ALTER TABLE derived_data_bars DISABLE ROW LEVEL SECURITY;
ALTER TABLE data_bars DISABLE ROW LEVEL SECURITY;

DROP OWNED BY probe_reader;
DROP ROLE probe_reader;

-- ---- one snapshot ----
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT isnt_empty($$SELECT * FROM agg_bars('FX', '5m', p_limit => 3)$$, 'in a transaction that only reads');
COMMIT;

-- ---- refused ----
SELECT probe.refuses($$SELECT * FROM agg_bars('FXX', '5m')$$, 'P0002', '%"FXX" does not exist', 'Did you mean "FX"?%', 'a symbol that is misspelt');
SELECT probe.refuses($$SELECT * FROM agg_bars('FX', '5x')$$, '22023', '%5x%', '%5m%', 'a timeframe that is none');
SELECT probe.refuses($$SELECT * FROM agg_bars('FX', '5m', p_fill => 'zero')$$, '22023', '%"zero"%FX/5m%', '%close%', 'a fill that is none');
SELECT probe.refuses($$SELECT * FROM agg_bars('FX', '5m', p_limit => 0)$$, '22023', '%p_limit%FX/5m%', NULL, 'no rows');
SELECT probe.refuses($$SELECT * FROM agg_bars('FX', '5m', '2025-07-02', '2025-07-01')$$, '22023', '%lies before%FX/5m%', 'Swap them.', 'an inverted range');
SELECT probe.refuses($$SELECT * FROM agg_bars('CHAIN', '1m', '1800-01-01', p_fill => 'null')$$, '54000', '%5000000%CHAIN%', NULL, 'an absurd range');
SELECT probe.refuses($$SELECT * FROM agg_bars(NULL::text, '5m')$$, '22004', '%p_symbol%', NULL, 'NULL');
SELECT probe.refuses($$SELECT * FROM agg_bars(ARRAY['FX', NULL], '5m')$$, '22004', '%p_symbols%', NULL, 'NULL among them');
SELECT is_empty($$SELECT * FROM agg_bars('{}'::text[], '5m')$$, 'no symbol');
SELECT is_empty($$SELECT * FROM agg_bars('FX', '5m', 'infinity')$$, 'behind the end of time');
SELECT is_empty($$SELECT * FROM agg_bars('FX', '5m', p_to => '-infinity')$$, 'before its beginning');
ALTER TABLE data_bars ALTER high TYPE numeric;
SELECT probe.refuses($$SELECT * FROM agg_bars('FX', '1m', p_limit => 1)$$, '42804', 'column "high" is of type numeric, but must be double precision', '%agg_setup()%', 'a column of another type');
ALTER TABLE data_bars ALTER high TYPE double precision;
SELECT * FROM finish();
