-- The trigger functions believe the tables that they are for, and nobody else's; partitions have them whoever owns them; other names are names.
\ir ../pgtap/include/tap.psql
\ir ../pgtap/include/refusals.psql
SELECT no_plan();
CREATE ROLE aggregation_trigger_owner;
CREATE ROLE aggregation_trigger_feed;
GRANT CREATE ON SCHEMA public TO aggregation_trigger_owner;
CREATE TABLE data_bars (canonical_symbol text, timeframe text, ts_utc timestamptz, PRIMARY KEY (canonical_symbol, timeframe, ts_utc)) PARTITION BY RANGE (ts_utc);
DO $$ BEGIN PERFORM agg_setup(); END $$;
ALTER TABLE data_bars OWNER TO aggregation_trigger_owner;
GRANT USAGE ON SCHEMA probe TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO aggregation_trigger_feed;
CREATE FUNCTION logged() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.agg_change_log';

-- On tables of others, at other levels, for other events. (Whoever may execute the functions can try.)
GRANT EXECUTE ON FUNCTION agg_capture_changes, agg_note_timeframe TO PUBLIC;
SET ROLE aggregation_trigger_feed;
CREATE TEMPORARY TABLE forged (canonical_symbol text, timeframe text, ts_utc timestamptz, source_timeframe text);
CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON forged FOR EACH ROW EXECUTE FUNCTION agg_capture_changes();
SELECT probe.refuses($$INSERT INTO forged VALUES ('ANY', '1m', '2025-07-01')$$, '39P01', 'agg\_capture\_changes() is a trigger of "public.data\_bars"%not of "forged"', '%Drop%', 'rows of another table');
DROP TRIGGER t ON forged;
CREATE TRIGGER t BEFORE TRUNCATE ON forged FOR EACH STATEMENT EXECUTE FUNCTION agg_capture_changes();
SELECT probe.refuses('TRUNCATE forged', '39P01', '%not of "forged"', '%Drop%', 'another table emptied');
DROP TRIGGER t ON forged;
CREATE TRIGGER t AFTER INSERT ON forged FOR EACH STATEMENT EXECUTE FUNCTION agg_capture_changes();
SELECT probe.refuses($$INSERT INTO forged VALUES ('ANY', '1m', '2025-07-01')$$, '39P01', '%for each row%', '%Drop%', 'a statement has no row');
DROP TRIGGER t ON forged;
CREATE TRIGGER t BEFORE INSERT ON forged FOR EACH ROW EXECUTE FUNCTION agg_capture_changes();
SELECT probe.refuses($$INSERT INTO forged VALUES ('ANY', '1m', '2025-07-01')$$, '39P01', '%after INSERT%', '%Drop%', 'before a row is written');
DROP TRIGGER t ON forged;
CREATE TRIGGER t AFTER TRUNCATE ON forged FOR EACH STATEMENT EXECUTE FUNCTION agg_capture_changes();
SELECT probe.refuses('TRUNCATE forged', '39P01', '%before TRUNCATE%', '%Drop%', 'when it is too late');
DROP TRIGGER t ON forged;
CREATE TRIGGER t AFTER INSERT ON forged FOR EACH ROW EXECUTE FUNCTION agg_note_timeframe();
SELECT probe.refuses($$INSERT INTO forged VALUES ('ANY', 'junk', '2025-07-01', '1m')$$, '39P01', 'agg\_note\_timeframe() is a trigger of "public.data\_agg\_state"%', '%Drop%', 'timeframes of another table');
DROP TRIGGER t ON forged;
CREATE TRIGGER t AFTER INSERT ON forged FOR EACH STATEMENT EXECUTE FUNCTION agg_note_timeframe();
SELECT probe.refuses($$INSERT INTO forged VALUES ('ANY', 'junk', '2025-07-01', '1m')$$, '39P01', '%for each row%', '%Drop%', 'nor a statement''s');
DROP TRIGGER t ON forged;
CREATE TRIGGER t AFTER DELETE ON forged FOR EACH ROW EXECUTE FUNCTION agg_note_timeframe();
INSERT INTO forged VALUES ('ANY', 'junk', '2025-07-01', '1m');
SELECT probe.refuses('DELETE FROM forged', '39P01', '%after INSERT or UPDATE%', '%Drop%', 'nor of what is deleted');
CREATE VIEW pg_temp.door AS SELECT * FROM forged;
CREATE TRIGGER t INSTEAD OF INSERT ON pg_temp.door FOR EACH ROW EXECUTE FUNCTION agg_capture_changes();
SELECT probe.refuses($$INSERT INTO pg_temp.door VALUES ('ANY', '1m', '2025-07-01')$$, '39P01', '%after INSERT%', '%Drop%', 'instead of a row');
DROP VIEW pg_temp.door;
DROP TABLE forged;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION agg_capture_changes, agg_note_timeframe FROM PUBLIC;
SELECT is(logged(), 0::bigint, 'nothing of it is in the log');
SELECT is_empty('SELECT * FROM agg_timeframes', 'nor in the list of timeframes');

