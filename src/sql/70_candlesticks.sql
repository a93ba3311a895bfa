-- Candlesticks for anybody's SQL: pure functions and aggregates that touch no table.

CREATE TYPE @extschema@.candlestick;

CREATE FUNCTION @extschema@.candlestick_in(cstring) RETURNS @extschema@.candlestick
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_in';
CREATE FUNCTION @extschema@.candlestick_out(@extschema@.candlestick) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_out';
CREATE FUNCTION @extschema@.candlestick_recv(internal) RETURNS @extschema@.candlestick
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_recv';
CREATE FUNCTION @extschema@.candlestick_send(@extschema@.candlestick) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_send';

CREATE TYPE @extschema@.candlestick (
    INPUT = @extschema@.candlestick_in,
    OUTPUT = @extschema@.candlestick_out,
    RECEIVE = @extschema@.candlestick_recv,
    SEND = @extschema@.candlestick_send,
    INTERNALLENGTH = VARIABLE,
    STORAGE = extended
);

COMMENT ON TYPE @extschema@.candlestick IS
'What a set of trades or bars comes to: open, high, low and close with their times, volume, vwap and number of trades. It holds exact sums, so candlesticks can be rolled up in any order without loss. Made by candlestick() and rollup(); read by open(), high(), low(), close(), open_time(), high_time(), low_time(), close_time(), volume(), vwap() and trade_count().
As text: open 1 at 2025-07-01T00:00:00+00:00, high ... at ..., low ... at ..., close ... at ..., trades 3, volume 5.5, turnover 6.05. Equal ones have equal texts. Malformed input: 22P02, binary 22P03.';

-- What the aggregates are made of.

