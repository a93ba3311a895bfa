\set day random(1, :days - 8)
SELECT * FROM agg_bars('YEAR', '15m', timestamptz '2025-07-01 00:00+00' - :day * interval '1 day' - interval '7 days', timestamptz '2025-07-01 00:00+00' - :day * interval '1 day', p_now_utc => '2025-07-01 00:03:20+00');
