-- Random bars where calendars are strange: 4000 BC, the year 1, 1899/1900, around 1970 and 2000, a leap day, where nanoseconds since 1970 end
-- (2262-04-11), where seconds fit 32 bits no more (2038), and the year 200000.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../reference/oracle.sql
SELECT no_plan();
\ir include/seeds.psql

CREATE TABLE eras (symbol text, from_utc timestamptz);
INSERT INTO eras VALUES
	('4000BC', '4000-02-26 20:00+00 BC'), ('YEAR1', '0001-12-28 00:00+00 BC'), ('1900', '1899-12-27 07:01+00'), ('1970', '1969-12-26 00:00+00'),
	('2000', '1999-12-28 00:00+00'), ('LEAP', '2024-02-26 00:00+00'), ('2038', '2038-01-16 00:00+00'), ('2262', '2262-04-08 00:00+00'),
	('200000', '200000-01-01 00:00+00');

DO $$
DECLARE
	e eras;
	s seeds;
	tf text;
BEGIN
	FOR e IN TABLE eras LOOP FOR s IN TABLE seeds LOOP
		PERFORM start_of_random(s.seed);
		PERFORM oracle.make_minutes(e.symbol || s.symbol, e.from_utc, '11 days', 0.15);
		PERFORM oracle.deliver(e.symbol || s.symbol);
		ANALYZE data_bars, oracle.bars;
		PERFORM oracle.make_tasks(e.symbol || s.symbol, e.from_utc);
		FOREACH tf IN ARRAY ARRAY['5m', '15m', '30m', '1h', '4h', '1d', '1w'] LOOP
			PERFORM oracle.catch_up_both_to_the_end(e.symbol || s.symbol, tf, 500, e.from_utc + interval '16 days');
		END LOOP;
	END LOOP; END LOOP;
END
$$;

SELECT is_empty('TABLE oracle.disagreements', 'every answer is the reference''s');
SELECT is_empty(format('SELECT * FROM oracle.differences WHERE canonical_symbol LIKE %L', symbol || 'SEED%'), 'every bar is the reference''s: ' || symbol) FROM eras ORDER BY from_utc;
SELECT cmp_ok(count(DISTINCT b.timeframe), '>=', 5::bigint, 'there are bars to compare: ' || e.symbol) FROM eras AS e JOIN oracle.bars AS b ON b.canonical_symbol LIKE e.symbol || 'SEED%' GROUP BY e.symbol ORDER BY 1;
SELECT is(count(DISTINCT timeframe), 7::bigint, 'and of every timeframe') FROM oracle.bars;

SELECT * FROM finish();