-- Their own table's types are looked at before a value is.
CREATE TABLE odd (canonical_symbol text, timeframe text, ts_utc interval);
CREATE SCHEMA kept;
ALTER TABLE data_bars SET SCHEMA kept;
ALTER TABLE odd RENAME TO data_bars;
CREATE TRIGGER t BEFORE TRUNCATE ON data_bars FOR EACH STATEMENT EXECUTE FUNCTION agg_capture_changes();
INSERT INTO data_bars VALUES ('X', '1m', '1 day');
SELECT probe.refuses('TRUNCATE data_bars', '42804', '%ts\_utc%', '%type%', 'an interval is no time');
DROP TRIGGER t ON data_bars;
CREATE TRIGGER t AFTER INSERT ON data_bars FOR EACH ROW EXECUTE FUNCTION agg_capture_changes();
SELECT probe.refuses($$INSERT INTO data_bars VALUES ('X', '1m', '1 day')$$, '42804', '%ts\_utc%', '%type%', 'nor is it in a row');
DROP TABLE data_bars;
ALTER TABLE kept.data_bars SET SCHEMA public;
DROP SCHEMA kept;

-- An owner who was never granted anything makes partitions, of any name.
SET ROLE aggregation_trigger_owner;
CREATE TABLE bars_1 PARTITION OF data_bars FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-07-02 00:00+00');
CREATE TABLE "bars $do$ %s %I '; DROP TABLE x; -- " PARTITION OF data_bars FOR VALUES FROM ('2025-07-02 00:00+00') TO ('2025-07-03 00:00+00');
CREATE TABLE bars_3 (LIKE data_bars INCLUDING ALL);
ALTER TABLE data_bars ATTACH PARTITION bars_3 FOR VALUES FROM ('2025-07-03 00:00+00') TO ('2025-07-04 00:00+00');
CREATE TABLE bars_4 PARTITION OF data_bars FOR VALUES FROM ('2025-07-04 00:00+00') TO ('2025-07-05 00:00+00') PARTITION BY RANGE (ts_utc);
CREATE TABLE bars_4_1 PARTITION OF bars_4 DEFAULT;
RESET ROLE;
SELECT is(count(*), 5::bigint, 'each partition has its trigger for TRUNCATE') FROM pg_trigger t WHERE t.tgname = 'aggregation_capture_truncate' AND t.tgrelid <> 'data_bars'::regclass;
SELECT is(count(*), 5::bigint, 'and the rows''') FROM pg_trigger t WHERE t.tgname = 'aggregation_capture' AND t.tgrelid <> 'data_bars'::regclass;
SET ROLE aggregation_trigger_owner;
ALTER TABLE data_bars DETACH PARTITION bars_3;
TRUNCATE bars_3;
RESET ROLE;
SELECT pass('what was detached is nobody''s partition, and emptied without a word');

-- Children that are no partitions.
CREATE SCHEMA plain;
DROP EXTENSION aggregation;
CREATE EXTENSION aggregation SCHEMA plain;
DO $$ BEGIN PERFORM plain.agg_setup(); END $$;
SELECT probe.refuses('CREATE TABLE plain.child () INHERITS (plain.data_bars)', '0A000', '%cannot inherit from "data\_bars"', '%partitions%', 'a child');
SELECT probe.refuses('CREATE TABLE plain.child () INHERITS (plain.derived_data_bars)', '0A000', '%cannot inherit from "derived\_data\_bars"', '%partitions%', 'of derived bars');
CREATE TABLE plain.child (LIKE plain.data_bars INCLUDING ALL);
SELECT probe.refuses('ALTER TABLE plain.child INHERIT plain.data_bars', '0A000', '%cannot inherit%', '%partitions%', 'later');
SELECT probe.refuses('CREATE SCHEMA other CREATE TABLE child () INHERITS (plain.data_bars)', '0A000', '%cannot inherit%', '%partitions%', 'in a schema of its own');
SELECT lives_ok('CREATE TABLE plain.grandchild () INHERITS (plain.child)', 'other tables may');
DROP TABLE plain.child CASCADE;

-- A type that changes is a change of all bars.
INSERT INTO plain.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('T', '1m', '2025-07-01 00:00+00', 1, 1, 1, 1);
DELETE FROM plain.agg_change_log;
ALTER TABLE plain.data_bars ALTER COLUMN close TYPE float8 USING close * 2;
SELECT is(symbols, '{T}', 'a column''s new type') FROM plain.agg_change_log;

-- A schema with percent signs. (PostgreSQL itself refuses quotes and dollars there.)
DROP EXTENSION aggregation;
CREATE SCHEMA "odd %s, %I";
CREATE EXTENSION aggregation SCHEMA "odd %s, %I";
SET search_path = "odd %s, %I", public;
CREATE TABLE "odd %s, %I".data_bars (canonical_symbol text, timeframe text, ts_utc timestamptz, PRIMARY KEY (canonical_symbol, timeframe, ts_utc)) PARTITION BY RANGE (ts_utc);
SELECT is_empty($$SELECT * FROM agg_setup() WHERE action = 'cannot mend' AND detail !~ 'no partition'$$, 'agg_setup() in a schema of an odd name');
CREATE TABLE july PARTITION OF data_bars FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-08-01 00:00+00');
SELECT is(count(*), 1::bigint, 'partitions, too') FROM pg_trigger t WHERE t.tgname = 'aggregation_capture_truncate' AND t.tgrelid = 'july'::regclass;
INSERT INTO july (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('T', '1m', '2025-07-01 00:00+00', 1, 1, 1, 1);
DROP TABLE july;
SELECT is(count(*), 1::bigint, 'and retention') FROM agg_sealed_ranges;
SELECT lives_ok('SELECT * FROM v_aggregation_truth', 'and the views');
RESET search_path;

SELECT * FROM finish();
DROP EXTENSION aggregation;
REASSIGN OWNED BY aggregation_trigger_owner TO postgres;
DROP OWNED BY aggregation_trigger_owner, aggregation_trigger_feed;
DROP ROLE aggregation_trigger_owner, aggregation_trigger_feed;
