-- Exact bars of three real HistData months in the calendar fx. HistData publishes minutes
-- only (and no volume: 0), so there is no wider bar of the publisher's to compare with. These
-- are put together from the bytes of its files in SQL, without our importer and engine.
-- The stamps of these files are the clock of New York: weeks end on Friday at 17:00 and begin on
-- Sunday at 17:00. So a trading date is the date of seven hours later. On most days whole hours are
-- missing in the files, 7 of 24 or so: hence windows with too few minutes for a bar of ours.

\ir start.psql

\! for pair in AUDUSD EURUSD USDCAD; do "$AGGREGATION_RUN" import --format histdata --symbol $pair --timezone America/New_York "$AGGREGATION_DATA"/histdata/DAT_ASCII_${pair}_M1_202306.csv.gz >&2; done

CREATE TABLE published (pair text, stamp text, open float8, high float8, low float8, close float8, vol float8);
\copy published FROM PROGRAM 'for pair in AUDUSD EURUSD USDCAD; do zcat "$AGGREGATION_DATA"/histdata/DAT_ASCII_${pair}_M1_202306.csv.gz | tr -d "\r" | sed -e "s/^/$pair;/" -e "\$a\\"; done' WITH (DELIMITER ';')

INSERT INTO core_asset_registry_all (canonical_symbol, active, metadata)
SELECT DISTINCT canonical_symbol, true,
	'{"agg": {"mandatory": ["5m", "1h"], "optional": ["15m", "30m", "4h", "1d", "1w"], "source": "1m", "calendar": "fx", "start_utc": "2023-05-01T00:00:00Z"}}'::jsonb
FROM data_bars;
DO $$
BEGIN
	PERFORM sync_agg_state_from_registry('prod');
	WHILE (agg_run_batch(p_max_windows => 1000000, p_now_utc => '2023-07-03 12:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP;
END
$$;

CREATE TABLE timeframe (name text, width interval, expected int);
INSERT INTO timeframe VALUES ('5m', '5 minutes', 5), ('15m', '15 minutes', 15), ('30m', '30 minutes', 30), ('1h', '1 hour', 60), ('4h', '4 hours', 240), ('1d', '1 day', 1440), ('1w', '7 days', 7200);
CREATE TABLE theirs AS
SELECT pair, name AS timeframe, expected, (start - interval '7 hours') AT TIME ZONE 'America/New_York' AS ts_utc,
	(array_agg(open ORDER BY stamp))[1] AS open, max(high) AS high, min(low) AS low, (array_agg(close ORDER BY stamp DESC))[1] AS close, sum(vol) AS vol, count(*) AS minutes
FROM published
CROSS JOIN timeframe t
-- 2001-01-01 was a Monday: the trading date on which weeks begin.
CROSS JOIN LATERAL date_bin(t.width, to_timestamp(stamp, 'YYYYMMDD HH24MISS') AT TIME ZONE 'UTC' + interval '7 hours', timestamp '2001-01-01 00:00') AS start
GROUP BY pair, name, expected, start;

SELECT no_plan();

SELECT results_eq(
	$$ SELECT pair, count(*) FROM published GROUP BY 1 ORDER BY 1 $$,
	$$ VALUES ('AUDUSD', 16875::bigint), ('EURUSD', 16752), ('USDCAD', 16937) $$,
	'all minutes of the three files');

CREATE TABLE side_by_side AS
SELECT pair, timeframe, ts_utc, o.open IS NOT NULL AS ours, p.open IS NOT NULL AS published, p.minutes * 2 > p.expected AS enough,
	(o.open, o.high, o.low, o.close, o.vol, o.source_candles, o.expected_candles) IS NOT DISTINCT FROM (p.open, p.high, p.low, p.close, p.vol, p.minutes, p.expected) AS equal
FROM (SELECT canonical_symbol AS pair, * FROM derived_data_bars WHERE deleted_at IS NULL) o
FULL JOIN theirs p USING (pair, timeframe, ts_utc);

SELECT results_eq(
	format($$ SELECT count(DISTINCT pair), count(*) FILTER (WHERE equal AND enough), count(*) FILTER (WHERE ours AND published AND NOT equal),
		count(*) FILTER (WHERE NOT published), count(*) FILTER (WHERE NOT ours AND NOT enough), count(*) FILTER (WHERE NOT ours AND enough)
	FROM side_by_side WHERE timeframe = %L $$, timeframe),
	format($$ VALUES (3::bigint, %s::bigint, 0::bigint, 0::bigint, %s::bigint, 0::bigint) $$, compared, too_few),
	format('%s: all %s bars are equal; %s windows have half of their minutes or fewer', timeframe, compared, too_few))
FROM (VALUES ('5m', 10153, 19), ('15m', 3389, 3), ('30m', 1695, 1), ('1h', 848, 0), ('4h', 162, 141), ('1d', 48, 3), ('1w', 9, 3))
	AS expected (timeframe, compared, too_few);

SELECT is_empty('SELECT * FROM v_aggregation_completeness WHERE outside_minutes > 0', 'no minute is outside of the sessions of the calendar');
SELECT is_empty('SELECT * FROM agg_verify()', 'the proof finds nothing');

SELECT * FROM finish();
