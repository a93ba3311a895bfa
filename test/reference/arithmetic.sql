-- Double precision without its errors. PostgreSQL's operators raise 22003 where a result is too large, or so small that it becomes zero;
-- the processor gives an infinity or a zero and goes on. A sum that has become infinite (or NaN, from two infinities) stays so, and
-- oracle.finite() tells that in the end.

CREATE FUNCTION oracle.finite(x float8) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT x IS NOT NULL AND x NOT IN ('NaN', 'Infinity', '-Infinity')
$$;

CREATE FUNCTION oracle.plus(a float8, b float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN a + b;
EXCEPTION WHEN numeric_value_out_of_range THEN -- only too large: a sum of two doubles never underflows
	RETURN CASE WHEN a > 0 THEN 'Infinity'::float8 ELSE '-Infinity'::float8 END;
END
$$;

CREATE FUNCTION oracle.times(a float8, b float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN a * b;
EXCEPTION WHEN numeric_value_out_of_range THEN
	IF abs(a) > 1 AND abs(b) > 1 THEN
		RETURN CASE WHEN (a > 0) = (b > 0) THEN 'Infinity'::float8 ELSE '-Infinity'::float8 END;
	END IF;
	RETURN CASE WHEN (a > 0) = (b > 0) THEN 0::float8 ELSE '-0'::float8 END;
END
$$;

-- b > 0.
CREATE FUNCTION oracle.divide(a float8, b float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN a / b;
EXCEPTION WHEN numeric_value_out_of_range THEN
	IF abs(a) > b THEN
		RETURN CASE WHEN a > 0 THEN 'Infinity'::float8 ELSE '-Infinity'::float8 END;
	END IF;
	RETURN CASE WHEN a > 0 THEN 0::float8 ELSE '-0'::float8 END;
END
$$;
