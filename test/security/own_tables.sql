-- The extension's own tables are nobody else's business: what hangs there is named by agg_setup() and in the health view, is refused by what works, and does
-- the feed no harm.
\ir ../pgtap/include/tap.psql
\ir ../pgtap/include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../pgtap/include/market.psql
SELECT no_plan();
\ir include/diary.psql
CREATE ROLE aggregation_own_owner;
GRANT CREATE ON SCHEMA public TO aggregation_own_owner;
SELECT world.task('EURUSD', '5m');
INSERT INTO agg_change_log (symbols, from_utc, to_utc, row_counts) SELECT ARRAY[repeat('N', 200) || i], '{2025-05-05}', '{2025-05-06}', '{1}' FROM generate_series(1, 300) AS i;
SELECT format('ALTER TABLE %I OWNER TO aggregation_own_owner', c.relname) FROM pg_class c WHERE c.relname ~ '^agg_' AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace \gexec
SET ROLE aggregation_own_owner;
CREATE TRIGGER spy_before BEFORE INSERT ON agg_change_log FOR EACH ROW EXECUTE FUNCTION spy.tell();
CREATE TRIGGER spy_after AFTER INSERT ON agg_change_log FOR EACH ROW EXECUTE FUNCTION spy.tell();
CREATE CONSTRAINT TRIGGER spy_late AFTER INSERT ON agg_change_log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION spy.tell();
CREATE TRIGGER spy_statement AFTER INSERT ON agg_change_log FOR EACH STATEMENT EXECUTE FUNCTION spy.tell();
CREATE RULE spy_rule AS ON INSERT TO agg_change_log DO ALSO SELECT spy.note('rule');
ALTER TABLE agg_change_log ADD COLUMN by_default int DEFAULT spy.note_default('default'), ADD CONSTRAINT by_check CHECK (spy.note('check') AND false) NOT VALID,
	ADD COLUMN generated text GENERATED ALWAYS AS (spy.note_immutable('generated', 'x')) STORED;
CREATE POLICY spy ON agg_change_log USING (spy.note('policy'));
ALTER TABLE agg_change_log ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
RESET ROLE;
TRUNCATE spy.diary;

-- A feed does not notice.
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 10);
SELECT is(count(*), 301::bigint, 'the bars are written, and logged') FROM agg_change_log;
SELECT is_empty('SELECT * FROM spy.diary', 'nothing of anybody''s ran');
-- Nor does one whose log has become large: nobody drains it, and that is all.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EURUSD', '1m', '2025-07-01 01:00+00', 1, 1, 1, 1);
SET aggregation.change_log_size = '64 kB';
SELECT count(*) AS before FROM agg_change_log \gset
SELECT format('UPDATE data_bars SET close = %s WHERE ts_utc = %L', 100 + i, '2025-07-01 01:00+00') FROM generate_series(1, 70) AS i \gexec
SELECT is(count(*), :before + 70::bigint, 'a writer who cannot work the log off writes his bars all the same') FROM agg_change_log;
SELECT is_empty('SELECT * FROM spy.diary', 'still nothing of anybody''s ran');
-- What works says what is in the way, and so do agg_setup() and the view.
SELECT probe.refuses($$SELECT agg_run_batch(p_now_utc => '2025-07-02')$$, '0A000', '%agg\_change\_log" has rules%', '%Drop%', 'a rule');
DROP RULE spy_rule ON agg_change_log;
SELECT probe.refuses($$SELECT agg_run_batch(p_now_utc => '2025-07-02')$$, '55000', '%"agg\_change\_log" has a trigger that is not the extension''s%', '%Remove%', 'a trigger');
SELECT is_empty('SELECT * FROM spy.diary WHERE NOT restricted', 'nothing ran unrestricted');
SELECT set_eq($$SELECT substring(detail FROM '^([a-z ]+) "') FROM agg_setup(true) WHERE action = 'cannot mend' AND object = 'table agg_change_log' AND detail ~ 'does not belong'$$, '{trigger,policy,"row security",constraint,"generated column"}'::text[], 'agg_setup() names them');
SELECT ok(intruders @> '{trigger spy_after on agg_change_log,policy spy on agg_change_log}', 'the health view, too') FROM v_aggregation_truth;
DROP TRIGGER spy_before ON agg_change_log;
DROP TRIGGER spy_after ON agg_change_log;
DROP TRIGGER spy_late ON agg_change_log;
DROP TRIGGER spy_statement ON agg_change_log;
SELECT probe.refuses($$SELECT agg_run_batch(p_now_utc => '2025-07-02')$$, '55000', '%"agg\_change\_log" has row security%', '%Remove%', 'row security');
DROP POLICY spy ON agg_change_log;
ALTER TABLE agg_change_log DISABLE ROW LEVEL SECURITY, DROP CONSTRAINT by_check, DROP COLUMN generated;
SELECT is(agg_run_batch(p_now_utc => '2025-07-02') ->> 'success', 'true', 'without them all is well');
SELECT is_empty($$SELECT i FROM v_aggregation_truth, unnest(intruders) AS i WHERE i NOT LIKE 'owner aggregation\_own\_owner on agg\_%'$$, 'and the view names nothing but the owner') FROM v_aggregation_truth;

