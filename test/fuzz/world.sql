-- A small world to call functions in, and a caller: fuzz.calls(seed, n) calls functions of the extension with values from a cabinet of
-- horrors, each in a subtransaction of its own, half of which are undone, and counts what they say.
CREATE EXTENSION aggregation;
SELECT FROM agg_setup();
CREATE SCHEMA fuzz;
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('EURUSD', '{}'), ('DXY', '{"agg": {"mandatory": ["5m"], "optional": ["4h", "1w"]}}'), ('it''s "odd"', '{"agg": {"mandatory": ["1d"]}}');
SELECT sync_agg_state_from_registry();
CREATE PROCEDURE fuzz.minutes(first timestamptz, n int) LANGUAGE sql AS $$
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
	SELECT s, '1m', first + make_interval(mins => m), 1, 2, 0.5, 1.5, 10, 1, 3
	FROM unnest('{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF,"it''s \"odd\""}'::text[]) AS s, generate_series(0, n - 1) AS m ON CONFLICT DO NOTHING
$$;
CALL fuzz.minutes('2025-07-01', 3000);
CREATE TABLE fuzz.said (what text, state text, how_often bigint, example text, message text, PRIMARY KEY (what, state));

-- One of the values of a type, as a literal.
CREATE FUNCTION fuzz.value(type regtype) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	list text[];
	picked text;
BEGIN
	list := CASE type::text
		WHEN 'text' THEN ARRAY['EURUSD', 'EURUSD', 'DXY', 'USDJPY', 'it''s "odd"', 'NOBODY', '5m', '5m', '1h', '1h', '4h', '1w', '1m', '99999w', '5200w', '0m', '60m', '', ' ', '%s%n$1@', repeat('x', 255), repeat('ä', 300),
			repeat('long', 50000), 'prod', 'TEST', 'cron', 'manual', 'transient', 'freeze', 'recompute', '{}', gen_random_uuid()::text, '00000000-0000-0000-0000-000000000000', E'line\nbreak\ttab', 'DROP TABLE data_bars; --', '2025-07-01', '* * * * *']
		WHEN 'timestamp with time zone' THEN ARRAY['infinity', '-infinity', '4713-01-01 00:00+00 BC', '4714-11-24 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00', '200000-01-01 00:00+00', '0001-01-01 00:00+00', '1970-01-01 00:00+00', '2000-01-01 00:00+00',
			'2025-07-01 00:00+00', '2025-07-01 05:00+00', '2025-07-02 00:00+00', '2025-07-02 12:34:56.789+00', '2025-07-03 00:00+00', '2025-07-07 00:00+00', '2025-09-01 00:00+00', '2026-01-01 00:00:00.000001+00']
		WHEN 'integer' THEN ARRAY['0', '1', '1', '2', '10', '100', '-1', '1000', '2147483647', '-2147483648']
		WHEN 'bigint' THEN ARRAY['0', '1', '7', '-1', '9223372036854775807', '-9223372036854775808']
		WHEN 'double precision' THEN ARRAY['0', '1', '0.01', '0.5', '-1', 'NaN', 'Infinity', '1e-320', '1e308']
		WHEN 'candlestick' THEN ARRAY['open 1 at 2025-07-01, high 2 at 2025-07-01, low 1 at 2025-07-01, close 2 at 2025-07-01', 'open -1 at -infinity, high 1e308 at infinity, low -1e308 at infinity, close 1 at infinity, trades 170141183460469231731687303715884105727, volume 1.7976931348623157e308 + 1e-320, other volume 1.7976931348623157e308, turnover too large']
		WHEN 'boolean' THEN ARRAY['true', 'false']
		WHEN 'interval' THEN ARRAY['0', '1 second', '10 seconds', '-1 second', '30 days', '1 month', '100000000 years', '-100000000 years', '1 microsecond']
		WHEN 'regclass' THEN ARRAY['fuzz.ticks', 'fuzz.ticks', 'data_bars', 'agg_tick_log', 'v_aggregation_truth', 'pg_catalog.pg_class', '4294967295']
		WHEN 'uuid' THEN ARRAY['00000000-0000-0000-0000-000000000000', gen_random_uuid()::text]
		WHEN 'jsonb' THEN ARRAY['{}', '[]', 'null', '1', '"x"', '{"windows_processed": 5, "bars_created": -1}', '{"bars_created": 1e400}', '{"bars_created": "many", "bars_quality_poor": [1]}', '{"a": {"b": [1, 2, {"c": null}]}}',
			json_build_object('k', repeat('v', 100000))::text]
		WHEN 'text[]' THEN ARRAY['{}', '{EURUSD}', '{5m,1h}', '{NULL}', '{EURUSD,NOBODY,EURUSD}', '{{a,b},{c,d}}', '{"",x}']
		WHEN 'timestamp with time zone[]' THEN ARRAY['{}', '{2025-07-01 00:00+00}', '{infinity,NULL}']
		WHEN 'jsonb[]' THEN ARRAY['{}']
	END;
	picked := list[1 + floor(random() * cardinality(list))::int];
	IF picked IS NULL OR random() < 0.06 THEN
		RETURN 'NULL::' || type;
	END IF;
	RETURN quote_literal(picked) || '::' || type;
END
$$;

CREATE TABLE fuzz.ticks (ts timestamptz, symbol text, price float8, size float8);

-- A call, as text. Arguments with defaults are left out now and then, from the last one on.
CREATE FUNCTION fuzz.call() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	f record;
	given int;
	arguments text;
BEGIN
	SELECT p.oid::regproc AS name, p.pronargs, p.pronargdefaults, p.proargtypes INTO f
	FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension AS e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
	WHERE e.extname = 'aggregation' AND p.prokind = 'f' AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
		AND NOT 'internal'::regtype = ANY (p.proargtypes::oid[])
	ORDER BY random() LIMIT 1;
	given := f.pronargs - CASE WHEN random() < 0.5 THEN floor(random() * (f.pronargdefaults + 1))::int ELSE 0 END;
	SELECT string_agg(fuzz.value(f.proargtypes[i]::regtype), ', ' ORDER BY i) INTO arguments FROM generate_series(0, given - 1) AS i;
	RETURN format('SELECT count(*) FROM (SELECT * FROM %s(%s)) AS rows', f.name, arguments);
END
$$;

CREATE FUNCTION fuzz.note(what text, called text, code text, message text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO fuzz.said VALUES (what, code, 1, left(called, 2000), message) ON CONFLICT ON CONSTRAINT said_pkey DO UPDATE SET how_often = said.how_often + 1
$$;

CREATE FUNCTION fuzz.calls(seed float8, n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	called text;
	what text;
	code text;
	text_of_error text;
	kept boolean;
BEGIN
	PERFORM setseed(seed);
	FOR i IN 1 .. n LOOP
		called := fuzz.call();
		what := substring(called FROM 'FROM \(SELECT \* FROM ([a-z0-9_.]+)');
		kept := random() < 0.5;
		code := '00000';
		text_of_error := NULL;
		BEGIN
			EXECUTE called;
			IF NOT kept THEN RAISE SQLSTATE 'ZZUND'; END IF;
		EXCEPTION
			WHEN SQLSTATE 'ZZUND' THEN NULL;
			WHEN OTHERS OR query_canceled OR assert_failure THEN
				GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, text_of_error = MESSAGE_TEXT;
		END;
		PERFORM fuzz.note(what, called, code, text_of_error);
	END LOOP;
END
$$;
