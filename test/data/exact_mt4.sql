-- Exact bars of four real pairs in the calendar fx, beside what the same provider made of the
-- same minutes: its own 5m and 15m bars, and hours, trading days and weeks that are put
-- together from these in SQL, with AT TIME ZONE and nothing of ours. All of the prices and
-- volumes are equal, to the last digit, without exception.
--
-- A published bar is not compared for two reasons; each such window is counted:
--   edge      the file of minutes begins inside it, so that we have only some of what the provider had
--   too few   it has half of its minutes or fewer: the provider makes a bar of a single one, we make none
-- And nothing is compared past the end of the provider's files: M5 end on Friday 2021-03-05, M15 on
-- Friday 2021-02-12, M1 a week and a month later. (It has no bars wider than these.)
-- AGGREGATION_DATA names the data's folder, AGGREGATION_RUN the run command.

\ir start.psql

\! for pair in GBPUSD USDCAD USDCHF USDJPY; do "$AGGREGATION_RUN" import --format mt4 --symbol "$pair" "$AGGREGATION_DATA/mt4/${pair}_M1.csv.gz" >&2; done

CREATE TABLE publisher (pair text, minutes int, ts_utc timestamp, open float8, high float8, low float8, close float8, vol float8);
\copy publisher FROM PROGRAM 'for pair in GBPUSD USDCAD USDCHF USDJPY; do for m in 5 15; do zcat "$AGGREGATION_DATA/mt4/${pair}_M$m.tsv.gz" | sed -e 1d -e "s/\r$//" -e "s/^/$pair\t${m}\t/" -e "\$a\\"; done; done'

INSERT INTO core_asset_registry_all (canonical_symbol, active, metadata)
SELECT DISTINCT canonical_symbol, true,
	'{"agg": {"mandatory": ["5m", "1h"], "optional": ["15m", "30m", "4h", "1d", "1w"], "source": "1m", "calendar": "fx", "start_utc": "2021-01-01T00:00:00Z"}}'::jsonb
