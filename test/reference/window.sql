-- One window: its candles in time order folded into one bar, the bar's quality, and the bar's place in oracle.bars.

CREATE TABLE oracle.bars (
	canonical_symbol text,
	timeframe text,
	ts_utc timestamptz,
	open float8, high float8, low float8, close float8,
	vol float8, vwap float8, trade_count bigint,
	source_timeframe text, source_candles int, expected_candles int, quality_score int, derivation_version int,
	PRIMARY KEY (canonical_symbol, timeframe, ts_utc)
);

-- The rows that a target is made of: minutes as they were ingested, everything wider as this reference made it.
CREATE FUNCTION oracle.source_rows(symbol text, source_tf text)
RETURNS TABLE (ts_utc timestamptz, open float8, high float8, low float8, close float8, vol float8, vwap float8, trade_count bigint)
LANGUAGE sql STABLE AS $$
	SELECT b.ts_utc, b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count FROM data_bars AS b
	WHERE b.canonical_symbol = symbol AND b.timeframe = source_tf AND b.timeframe = '1m'
	UNION ALL
	SELECT b.ts_utc, b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count FROM oracle.bars AS b
	WHERE b.canonical_symbol = symbol AND b.timeframe = source_tf AND b.timeframe <> '1m'
$$;

-- The first of them at or after `at`, and the last of all.
CREATE FUNCTION oracle.next_source(symbol text, source_tf text, at timestamptz) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF source_tf = '1m' THEN
		RETURN (SELECT min(b.ts_utc) FROM data_bars AS b WHERE b.canonical_symbol = symbol AND b.timeframe = '1m' AND b.ts_utc >= at);
	END IF;
	RETURN (SELECT min(b.ts_utc) FROM oracle.bars AS b WHERE b.canonical_symbol = symbol AND b.timeframe = source_tf AND b.ts_utc >= at);
END
$$;

CREATE FUNCTION oracle.last_source(symbol text, source_tf text) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF source_tf = '1m' THEN
		RETURN (SELECT max(b.ts_utc) FROM data_bars AS b WHERE b.canonical_symbol = symbol AND b.timeframe = '1m');
	END IF;
	RETURN (SELECT max(b.ts_utc) FROM oracle.bars AS b WHERE b.canonical_symbol = symbol AND b.timeframe = source_tf);
END
$$;

CREATE TYPE oracle.fold AS (
	candles int, refused int,
	open float8, high float8, low float8, close float8, vol float8, vwap float8, trade_count bigint
);