-- Each of the others: whoever needs it is refused, or not in need of it.
CREATE FUNCTION everything() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	s text;
BEGIN
	FOREACH s IN ARRAY ARRAY[$s$SELECT sync_agg_state_from_registry('prod', '2025-07-01')$s$, $s$SELECT agg_run_batch(p_now_utc => '2025-07-03')$s$, $s$SELECT agg_verify_sample(1)$s$,
		$s$SELECT agg_seal_range('EURUSD', '2025-07-01 00:00+00', '2025-07-01 00:05+00')$s$, $s$SELECT agg_mark_changed('EURUSD', '2025-07-01 00:00+00', '2025-07-01 00:10+00')$s$,
		$s$SELECT agg_run_batch(p_now_utc => '2025-07-03')$s$, $s$INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe) VALUES ('N', '7m', '1m')$s$,
		$s$UPDATE data_bars SET close = close + 1$s$, $s$SELECT agg_run_batch(p_now_utc => '2025-07-03')$s$] LOOP
		PERFORM probe.attempt(s);
	END LOOP;
END
$$;
SELECT format('CREATE TRIGGER spy BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION spy.tell()', c.relname) FROM pg_class c WHERE c.relname ~ '^agg_' AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace \gexec
TRUNCATE spy.diary;
SELECT everything();
SELECT is_empty('SELECT DISTINCT what, who FROM spy.diary', 'no trigger on any table of the extension''s own fires by its writes');
SELECT format('DROP TRIGGER spy ON %I', c.relname) FROM pg_class c WHERE c.relname ~ '^agg_' AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace \gexec

-- An index whose expression runs SQL as soon as the table is opened for writing: the feed's commit has a snapshot for it, and its code runs as its owner.
CREATE FUNCTION spy.one() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM spy.note('opened'); RETURN 1; END $$;
SET ROLE aggregation_own_owner;
CREATE INDEX spy_opened ON agg_change_log ((cardinality(symbols) + spy.one()));
RESET ROLE;
TRUNCATE spy.diary;
ALTER INDEX spy_opened SET (fillfactor = 90); -- so that the session forgets what it knows of the expression
BEGIN;
SELECT world.minutes('EURUSD', '2025-07-09 00:00+00', 3) \g /dev/null
COMMIT;
SELECT is(count(*), 3::bigint, 'a feed writes as always') FROM data_bars WHERE ts_utc >= '2025-07-09';
SELECT cmp_ok(count(*), '>', 0::bigint, 'the index''s code ran') FROM spy.diary WHERE what = 'opened';
SELECT is_empty($$SELECT * FROM spy.diary WHERE what = 'opened' AND (who <> 'aggregation_own_owner' OR NOT restricted)$$, 'as its owner, restricted');
DROP INDEX spy_opened;

-- A view of an older version learns to tell.
DROP VIEW v_aggregation_truth;
CREATE VIEW v_aggregation_truth AS SELECT 'OK'::text AS audit_status;
SELECT is(action, 'replaced', 'an older view is replaced') FROM agg_setup() WHERE object = 'view v_aggregation_truth';
SELECT is(cardinality(intruders), 24, 'and knows the new column') FROM v_aggregation_truth;

SELECT * FROM finish();
REASSIGN OWNED BY aggregation_own_owner TO postgres;
DROP OWNED BY aggregation_own_owner;
DROP ROLE aggregation_own_owner;
