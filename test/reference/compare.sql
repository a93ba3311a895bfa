-- Side by side: the bars of both, float by float in their bits, and the answers of both, key by key.

CREATE FUNCTION oracle.bits(x float8) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT encode(float8send(x), 'hex')
$$;

CREATE VIEW oracle.bars_of_reference AS
SELECT canonical_symbol, timeframe, ts_utc, oracle.bits(open) AS open, oracle.bits(high) AS high, oracle.bits(low) AS low,
	oracle.bits(close) AS close, oracle.bits(vol) AS vol, oracle.bits(vwap) AS vwap, trade_count,
	source_timeframe, source_candles, expected_candles, quality_score, derivation_version
FROM oracle.bars;

CREATE VIEW oracle.bars_of_extension AS
SELECT canonical_symbol, timeframe, ts_utc, oracle.bits(open) AS open, oracle.bits(high) AS high, oracle.bits(low) AS low,
	oracle.bits(close) AS close, oracle.bits(vol) AS vol, oracle.bits(vwap) AS vwap, trade_count,
	source_timeframe, source_candles, expected_candles, quality_score, derivation_version
FROM derived_data_bars
WHERE deleted_at IS NULL;

-- Bars that only one of the two has, or that differ in a bit; empty when both agree.
CREATE VIEW oracle.differences AS
(SELECT 'only reference' AS side, * FROM (TABLE oracle.bars_of_reference EXCEPT ALL TABLE oracle.bars_of_extension) AS missing)
UNION ALL
(SELECT 'only extension' AS side, * FROM (TABLE oracle.bars_of_extension EXCEPT ALL TABLE oracle.bars_of_reference) AS surplus);

-- Every call that both were asked, with both answers.
CREATE TABLE oracle.calls (
	id bigint GENERATED ALWAYS AS IDENTITY, what text, symbol text, timeframe text, arguments jsonb, reference jsonb, extension jsonb
);

-- Calls whose answers disagree in a key of the reference (the extension may say more), and tasks of which not as many bars were removed. A bar
-- in a gap may be found by the call that stops there or by the one that jumps over it, and be counted as deleted or as late: all calls together
-- remove as many.
CREATE VIEW oracle.disagreements AS
SELECT id, what, symbol, timeframe, arguments, key, reference -> key AS reference, extension -> key AS extension
FROM oracle.calls, jsonb_object_keys(reference) AS key
WHERE (reference -> key) IS DISTINCT FROM (extension -> key) AND key <> 'bars_deleted'
UNION ALL
SELECT NULL, what, symbol, timeframe, NULL, 'bars_deleted', to_jsonb(expected), to_jsonb(actual)
FROM (
	SELECT what, symbol, timeframe, sum((reference ->> 'bars_deleted')::bigint) AS expected,
		sum((extension ->> 'bars_deleted')::bigint + (extension ->> 'late_bars_changed')::bigint) AS actual
	FROM oracle.calls GROUP BY what, symbol, timeframe) AS removed
WHERE expected IS DISTINCT FROM actual;

-- One catch-up call to both from the stored cursor (bootstrap if there is none), which then moves.
CREATE FUNCTION oracle.catch_up_both(p_symbol text, tf text, max_windows int, now_utc timestamptz, version int DEFAULT 1,
	ignore_confirmation boolean DEFAULT false)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	from_utc timestamptz := (SELECT coalesce(last_agg_bar_ts_utc, agg_start_utc) FROM data_agg_state AS t
		WHERE t.canonical_symbol = p_symbol AND t.timeframe = tf);
	expected jsonb := oracle.catch_up(p_symbol, tf, from_utc, max_windows, now_utc, version, ignore_confirmation);
	actual jsonb := catchup_aggregation_range(p_symbol, tf, from_utc, max_windows, now_utc, version, ignore_confirmation);
BEGIN
	INSERT INTO oracle.calls (what, symbol, timeframe, arguments, reference, extension)
	VALUES ('catch-up', p_symbol, tf, jsonb_build_object('cursor', from_utc, 'max_windows', max_windows, 'now', now_utc,
		'ignore_confirmation', ignore_confirmation), expected, actual);
	UPDATE data_agg_state AS t SET last_agg_bar_ts_utc = (expected ->> 'cursor_advanced_to')::timestamptz
	WHERE t.canonical_symbol = p_symbol AND t.timeframe = tf;
	RETURN expected;
END
$$;

-- Both, call after call while the reference says `continue`; the answer is the last one.
CREATE FUNCTION oracle.catch_up_both_to_the_end(symbol text, tf text, max_windows int, now_utc timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
BEGIN
	LOOP
		answer := oracle.catch_up_both(symbol, tf, max_windows, now_utc);
		EXIT WHEN NOT (answer ->> 'continue')::boolean;
	END LOOP;
	RETURN answer;
END
$$;

-- The extension alone, with its own loop; the number of calls.
CREATE FUNCTION oracle.catch_up_extension(p_symbol text, tf text, max_windows int, now_utc timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	cursor_utc timestamptz := agg_bootstrap_cursor(p_symbol, tf);
	answer jsonb;
	calls bigint := 0;
BEGIN
	LOOP
		answer := catchup_aggregation_range(p_symbol, tf, cursor_utc, max_windows, now_utc);
		calls := calls + 1;
		cursor_utc := (answer ->> 'cursor_advanced_to')::timestamptz;
		EXIT WHEN NOT (answer ->> 'continue')::boolean OR calls > 1000000;
	END LOOP;
	UPDATE data_agg_state AS t SET last_agg_bar_ts_utc = cursor_utc WHERE t.canonical_symbol = p_symbol AND t.timeframe = tf;
	RETURN calls;
END
$$;
