-- From samples to medians and ratios. A ratio is the median of the ratios of single rounds: in a round both contenders have seen the same
-- minutes of a noisy machine. Where there is nothing to compare with, the value is the seconds. Round 0 is a warm-up and does not count.
CREATE OR REPLACE VIEW bench.counted AS
SELECT measure, contender, round, seconds FROM bench.sample WHERE round > 0
UNION ALL
SELECT measure, 'floor', round, sum(seconds)
FROM bench.sample
WHERE round > 0 AND contender IN ('floor_read', 'floor_copy')
GROUP BY measure, round
HAVING count(*) = 2
UNION ALL
-- Of TimescaleDB's two calls, the better one of the round.
SELECT measure, 'timescale', round, min(seconds)
FROM bench.sample
WHERE round > 0 AND contender IN ('timescale_default', 'timescale_best')
GROUP BY measure, round
HAVING count(*) = 2;

-- Milliseconds of what takes long, microseconds of what does not.
CREATE OR REPLACE FUNCTION bench.shown(seconds double precision) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN round(seconds::numeric, CASE WHEN seconds < 0.02 THEN 6 ELSE 3 END);

CREATE OR REPLACE VIEW bench.timing AS
SELECT measure, contender, count(*) AS rounds,
	bench.shown(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)) AS median_s,
	bench.shown(min(seconds)) AS min_s, bench.shown(max(seconds)) AS max_s
FROM bench.counted
GROUP BY measure, contender;

CREATE OR REPLACE VIEW bench.ratio AS
SELECT t.place, t.measure, t.ratio, r.rounds, r.value, t.must || ' ' || t.bound AS must_reach,
	CASE t.must WHEN '>=' THEN r.value >= t.bound WHEN '<=' THEN r.value <= t.bound END AS reached
FROM bench.target t
CROSS JOIN LATERAL (
	SELECT count(*) AS rounds, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY o.seconds / coalesce(u.seconds, 1))::numeric, CASE WHEN t.under IS NULL THEN 4 ELSE 2 END) AS value
	FROM bench.counted o
	LEFT JOIN bench.counted u ON u.measure = o.measure AND u.round = o.round AND u.contender = t.under
	WHERE o.measure = t.samples AND o.contender = t.over AND (u.seconds IS NOT NULL OR t.under IS NULL)
) r
WHERE r.rounds > 0;

CREATE OR REPLACE VIEW bench.finding AS
SELECT measure, fact, min(value) AS least, max(value) AS most FROM bench.fact WHERE round > 0 GROUP BY measure, fact;

CREATE OR REPLACE VIEW bench.report AS
SELECT 'time' AS kind, measure, contender AS what, rounds, median_s AS value, min_s AS least, max_s AS most, NULL AS must_reach, NULL::boolean AS reached
FROM bench.timing
UNION ALL
SELECT 'ratio', measure, ratio, rounds, value, NULL, NULL, must_reach, reached FROM bench.ratio
UNION ALL
SELECT 'fact', measure, fact, NULL, NULL, least, most, NULL, NULL FROM bench.finding;