FROM data_bars;
DO $$
BEGIN
	PERFORM sync_agg_state_from_registry('prod');
	WHILE (agg_run_batch(p_max_windows => 1000000, p_now_utc => '2021-03-15 12:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP;
END
$$;

-- The provider's bars, and what is made of them: a trading day has the date that it is in New York seven hours later.
CREATE TABLE timeframe (name text, width interval, trading interval);
INSERT INTO timeframe VALUES ('5m', '5 minutes', '5 minutes'), ('15m', '15 minutes', '15 minutes'), ('30m', '30 minutes', '30 minutes'), ('1h', '1 hour', '1 hour'),
	('4h', '4 hours', '4 hours'), ('1d', '1 day', '1 day'), ('1w', '7 days', '5 days');
CREATE TABLE theirs AS
SELECT pair, minutes AS made_of, t.name AS timeframe, (start - interval '7 hours') AT TIME ZONE 'America/New_York' AS ts_utc,
	(array_agg(open ORDER BY p.ts_utc))[1] AS open, max(high) AS high, min(low) AS low, (array_agg(close ORDER BY p.ts_utc DESC))[1] AS close, sum(vol) AS vol
FROM publisher p
JOIN timeframe t ON t.width >= minutes * interval '1 minute'
-- 2001-01-01 was a Monday: the trading date on which weeks begin.
CROSS JOIN LATERAL date_bin(t.width, (p.ts_utc AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York') + interval '7 hours', timestamp '2001-01-01 00:00') AS start
-- The week in which the first of the files of minutes begins.
WHERE p.ts_utc >= '2021-01-17 22:00'
GROUP BY 1, 2, 3, 4;

CREATE TABLE span AS
SELECT pair, minutes AS made_of, begins, (max(p.ts_utc) + minutes * interval '1 minute') AT TIME ZONE 'UTC' AS ends
FROM publisher p
JOIN (SELECT canonical_symbol AS pair, min(ts_utc) AS begins FROM data_bars GROUP BY 1) b USING (pair)
GROUP BY 1, 2, 3;

ANALYZE;
CREATE TABLE side_by_side AS
WITH ours AS (
	SELECT pair, made_of, o.timeframe, o.ts_utc, open, high, low, close, vol
	FROM derived_data_bars o
	JOIN timeframe t ON t.name = o.timeframe
	JOIN span s ON s.pair = o.canonical_symbol AND t.width >= made_of * interval '1 minute' AND o.ts_utc + t.trading <= ends
	WHERE o.deleted_at IS NULL
)
SELECT pair, made_of, timeframe, ts_utc, ts_utc < begins AS edge, o.open IS NOT NULL AS ours, p.open IS NOT NULL AS published,
	(o.open, o.high, o.low, o.close, o.vol) IS NOT DISTINCT FROM (p.open, p.high, p.low, p.close, p.vol) AS equal
FROM ours o
FULL JOIN theirs p USING (pair, made_of, timeframe, ts_utc)
JOIN span USING (pair, made_of)
JOIN timeframe t ON t.name = timeframe
-- Bars that end before the first minute are of no interest.
WHERE ts_utc + t.width > begins;

SELECT no_plan();

SELECT results_eq(
	$$ SELECT canonical_symbol, count(*), count(DISTINCT timeframe), min(source_timeframe), max(source_timeframe) FROM data_agg_state GROUP BY 1 ORDER BY 1 $$,
	$$ VALUES ('GBPUSD', 7::bigint, 7::bigint, '1m', '1m'), ('USDCAD', 7, 7, '1m', '1m'), ('USDCHF', 7, 7, '1m', '1m'), ('USDJPY', 7, 7, '1m', '1m') $$,
	'every timeframe of the four pairs is made of minutes');
SELECT results_eq(
	$$ SELECT made_of, ends, count(*) FROM span GROUP BY 1, 2 ORDER BY 1 $$,
	$$ VALUES (5, timestamptz '2021-03-05 22:00+00', 4::bigint), (15, '2021-02-12 22:00+00', 4) $$,
	'the published files end with a trading week');

-- In both directions: no bar of ours that is not published, and no published one that we lack but for too few minutes.
SELECT results_eq(
	format($$ SELECT count(DISTINCT pair), count(*) FILTER (WHERE equal), count(*) FILTER (WHERE ours AND published AND NOT equal),
		count(*) FILTER (WHERE NOT published), count(*) FILTER (WHERE NOT ours) FROM side_by_side WHERE made_of = %s AND timeframe = %L AND NOT edge $$, made_of, timeframe),
	format($$ VALUES (4::bigint, %s::bigint, 0::bigint, 0::bigint, %s::bigint) $$, compared, too_few),
	format('%s beside M%s: all %s bars are equal%s', timeframe, made_of, compared, CASE WHEN too_few > 0 THEN format('; %s have too few minutes', too_few) ELSE '' END))
FROM (VALUES
	(5, '5m', 34450, 51), (5, '15m', 11498, 2), (5, '30m', 5747, 2), (5, '1h', 2873, 0), (5, '4h', 716, 0), (5, '1d', 117, 0), (5, '1w', 21, 0),
	(15, '15m', 5740, 0), (15, '30m', 2869, 0), (15, '1h', 1433, 0), (15, '4h', 356, 0), (15, '1d', 57, 0), (15, '1w', 9, 0)
) AS expected (made_of, timeframe, compared, too_few);

CREATE TABLE lacking AS SELECT made_of, pair, timeframe, ts_utc AS begins, width FROM side_by_side JOIN timeframe t ON t.name = timeframe WHERE NOT ours AND NOT edge;
SELECT is_empty(
	$$ SELECT l.made_of, l.pair, l.timeframe, l.begins, count(*) FROM lacking l
	JOIN data_bars b ON b.canonical_symbol = l.pair AND b.ts_utc >= l.begins AND b.ts_utc < l.begins + l.width
	GROUP BY 1, 2, 3, 4, l.width HAVING count(*) * 2 * interval '1 minute' > l.width $$,
	'too few is half or less');
SELECT results_eq(
	$$ SELECT made_of, timeframe, count(*) FROM side_by_side WHERE edge GROUP BY 1, 2 HAVING count(*) <> 4 $$,
	-- USDJPY's first minute begins one.
	$$ VALUES (5, '5m', 3::bigint) $$,
	'at the edge lies one window of each pair and timeframe');

SELECT is_empty('SELECT * FROM agg_verify()', 'the proof finds nothing');

SELECT * FROM finish();
