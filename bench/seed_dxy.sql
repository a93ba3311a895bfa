-- The baseline for the index: one SQL statement in PL/pgSQL, the old system's own. One thing is repaired: the count of skipped minutes was a
-- second statement that named parts of the first one, which are out of its scope, so that every call failed; here it is counted in the
-- same pass. It reads and writes a copy of the bars, seed.data_bars.

CREATE FUNCTION seed.calc_dxy_range_1m(
	p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1
)
RETURNS jsonb
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = seed
AS $$
DECLARE
	v_inserted int := 0;
	v_updated int := 0;
	v_skipped int := 0;
BEGIN
	IF p_from_utc >= p_to_utc THEN
		RAISE EXCEPTION 'Invalid range: from >= to';
	END IF;

	WITH base_timestamps AS (
		SELECT DISTINCT ts_utc
		FROM data_bars
		WHERE timeframe = '1m'
			AND ts_utc >= p_from_utc
			AND ts_utc < p_to_utc
			AND canonical_symbol IN ('EURUSD','USDJPY','GBPUSD','USDCAD','USDSEK','USDCHF')
	),
	fx_prices AS (
		SELECT
			b.ts_utc,
			MAX(d.close) FILTER (WHERE d.canonical_symbol='EURUSD') eurusd,
			MAX(d.close) FILTER (WHERE d.canonical_symbol='USDJPY') usdjpy,
			MAX(d.close) FILTER (WHERE d.canonical_symbol='GBPUSD') gbpusd,
			MAX(d.close) FILTER (WHERE d.canonical_symbol='USDCAD') usdcad,
			MAX(d.close) FILTER (WHERE d.canonical_symbol='USDSEK') usdsek,
			MAX(d.close) FILTER (WHERE d.canonical_symbol='USDCHF') usdchf
		FROM base_timestamps b
		JOIN data_bars d ON d.ts_utc = b.ts_utc AND d.timeframe='1m'
			AND d.canonical_symbol IN ('EURUSD','USDJPY','GBPUSD','USDCAD','USDSEK','USDCHF')
		GROUP BY b.ts_utc
	),
	valid_tuples AS (
		SELECT *
		FROM fx_prices
		WHERE eurusd>0 AND eurusd IS NOT NULL
			AND usdjpy>0 AND usdjpy IS NOT NULL
			AND gbpusd>0 AND gbpusd IS NOT NULL
			AND usdcad>0 AND usdcad IS NOT NULL
			AND usdsek>0 AND usdsek IS NOT NULL
			AND usdchf>0 AND usdchf IS NOT NULL
	),
	dxy_bars AS (
		SELECT
			ts_utc,
			(
				50.14348112
				* exp(-0.576*ln(eurusd))
				* exp(0.136*ln(usdjpy))
				* exp(-0.119*ln(gbpusd))
				* exp(0.091*ln(usdcad))
				* exp(0.042*ln(usdsek))
				* exp(0.036*ln(usdchf))
			)::DECIMAL(20,8) dxy_price
		FROM valid_tuples
	),
	upserted AS (
		INSERT INTO data_bars (
			canonical_symbol, timeframe, ts_utc, open, high, low, close,
			vol, vwap, trade_count, is_partial, source, ingested_at, raw,
			created_at, updated_at
		)
		SELECT
			'DXY', '1m', ts_utc, dxy_price, dxy_price, dxy_price, dxy_price,
			0, NULL, 0, false, 'synthetic', NOW(),
			jsonb_build_object('kind','dxy', 'version',p_derivation_version),
			NOW(), NOW()
		FROM dxy_bars
		ON CONFLICT (canonical_symbol, timeframe, ts_utc)
		DO UPDATE SET
			open=EXCLUDED.open, high=EXCLUDED.high, low=EXCLUDED.low,
			close=EXCLUDED.close, source='synthetic', updated_at=NOW()
		RETURNING (xmax=0) is_insert
	)
	SELECT
		COUNT(*) FILTER (WHERE is_insert),
		COUNT(*) FILTER (WHERE NOT is_insert),
		(SELECT COUNT(*) FROM base_timestamps) - (SELECT COUNT(*) FROM valid_tuples)
	INTO v_inserted, v_updated, v_skipped
	FROM upserted;

	RETURN jsonb_build_object(
		'success', true,
		'inserted', COALESCE(v_inserted, 0),
		'updated', COALESCE(v_updated, 0),
		'skipped', COALESCE(v_skipped, 0),
		'version', p_derivation_version
	);

EXCEPTION WHEN OTHERS THEN
	RETURN jsonb_build_object('success',false, 'error',SQLERRM);
END;
$$;