CREATE FUNCTION oracle.fold_rows(symbol text, source_tf text, from_utc timestamptz, to_utc timestamptz) RETURNS oracle.fold
LANGUAGE plpgsql STABLE AS $$
DECLARE
	bar oracle.fold := ROW (0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
	candle record;
	weighted float8; -- sum of vwap * vol, and
	weight float8;   -- of vol, over the candles that have both and vol > 0
	trades numeric;  -- exact, however large
BEGIN
	FOR candle IN
		SELECT * FROM oracle.source_rows(symbol, source_tf) AS s WHERE s.ts_utc >= from_utc AND s.ts_utc < to_utc ORDER BY s.ts_utc
	LOOP
		IF NOT (oracle.finite(candle.open) AND oracle.finite(candle.high) AND oracle.finite(candle.low) AND oracle.finite(candle.close)) THEN
			bar.refused := bar.refused + 1;
			CONTINUE;
		END IF;
		bar.candles := bar.candles + 1;
		IF bar.candles = 1 THEN
			bar.open := candle.open;
			bar.high := candle.high;
			bar.low := candle.low;
		END IF;
		bar.high := CASE WHEN bar.high > candle.high THEN bar.high ELSE candle.high END; -- of 0 and -0 the later one
		bar.low := CASE WHEN bar.low < candle.low THEN bar.low ELSE candle.low END;
		bar.close := candle.close;
		IF oracle.finite(candle.vol) THEN
			bar.vol := CASE WHEN bar.vol IS NULL THEN candle.vol ELSE oracle.plus(bar.vol, candle.vol) END;
		END IF;
		IF oracle.finite(candle.vol) AND oracle.finite(candle.vwap) AND candle.vol > 0 THEN
			weighted := CASE WHEN weighted IS NULL THEN oracle.times(candle.vwap, candle.vol)
				ELSE oracle.plus(weighted, oracle.times(candle.vwap, candle.vol)) END;
			weight := CASE WHEN weight IS NULL THEN candle.vol ELSE oracle.plus(weight, candle.vol) END;
		END IF;
		IF candle.trade_count IS NOT NULL THEN
			trades := coalesce(trades, 0) + candle.trade_count;
		END IF;
	END LOOP;
	IF oracle.finite(weighted) AND oracle.finite(weight) THEN
		bar.vwap := oracle.divide(weighted, weight);
	END IF;
	bar.vwap := CASE WHEN oracle.finite(bar.vwap) THEN bar.vwap END;
	bar.vol := CASE WHEN oracle.finite(bar.vol) THEN bar.vol END;
	bar.trade_count := CASE WHEN trades BETWEEN -9223372036854775808 AND 9223372036854775807 THEN trades END;
	RETURN bar;
END
$$;

-- NULL: too few candles for a bar.
CREATE FUNCTION oracle.quality(candles bigint, expected bigint) RETURNS int LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
		WHEN candles >= expected THEN 2
		WHEN candles::numeric / expected >= 0.8 THEN 1
		WHEN candles::numeric / expected >= 0.6 THEN 0
		WHEN candles::numeric / expected > 0.5 THEN -1
	END
$$;

-- Makes the bar of the window that begins at from_utc and stores it, or takes away the one that is there if its source has become too thin.
-- What it did is in `written`: inserted, updated, unchanged, deleted or none.
CREATE FUNCTION oracle.aggregate_window(symbol text, tf text, from_utc timestamptz, version int, OUT written text, OUT answer jsonb)
LANGUAGE plpgsql AS $$
DECLARE
	source_tf text := oracle.source_of(symbol, tf);
	expected int := oracle.width_seconds(tf) / oracle.width_seconds(source_tf);
	bar oracle.fold := oracle.fold_rows(symbol, source_tf, from_utc, from_utc + oracle.width(tf));
	score int := oracle.quality(bar.candles, expected);
	stored oracle.bars;
	fresh oracle.bars;
BEGIN
	answer := jsonb_build_object('success', true, 'stored', score IS NOT NULL, 'source_count', bar.candles, 'refused', bar.refused);
	SELECT * INTO stored FROM oracle.bars AS b WHERE b.canonical_symbol = symbol AND b.timeframe = tf AND b.ts_utc = from_utc;
	written := CASE WHEN stored IS NULL THEN 'inserted' ELSE 'updated' END;
	DELETE FROM oracle.bars AS b WHERE b.canonical_symbol = symbol AND b.timeframe = tf AND b.ts_utc = from_utc;
	IF score IS NULL THEN
		written := CASE WHEN FOUND THEN 'deleted' ELSE 'none' END;
		answer := answer || '{"reason": "insufficient_source_bars"}';
		RETURN;
	END IF;
	fresh := ROW (symbol, tf, from_utc, bar.open, bar.high, bar.low, bar.close, bar.vol, bar.vwap, bar.trade_count,
		source_tf, bar.candles, expected, score, version);
	INSERT INTO oracle.bars SELECT fresh.*;
	IF written = 'updated' AND fresh *= stored THEN -- the same bits: 0 and -0 are two values here
		written := 'unchanged';
	END IF;
	answer := answer || jsonb_build_object('quality_score', score);
END
$$;

-- Bars of a range of windows that have no source. The number of them.
CREATE FUNCTION oracle.remove_bars(symbol text, tf text, from_utc timestamptz, to_utc timestamptz) RETURNS bigint LANGUAGE sql AS $$
	WITH removed AS (
		DELETE FROM oracle.bars AS b WHERE b.canonical_symbol = symbol AND b.timeframe = tf AND b.ts_utc >= from_utc AND b.ts_utc < to_utc
		RETURNING 1)
	SELECT count(*) FROM removed
$$;
