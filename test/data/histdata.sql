-- A real HistData month: the documented zone by default, another one on request. This file's
-- stamps are in truth at UTC-4; half past each hour its closes are those of another provider's
-- only then, which is why the importer warns.

\ir start.psql

\! "$AGGREGATION_RUN" import --format histdata --symbol EST "$AGGREGATION_DATA"/histdata/DAT_ASCII_EURUSD_M1_202306.csv.gz >&2
\! "$AGGREGATION_RUN" import --format histdata --symbol EDT --timezone UTC-4 "$AGGREGATION_DATA"/histdata/DAT_ASCII_EURUSD_M1_202306.csv.gz >&2
\! "$AGGREGATION_RUN" import --format histdata --symbol NY --timezone America/New_York "$AGGREGATION_DATA"/histdata/DAT_ASCII_EURUSD_M1_202306.csv.gz >&2

SELECT no_plan();

SELECT results_eq(
	$$ SELECT canonical_symbol, count(*), min(ts_utc), max(ts_utc) FROM data_bars GROUP BY 1 ORDER BY 1 $$,
	$$ VALUES ('EDT', 16752::bigint, timestamptz '2023-06-01 04:00+00', timestamptz '2023-06-23 18:58+00'),
		('EST', 16752, '2023-06-01 05:00+00', '2023-06-23 19:58+00'),
		('NY', 16752, '2023-06-01 04:00+00', '2023-06-23 18:58+00') $$,
	'the default is UTC-5 all year; UTC-4 and New York in June are an hour earlier');

SELECT is_empty(
	$$ SELECT a.ts_utc FROM data_bars a FULL JOIN data_bars b
		ON b.canonical_symbol = 'EST' AND b.ts_utc = a.ts_utc + interval '1 hour'
	WHERE a.canonical_symbol = 'EDT'
		AND (a.open, a.high, a.low, a.close, a.vol) IS DISTINCT FROM (b.open, b.high, b.low, b.close, b.vol) $$,
	'and nothing but the time differs');

SELECT results_eq(
	$$ SELECT open, high, low, close, vol, vwap, trade_count FROM data_bars WHERE canonical_symbol = 'EST' AND ts_utc = '2023-06-01 05:01+00' $$,
	$$ VALUES (1.06853::float8, 1.06859::float8, 1.06849::float8, 1.0685::float8, 0::float8, NULL::float8, NULL::bigint) $$,
	'values as published; the volume that HistData does not have is its 0');

SELECT * FROM finish();
