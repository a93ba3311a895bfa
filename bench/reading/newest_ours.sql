SELECT * FROM agg_bars('YEAR', '5m', p_limit => 500, p_now_utc => '2025-07-01 00:03:20+00');
