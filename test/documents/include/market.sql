-- The market that the documents speak of: some symbols, three days of July 2025 and the last hours, made up to now.
CREATE EXTENSION aggregation;
SELECT count(*) FROM agg_setup();
INSERT INTO core_asset_registry_all (canonical_symbol, metadata)
SELECT s, '{"agg": {"start_utc": "first_bar", "optional": ["15m", "4h", "1d"]}}' FROM unnest('{EURUSD,GBPUSD,USDJPY,AAPL}'::text[]) AS s;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
SELECT s, '1m', t, p, p + 2, p - 2, p + 1, 10 + p, p + 0.5, 3
FROM unnest('{EURUSD,GBPUSD,USDJPY,AAPL}'::text[]) WITH ORDINALITY AS a(s, n),
    LATERAL (SELECT generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-03 23:59+00', '1 minute')
             UNION ALL SELECT generate_series(date_trunc('hour', now()) - interval '3 hours', now() - interval '1 minute', '1 minute')) AS m(t),
    LATERAL (SELECT 100 * n + extract(minute FROM t)::int) AS v(p);
SELECT sync_agg_state_from_registry('prod');
CALL agg_run(p_max_windows => 100000);
