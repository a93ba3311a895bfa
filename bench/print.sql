-- The report as tables to read.
\pset format aligned
\pset tuples_only off
\pset footer off
\pset border 1
\pset null ''
\echo
\echo 'Seconds (medians)'
SELECT measure AS row, contender, rounds, median_s AS median, min_s AS fastest, max_s AS slowest FROM bench.timing ORDER BY 1, 4 DESC;
\echo 'Ratios (medians over rounds)'
SELECT measure AS row, ratio, rounds, value, must_reach AS "must reach", CASE WHEN reached THEN 'yes' WHEN NOT reached THEN 'NO' END AS reached
FROM bench.ratio ORDER BY place;
\echo 'Beside the times'
SELECT measure AS row, fact, least, most FROM bench.finding ORDER BY 1, 2;
