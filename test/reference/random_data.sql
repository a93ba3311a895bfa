-- Market data from a seed: a random walk with the holes of real feeds (a minute, an hour, a weekend, an outage) and, as `wild` rises from 0
-- to 1, with everything that a column can hold: missing, NaN, infinite, zero, negative, equal, absurdly large and small. Everything comes
-- from random() behind setseed(), so that a seed that was printed once gives the same rows again.

CREATE FUNCTION oracle.pick(choices float8[]) RETURNS float8 LANGUAGE sql VOLATILE AS $$
	SELECT choices[1 + floor(random() * array_length(choices, 1))::int]
$$;

CREATE FUNCTION oracle.chance(p float8) RETURNS boolean LANGUAGE sql VOLATILE AS $$
	SELECT random() < p
$$;

-- A row of oracle.feed has not arrived yet; oracle.deliver() moves it to data_bars.
CREATE TABLE oracle.feed (
	canonical_symbol text, ts_utc timestamptz,
	open float8, high float8, low float8, close float8, vol float8, vwap float8, trade_count bigint,
	PRIMARY KEY (canonical_symbol, ts_utc)
);

CREATE FUNCTION oracle.make_minutes(symbol text, from_utc timestamptz, span interval, wild float8) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	minute timestamptz := from_utc;
	row oracle.feed;
	price float8 := 1.1;
	rows bigint := 0;
	dead_until timestamptz := from_utc;
	broken float8[] := ARRAY[NULL, 'NaN', 'Infinity', '-Infinity'];
	extreme float8[] := ARRAY[1e308, -1e308, 1.7976931348623157e308, 1e-308, 5e-324, 0, '-0', -1];
BEGIN
	WHILE minute < from_utc + span LOOP
		price := price * (1 + (random() - 0.5) / 1000);
		row := ROW (symbol, minute, price, price * (1 + random() / 2000), price * (1 - random() / 2000), price * (1 + (random() - 0.5) / 4000),
			floor(random() * 1000), price * (1 + (random() - 0.5) / 3000), floor(random() * 50));
		IF oracle.chance(wild / 20) THEN -- a still minute
			row.high := row.open;
			row.low := row.open;
			row.close := row.open;
		END IF;
		IF oracle.chance(wild / 20) THEN
			row.open := oracle.pick(extreme);
			row.close := oracle.pick(extreme);
		END IF;
		IF oracle.chance(wild / 20) THEN
			row.high := oracle.pick(extreme);
			row.low := oracle.pick(extreme);
		END IF;
		IF oracle.chance(wild / 500) THEN
			dead_until := minute + interval '17 minutes';
		END IF;
		IF minute < dead_until THEN -- nothing but zeros, of both signs
			row.open := oracle.pick(ARRAY[0, '-0']::float8[]);
			row.high := oracle.pick(ARRAY[0, '-0']::float8[]);
			row.low := oracle.pick(ARRAY[0, '-0']::float8[]);
			row.close := oracle.pick(ARRAY[0, '-0']::float8[]);
			row.vol := oracle.pick(ARRAY[0, '-0', 1]::float8[]);
			row.vwap := oracle.pick(ARRAY[0, '-0', -5e-324]::float8[]);
		END IF;
		IF oracle.chance(wild / 30) THEN
			CASE floor(random() * 4)::int
				WHEN 0 THEN row.open := oracle.pick(broken);
				WHEN 1 THEN row.high := oracle.pick(broken);
				WHEN 2 THEN row.low := oracle.pick(broken);
				ELSE row.close := oracle.pick(broken);
			END CASE;
		END IF;
		IF oracle.chance(wild / 4) THEN
			row.vol := oracle.pick(broken || extreme || ARRAY[0::float8, 0, -7, 3]);
		END IF;
		IF oracle.chance(wild / 4) THEN
			row.vwap := oracle.pick(broken || extreme);
		END IF;
		IF oracle.chance(wild / 4) THEN
			row.trade_count := (ARRAY[NULL, NULL, 0, -3, 9223372036854775807, 4611686018427387904])[1 + floor(random() * 6)::int];
		END IF;
		IF oracle.chance(wild / 200) THEN -- a stamp inside its minute
			row.ts_utc := minute + make_interval(secs => floor(random() * 59.999999 * 1e6) / 1e6);
		END IF;
		INSERT INTO oracle.feed SELECT row.*;
		rows := rows + 1;

		minute := minute + CASE
			WHEN oracle.chance(wild / 10) THEN make_interval(mins => 2 + floor(random() * 5)::int)
			WHEN oracle.chance(wild / 500) THEN make_interval(mins => 30 + floor(random() * 300)::int)
			WHEN oracle.chance(wild / 4000) THEN make_interval(hours => 48)
			WHEN oracle.chance(wild / 20000) THEN make_interval(hours => 24 * 17)
			ELSE interval '1 minute'
		END;
	END LOOP;
	RETURN rows;
END
$$;

-- The rows of the feed before `until` arrive, each with a probability of `punctual`; the others stay for a later delivery.
CREATE FUNCTION oracle.deliver(symbol text, until timestamptz DEFAULT 'infinity', punctual float8 DEFAULT 1) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	arrived bigint;
BEGIN
	CREATE TEMPORARY TABLE IF NOT EXISTS arriving (LIKE oracle.feed);
	TRUNCATE arriving;
	INSERT INTO arriving
	SELECT * FROM (SELECT * FROM oracle.feed AS f WHERE f.canonical_symbol = symbol AND f.ts_utc < until ORDER BY f.ts_utc) AS due
	WHERE random() < punctual;
	DELETE FROM oracle.feed AS f USING arriving AS a WHERE f.canonical_symbol = a.canonical_symbol AND f.ts_utc = a.ts_utc;
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
	SELECT canonical_symbol, '1m', ts_utc, open, high, low, close, vol, vwap, trade_count FROM arriving;
	GET DIAGNOSTICS arrived = ROW_COUNT;
	RETURN arrived;
END
$$;

-- A task for every timeframe, nothing processed yet.
CREATE FUNCTION oracle.make_tasks(symbol text, agg_start timestamptz, delay_seconds int DEFAULT 30,
	timeframes text[] DEFAULT ARRAY['5m', '15m', '30m', '1h', '4h', '1d', '1w'])
RETURNS void LANGUAGE sql AS $$
	INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, run_interval_minutes, aggregation_delay_seconds, agg_start_utc)
	SELECT symbol, tf, oracle.default_source(tf), oracle.width_seconds(tf) / 60, delay_seconds, agg_start FROM unnest(timeframes) AS tf
$$;