CREATE FUNCTION @extschema@.candlestick_add(internal, timestamptz, float8, float8) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_add';
CREATE FUNCTION @extschema@.candlestick_roll_up(internal, @extschema@.candlestick) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_roll_up';
CREATE FUNCTION @extschema@.candlestick_combine(internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_combine';
CREATE FUNCTION @extschema@.candlestick_serialize(internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_serialize';
CREATE FUNCTION @extschema@.candlestick_deserialize(bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_deserialize';
CREATE FUNCTION @extschema@.candlestick_value(internal) RETURNS @extschema@.candlestick
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_value';
CREATE FUNCTION @extschema@.bar_rollup_add(internal, timestamptz, float8, float8, float8, float8, float8, float8, bigint) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_bar_rollup_add';
CREATE FUNCTION @extschema@.bar_rollup_value(internal) RETURNS @extschema@.candlestick
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_bar_rollup_value';

-- The aggregates.

CREATE AGGREGATE @extschema@.candlestick(ts timestamptz, price float8, volume float8) (
    SFUNC = @extschema@.candlestick_add,
    STYPE = internal,
    SSPACE = 256,
    FINALFUNC = @extschema@.candlestick_value,
    COMBINEFUNC = @extschema@.candlestick_combine,
    SERIALFUNC = @extschema@.candlestick_serialize,
    DESERIALFUNC = @extschema@.candlestick_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE @extschema@.candlestick(timestamptz, float8, float8) IS
'The candlestick of trades or ticks. open is the price at the earliest time and close the one at the latest, whatever the order of rows; of several trades at that very time the lowest price is taken. high_time and low_time are when the price was first reached. Volumes and price * volume are summed exactly, so neither the order of rows nor a parallel plan changes a bit.
A row without a time, or whose price is NULL, NaN or infinite, is ignored. A volume that is NULL, NaN or infinite is unknown: the row counts as a trade, and nothing is added to volume and vwap. vwap is over volumes above zero. NULL without any trade.';

CREATE AGGREGATE @extschema@.rollup(candlestick @extschema@.candlestick) (
    SFUNC = @extschema@.candlestick_roll_up,
    STYPE = internal,
    SSPACE = 256,
    FINALFUNC = @extschema@.candlestick_value,
    COMBINEFUNC = @extschema@.candlestick_combine,
    SERIALFUNC = @extschema@.candlestick_serialize,
    DESERIALFUNC = @extschema@.candlestick_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE @extschema@.rollup(@extschema@.candlestick) IS
'One candlestick of many: exactly the one of all their trades, in any order. NULLs are ignored; NULL without any.';

CREATE AGGREGATE @extschema@.rollup(ts timestamptz, open float8, high float8, low float8, close float8, vol float8, vwap float8, trade_count bigint) (
    SFUNC = @extschema@.bar_rollup_add,
    STYPE = internal,
    SSPACE = 384,
    FINALFUNC = @extschema@.bar_rollup_value,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE @extschema@.rollup(timestamptz, float8, float8, float8, float8, float8, float8, bigint) IS
'One candlestick of bars, by the rules of the bars that are stored. With ORDER BY ts in the call, open() to trade_count() give bit for bit what derived_data_bars holds for a window of these bars: sums run in the order of the rows, in double precision. (open and close are by time in any case. The exact sum, in any order and in parallel: rollup(candlestick(ts, ...)).)
A row without a time, or with a price that is NULL, NaN or infinite, is ignored. A vol or vwap that is NULL, NaN or infinite, and a trade_count that is NULL, is unknown. NULL without any bar.';

CREATE FUNCTION @extschema@.candlestick(ts timestamptz, open float8, high float8, low float8, close float8, vol float8 DEFAULT NULL, vwap float8 DEFAULT NULL, trade_count bigint DEFAULT NULL)
RETURNS @extschema@.candlestick
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick';

COMMENT ON FUNCTION @extschema@.candlestick(timestamptz, float8, float8, float8, float8, float8, float8, bigint) IS
'The candlestick of one bar, for rollup(candlestick). Each of its times is ts. NULL without ts, or where a price is NULL, NaN or infinite. A vol without vwap counts in volume() and not in vwap().';

-- What is in it. NULL of NULL.

CREATE FUNCTION @extschema@.open(candlestick @extschema@.candlestick) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_open';
COMMENT ON FUNCTION @extschema@.open(@extschema@.candlestick) IS 'The price at the earliest time.';

CREATE FUNCTION @extschema@.high(candlestick @extschema@.candlestick) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_high';
COMMENT ON FUNCTION @extschema@.high(@extschema@.candlestick) IS 'The highest price.';

CREATE FUNCTION @extschema@.low(candlestick @extschema@.candlestick) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_low';
COMMENT ON FUNCTION @extschema@.low(@extschema@.candlestick) IS 'The lowest price.';

CREATE FUNCTION @extschema@.close(candlestick @extschema@.candlestick) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_close';
COMMENT ON FUNCTION @extschema@.close(@extschema@.candlestick) IS 'The price at the latest time.';

CREATE FUNCTION @extschema@.open_time(candlestick @extschema@.candlestick) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_open_time';
COMMENT ON FUNCTION @extschema@.open_time(@extschema@.candlestick) IS 'The earliest time; of bars, the start of the first one.';

CREATE FUNCTION @extschema@.high_time(candlestick @extschema@.candlestick) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_high_time';
COMMENT ON FUNCTION @extschema@.high_time(@extschema@.candlestick) IS 'When the highest price was first reached; of bars, the start of the first one with that high.';

CREATE FUNCTION @extschema@.low_time(candlestick @extschema@.candlestick) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_low_time';
COMMENT ON FUNCTION @extschema@.low_time(@extschema@.candlestick) IS 'When the lowest price was first reached; of bars, the start of the first one with that low.';

CREATE FUNCTION @extschema@.close_time(candlestick @extschema@.candlestick) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_close_time';
COMMENT ON FUNCTION @extschema@.close_time(@extschema@.candlestick) IS 'The latest time; of bars, the start of the last one.';

CREATE FUNCTION @extschema@.volume(candlestick @extschema@.candlestick) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_volume';
COMMENT ON FUNCTION @extschema@.volume(@extschema@.candlestick) IS 'The sum of the volumes that are known, rounded once. NULL where none is, or one of 1e292 and more was added.';

CREATE FUNCTION @extschema@.vwap(candlestick @extschema@.candlestick) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_vwap';
COMMENT ON FUNCTION @extschema@.vwap(@extschema@.candlestick) IS 'The volume-weighted average price, over volumes above zero. NULL where there is none.';

CREATE FUNCTION @extschema@.trade_count(candlestick @extschema@.candlestick) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_trade_count';
COMMENT ON FUNCTION @extschema@.trade_count(@extschema@.candlestick) IS 'How many trades there were; of bars, the sum of the counts that are known. NULL where none is, or where it does not fit into bigint.';

-- VWAP bands.

CREATE FUNCTION @extschema@.vwap_deviation_add(internal, float8, float8) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_vwap_deviation_add';
CREATE FUNCTION @extschema@.vwap_deviation_combine(internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_vwap_deviation_combine';
CREATE FUNCTION @extschema@.vwap_deviation_serialize(internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_vwap_deviation_serialize';
CREATE FUNCTION @extschema@.vwap_deviation_deserialize(bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_vwap_deviation_deserialize';
CREATE FUNCTION @extschema@.vwap_deviation_value(internal) RETURNS float8
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_vwap_deviation_value';

CREATE AGGREGATE @extschema@.vwap_deviation(price float8, volume float8) (
    SFUNC = @extschema@.vwap_deviation_add,
    STYPE = internal,
    SSPACE = 1200,
    FINALFUNC = @extschema@.vwap_deviation_value,
    COMBINEFUNC = @extschema@.vwap_deviation_combine,
    SERIALFUNC = @extschema@.vwap_deviation_serialize,
    DESERIALFUNC = @extschema@.vwap_deviation_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE @extschema@.vwap_deviation(float8, float8) IS
'The volume-weighted standard deviation of prices around their vwap, over volumes above zero: sqrt(sum(volume * (price - vwap)^2) / sum(volume)). Bands are vwap plus and minus so many of it. Exact up to the division and the root, so prices that hardly differ lose nothing, and neither the order of rows nor a parallel plan changes a bit.
What is NULL, NaN or infinite is ignored. NULL where nothing remains, or where a sum or product is beyond 1e290.';

CREATE FUNCTION @extschema@.agg_anchored_vwap(p_symbol text, p_anchor timestamptz, p_to timestamptz DEFAULT NULL, p_timeframe text DEFAULT '1m', p_bands double precision DEFAULT 2, p_now_utc timestamptz DEFAULT NULL)
RETURNS TABLE (ts_utc timestamptz, close double precision, vwap double precision, deviation double precision, lower_band double precision, upper_band double precision)
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY INVOKER ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
SELECT a.ts_utc, a.close, a.vwap, a.deviation, a.vwap - p_bands * a.deviation, a.vwap + p_bands * a.deviation
FROM (
    SELECT b.ts_utc, b.close, @extschema@.vwap(@extschema@.rollup(b.ts_utc, b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count) OVER w) AS vwap,
        @extschema@.vwap_deviation(b.vwap, b.vol) OVER w AS deviation
    FROM @extschema@.agg_bars(p_symbol, p_timeframe, p_anchor, p_to, p_now_utc => p_now_utc) AS b
    WINDOW w AS (ORDER BY b.ts_utc)
) AS a
ORDER BY a.ts_utc
$$;

COMMENT ON FUNCTION @extschema@.agg_anchored_vwap(text, timestamptz, timestamptz, text, double precision, timestamptz) IS
'The VWAP of a symbol since an anchor, such as the open of a day or the minute of some news, at the end of each bar from p_anchor to p_to (NULL: now): sum(vwap * vol) / sum(vol) of the bars from the anchor up to this one, and the volume-weighted standard deviation of their vwaps around it. lower_band and upper_band lie p_bands deviations below and above. p_anchor: NULL is the first bar. p_timeframe: of the bars that it is made of; narrower ones see more, and minutes are the nearest to trades.
Bars without a volume or a vwap add nothing; vwap, deviation and bands are NULL before the first that has both. The bars are those of agg_bars(), the one that is forming included, and so are rights and errors.';
