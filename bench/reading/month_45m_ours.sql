\set day random(1, :days - :month - 1)
SELECT * FROM agg_bars('YEAR', '45m', timestamptz '2025-07-01 00:00+00' - :day * interval '1 day' - :month * interval '1 day', timestamptz '2025-07-01 00:00+00' - :day * interval '1 day', p_now_utc => '2025-07-01 00:03:20+00');
