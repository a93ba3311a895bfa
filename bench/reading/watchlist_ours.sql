SELECT * FROM agg_latest((SELECT symbols FROM bench.watchlist), '5m', p_now_utc => '2025-07-01 00:03:20+00');
