-- Good minutes go into data_bars; what is there already with the same values is not
-- touched. Included by load.sql.

-- Of several lines for one minute the last one wins.
CREATE TEMP TABLE incoming ON COMMIT DROP AS
SELECT DISTINCT ON (ts_utc) ts_utc, open, high, low, close, vol, vwap, trades, file, number
FROM minute
WHERE skipped IS NULL AND refused IS NULL
ORDER BY ts_utc, file DESC, number DESC;
ANALYZE incoming;

UPDATE minute
SET refused = 'the same minute comes again (the last one wins)'
FROM incoming
WHERE minute.ts_utc = incoming.ts_utc AND minute.skipped IS NULL AND minute.refused IS NULL
	AND (minute.file, minute.number) <> (incoming.file, incoming.number);

CREATE TEMP TABLE compared ON COMMIT DROP AS
SELECT ts_utc, i.open, i.high, i.low, i.close, i.vol, i.vwap, i.trades, CASE
	WHEN b.ts_utc IS NULL THEN 'inserted'
	WHEN (b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count)
		IS DISTINCT FROM (i.open, i.high, i.low, i.close, i.vol, i.vwap, i.trades) THEN 'updated'
	ELSE 'unchanged' END AS outcome
FROM incoming i
LEFT JOIN (
	SELECT * FROM :"schema".data_bars
	WHERE canonical_symbol = :'symbol' AND timeframe = '1m'
		AND ts_utc >= (SELECT min(ts_utc) FROM incoming) AND ts_utc <= (SELECT max(ts_utc) FROM incoming)
) b USING (ts_utc);

INSERT INTO :"schema".data_bars AS b
	(canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, source, raw)
SELECT :'symbol', '1m', ts_utc, open, high, low, close, vol, vwap, trades, 'ingest', jsonb_build_object('import', :'format')
FROM compared
WHERE outcome <> 'unchanged'
ORDER BY ts_utc
ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE
SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
	vol = excluded.vol, vwap = excluded.vwap, trade_count = excluded.trade_count,
	source = excluded.source, raw = excluded.raw, ingested_at = now(), updated_at = now()
WHERE (b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count)
	IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close, excluded.vol, excluded.vwap, excluded.trade_count);
