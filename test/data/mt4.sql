-- Four real pairs of 1-minute bars, imported and aggregated, beside the 5m and 15m bars that
-- the same provider made of them: every bar of ours is the provider's, to the last digit.
-- (The provider makes a bar of a single minute, we of more than half of them: ours are a subset.)
-- AGGREGATION_DATA names the data's folder, AGGREGATION_RUN the run command.

\ir start.psql

\! for pair in GBPUSD USDCAD USDCHF USDJPY; do "$AGGREGATION_RUN" import --format mt4 --symbol "$pair" "$AGGREGATION_DATA/mt4/${pair}_M1.csv.gz" >&2; done

CREATE TABLE publisher (pair text, timeframe text, ts_utc timestamp, open float8, high float8, low float8, close float8, vol float8);
\copy publisher FROM PROGRAM 'for pair in GBPUSD USDCAD USDCHF USDJPY; do for m in 5 15; do zcat "$AGGREGATION_DATA/mt4/${pair}_M$m.tsv.gz" | sed -e 1d -e "s/\r$//" -e "s/^/$pair\t${m}m\t/" -e "\$a\\"; done; done'
CREATE INDEX ON publisher (pair, timeframe, ts_utc);

SELECT no_plan();

SELECT results_eq(
	$$ SELECT canonical_symbol, count(*) FROM data_bars GROUP BY 1 ORDER BY 1 $$,
	$$ VALUES ('GBPUSD', 50000::bigint), ('USDCAD', 50000), ('USDCHF', 50000), ('USDJPY', 50000) $$,
	'every 1-minute bar was imported');

INSERT INTO core_asset_registry_all (canonical_symbol, active, metadata)
SELECT DISTINCT canonical_symbol, true, '{"agg": {"mandatory": ["5m", "1h"], "optional": ["15m", "30m", "4h", "1d", "1w"], "start_utc": "2021-01-01T00:00:00Z"}}'::jsonb
FROM data_bars;
DO $$ BEGIN PERFORM sync_agg_state_from_registry('prod', '2021-01-01 00:00+00'); END $$;

DO $$
DECLARE
	due record;
	answer jsonb;
	at timestamptz;
BEGIN
	FOR due IN SELECT * FROM agg_get_due_tasks('prod', '2021-03-15 12:00+00', 1000) LOOP
		PERFORM agg_start(due.canonical_symbol, due.timeframe, '2021-03-15 12:00+00');
		at := agg_bootstrap_cursor(due.canonical_symbol, due.timeframe, '2021-03-15 12:00+00');
		LOOP
			answer := catchup_aggregation_range(due.canonical_symbol, due.timeframe, at, 1000, '2021-03-15 12:00+00');
			at := (answer ->> 'cursor_advanced_to')::timestamptz;
			EXIT WHEN NOT (answer ->> 'continue')::boolean;
		END LOOP;
		PERFORM agg_finish(due.canonical_symbol, due.timeframe, true, at, answer, p_now_utc => '2021-03-15 12:00+00');
	END LOOP;
END
$$;

-- A 15m bar is made of 5m bars. Where one of its three 5m windows has too few minutes for a bar, its few minutes are in the provider's bar and
-- not in ours: such windows are counted, not compared.
ANALYZE data_bars, derived_data_bars, publisher;
CREATE TABLE minutes AS
SELECT canonical_symbol AS pair, date_bin('5 minutes', ts_utc, '2001-01-01 00:00+00') AS window_5m,
	date_bin('15 minutes', ts_utc, '2001-01-01 00:00+00') AS window_15m, count(*) AS in_5m
FROM data_bars GROUP BY 1, 2, 3;
CREATE TABLE thin AS SELECT DISTINCT pair, window_15m FROM minutes WHERE in_5m < 3;

CREATE TABLE side_by_side AS
SELECT o.canonical_symbol AS pair, o.timeframe, o.ts_utc, p.pair IS NOT NULL AS published,
	(o.open, o.high, o.low, o.close, o.vol) IS NOT DISTINCT FROM (p.open, p.high, p.low, p.close, p.vol) AS equal,
	o.timeframe = '15m' AND t.pair IS NOT NULL AS thin
FROM derived_data_bars o
-- As far as the published bars go, and from the first whole window on.
JOIN (SELECT pair, timeframe, max(ts_utc) AS last FROM publisher GROUP BY 1, 2) reach ON reach.pair = o.canonical_symbol
	AND reach.timeframe = o.timeframe AND o.ts_utc AT TIME ZONE 'UTC' <= reach.last
JOIN (SELECT canonical_symbol, min(ts_utc) AS first FROM data_bars GROUP BY 1) begins ON begins.canonical_symbol = o.canonical_symbol
	AND o.ts_utc >= begins.first
LEFT JOIN publisher p ON p.pair = o.canonical_symbol AND p.timeframe = o.timeframe AND p.ts_utc = o.ts_utc AT TIME ZONE 'UTC'
LEFT JOIN thin t ON t.pair = o.canonical_symbol AND t.window_15m = o.ts_utc
WHERE o.deleted_at IS NULL;

SELECT is(count(*), 8::bigint, 'four pairs in two timeframes can be compared') FROM (SELECT DISTINCT pair, timeframe FROM side_by_side) AS compared;
SELECT cmp_ok(count(*) FILTER (WHERE NOT thin), '>', CASE timeframe WHEN '5m' THEN 8000 ELSE 1300 END::bigint,
	format('%s %s: there are bars to compare', pair, timeframe))
FROM side_by_side GROUP BY pair, timeframe ORDER BY pair, timeframe;

SELECT is(count(*) FILTER (WHERE NOT thin AND NOT (published AND equal)), 0::bigint,
	format('%s %s: each of ours equals the published one', pair, timeframe))
FROM side_by_side GROUP BY pair, timeframe ORDER BY pair, timeframe;
SELECT cmp_ok(count(*) FILTER (WHERE thin), '<', 30::bigint, format('%s: few windows are thin', pair))
FROM side_by_side GROUP BY pair ORDER BY pair;

SELECT is_empty(
	$$ SELECT s.canonical_symbol, s.at
	FROM (SELECT canonical_symbol, date_bin('5 minutes', ts_utc, '2001-01-01 00:00+00') AS at, count(*) AS minutes FROM data_bars GROUP BY 1, 2) s
	LEFT JOIN derived_data_bars o ON o.canonical_symbol = s.canonical_symbol AND o.timeframe = '5m' AND o.ts_utc = s.at AND o.deleted_at IS NULL
	WHERE (s.minutes >= 3) <> (o.ts_utc IS NOT NULL) $$,
	'a 5m bar is there exactly where at least three minutes are');

SELECT is_empty(
	$$ SELECT b.canonical_symbol, t.timeframe
	FROM (SELECT DISTINCT canonical_symbol FROM data_bars) b CROSS JOIN unnest(ARRAY['5m', '15m', '30m', '1h', '4h', '1d', '1w']) t (timeframe)
	WHERE NOT EXISTS (SELECT FROM derived_data_bars o WHERE o.canonical_symbol = b.canonical_symbol AND o.timeframe = t.timeframe) $$,
	'every pair has bars of every timeframe');

SELECT is_empty(
	$$ SELECT canonical_symbol, timeframe, ts_utc FROM derived_data_bars
	WHERE timeframe = '5m' AND ts_utc >= '2021-02-05 22:00+00' AND ts_utc < '2021-02-07 22:00+00' $$,
	'no bar in a weekend');

SELECT * FROM finish();
