-- We write as a table's owner, and so does whatever hangs on the table. Roles who are not the owner can hang code there as well: whoever owns a
-- partition, and whoever has the privilege TRIGGER. It does not run; it is named, and everything continues once it is removed.
\ir ../pgtap/include/tap.psql
\ir ../pgtap/include/refusals.psql
CREATE ROLE aggregation_stranger;
CREATE SCHEMA theirs AUTHORIZATION aggregation_stranger;
CREATE TABLE derived_data_bars (canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL, open float8 NOT NULL, high float8 NOT NULL, low float8 NOT NULL, close float8 NOT NULL, deleted_at timestamptz)
	PARTITION BY RANGE (ts_utc);
CREATE TABLE july PARTITION OF derived_data_bars FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-08-01 00:00+00');
CREATE TABLE data_bars (canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL, open float8, high float8, low float8, close float8, source text DEFAULT 'ingest', PRIMARY KEY (canonical_symbol, timeframe, ts_utc)) PARTITION BY RANGE (ts_utc);
CREATE TABLE minutes PARTITION OF data_bars FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-08-01 00:00+00');
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../pgtap/include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
SELECT world.task('A', '5m'), world.minutes('A', '2025-07-01 00:00+00', 60);
CREATE TABLE ran (who text);
GRANT ALL ON ran TO PUBLIC;
CREATE FUNCTION theirs.code() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.ran VALUES (current_user); RETURN NEW; END $$;
CREATE FUNCTION theirs.asks() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.ran VALUES (current_user); RETURN true; END $$;
ALTER FUNCTION theirs.code() OWNER TO aggregation_stranger;
ALTER FUNCTION theirs.asks() OWNER TO aggregation_stranger;
CREATE FUNCTION harmless() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION tried(what text, said text, obstacle text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE data_agg_state SET next_run_at = NULL;
	UPDATE data_bars SET high = high + 1 WHERE ts_utc = '2025-07-01 00:00+00';
	PERFORM agg_run_batch(p_now_utc => '2025-07-01 01:10+00');
	RETURN NEXT is_empty('SELECT * FROM ran', what || ': nothing runs');
	RETURN NEXT matches((SELECT last_error FROM data_agg_state), '^55000 ' || said, what || ': the task says it');
	RETURN NEXT is((SELECT hard_fail_streak FROM data_agg_state), 0, what || ': and is not parked');
	RETURN NEXT matches((SELECT string_agg(detail, ';') FROM agg_setup(true) WHERE object = obstacle), said, what || ': so does agg_setup()');
END
$$;
SELECT is_empty($$SELECT * FROM agg_setup(true) WHERE action <> 'offers'$$, 'nothing is in the way');

ALTER TABLE july OWNER TO aggregation_stranger;
SELECT tried('a partition of somebody else', 'partition "july" of table "derived_data_bars" belongs to "aggregation_stranger"', 'table derived_data_bars');
ALTER TABLE july OWNER TO CURRENT_USER;

GRANT TRIGGER ON derived_data_bars, july, data_agg_state, minutes TO aggregation_stranger;
SET ROLE aggregation_stranger;
CREATE TRIGGER code BEFORE INSERT OR UPDATE ON derived_data_bars FOR EACH ROW EXECUTE FUNCTION theirs.code();
RESET ROLE;
SELECT tried('a trigger', 'trigger "code" of table "derived_data_bars" runs a function of somebody', 'table derived_data_bars');
DROP TRIGGER code ON derived_data_bars;
SET ROLE aggregation_stranger;
CREATE TRIGGER code AFTER INSERT OR UPDATE ON derived_data_bars FOR EACH ROW WHEN (NEW.open > 0 AND theirs.asks()) EXECUTE FUNCTION harmless();
RESET ROLE;
SELECT tried('its condition', 'trigger "code" of table "derived_data_bars" runs a function of somebody', 'table derived_data_bars');
DROP TRIGGER code ON derived_data_bars;
SET ROLE aggregation_stranger;
CREATE TRIGGER code AFTER UPDATE ON data_agg_state FOR EACH STATEMENT EXECUTE FUNCTION theirs.code();
RESET ROLE;
SELECT matches((SELECT agg_run_batch(p_now_utc => '2025-07-01 01:20+00') ->> 'failures'), 'trigger ."code." of table ."data_agg_state." runs a function of somebody', 'on the tasks: the call says it');
SELECT is_empty('SELECT * FROM ran', 'on the tasks: nothing runs');
DROP TRIGGER code ON data_agg_state;

SET ROLE aggregation_stranger;
CREATE TRIGGER code BEFORE INSERT ON minutes FOR EACH ROW EXECUTE FUNCTION theirs.code();
RESET ROLE;
SELECT set_config('aggregation.tracking', 'off', false) \g /dev/null
ALTER TABLE minutes DISABLE TRIGGER code;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT s, '1m', '2025-07-01 00:00+00', 1, 1, 1, 1 FROM unnest('{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}'::text[]) AS s;
ALTER TABLE minutes ENABLE TRIGGER code;
RESET aggregation.tracking;
SELECT matches(calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:05+00') ->> 'error', 'trigger "code" of table "minutes" runs', 'on a partition of minutes: the index is not written');
SELECT is_empty('SELECT * FROM ran', 'on a partition of minutes: nothing runs');
DROP TRIGGER code ON minutes;

-- What does no harm is let be: a trigger that is off, a function with its owner's rights, one of somebody who may act as the table's owner, and one that he gave away.
SET ROLE aggregation_stranger;
CREATE TRIGGER code BEFORE INSERT OR UPDATE ON derived_data_bars FOR EACH ROW EXECUTE FUNCTION theirs.code();
RESET ROLE;
CREATE FUNCTION goes_on(what text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE data_agg_state SET next_run_at = NULL;
	UPDATE data_bars SET high = high + 1 WHERE ts_utc = '2025-07-01 00:00+00';
	PERFORM agg_run_batch(p_now_utc => '2025-07-01 01:10+00');
	RETURN NEXT is((SELECT last_error FROM data_agg_state), NULL, what || ': the bars are written');
	RETURN NEXT is_empty('SELECT * FROM agg_verify()', what || ': all right');
END
$$;
ALTER TABLE derived_data_bars DISABLE TRIGGER code;
SELECT goes_on('disabled');
ALTER TABLE derived_data_bars ENABLE TRIGGER code;
ALTER FUNCTION theirs.code() SECURITY DEFINER;
GRANT USAGE ON SCHEMA theirs TO PUBLIC;
SELECT goes_on('with the rights of its owner');
SELECT is(array_agg(DISTINCT who), '{aggregation_stranger}', 'as whom it runs') FROM ran;
ALTER FUNCTION theirs.code() SECURITY INVOKER;
ALTER FUNCTION theirs.code() OWNER TO CURRENT_USER;
SELECT goes_on('given away');
ALTER FUNCTION theirs.code() OWNER TO aggregation_stranger;
ALTER ROLE aggregation_stranger SUPERUSER;
SELECT goes_on('a superuser''s');
ALTER ROLE aggregation_stranger NOSUPERUSER;
TRUNCATE ran;
SELECT tried('no longer', 'trigger "code"', 'table derived_data_bars');
DROP TABLE derived_data_bars CASCADE;
DROP SCHEMA theirs CASCADE;
DROP OWNED BY aggregation_stranger CASCADE;
DROP ROLE aggregation_stranger;
SELECT * FROM finish();
