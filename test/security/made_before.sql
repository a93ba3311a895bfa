-- Whoever may create in the schema was there before agg_setup(): views and tables of the extension's names that are his. A superuser's agg_setup() does not
-- leave him what others read or what the extension believes.
\ir ../pgtap/include/tap.psql
\ir ../pgtap/include/refusals.psql
SELECT no_plan();
\ir include/diary.psql
CREATE ROLE aggregation_early;
CREATE ROLE aggregation_friend;
GRANT CREATE ON SCHEMA public TO aggregation_early, aggregation_friend;
SET ROLE aggregation_early;
CREATE VIEW v_aggregation_frontier_health AS SELECT spy.note('health') AS canonical_symbol, 1 AS hard_fail_streak;
CREATE VIEW v_aggregation_truth AS SELECT spy.note('truth') AS audit_status, '{}'::text[] AS intruders;
CREATE TABLE agg_change_log (logged_at timestamptz NOT NULL DEFAULT now(), symbols text[] NOT NULL, from_utc timestamptz[] NOT NULL, to_utc timestamptz[] NOT NULL, row_counts bigint[] NOT NULL);
CREATE TABLE agg_dirty_ranges (canonical_symbol text NOT NULL);
RESET ROLE;
TRUNCATE spy.diary;

CREATE TEMPORARY TABLE planned AS SELECT * FROM agg_setup(true);
CREATE TEMPORARY TABLE done AS SELECT * FROM agg_setup();
SELECT set_eq($$SELECT object, action FROM planned WHERE object LIKE 'view %'$$, $$VALUES ('view v_aggregation_frontier_health', 'would replace'), ('view v_aggregation_truth', 'would replace'), ('view v_aggregation_unread_bars', 'would create'), ('view v_aggregation_completeness', 'would create'), ('view v_aggregation_consumers', 'would create'), ('view v_aggregation_tick_sources', 'would create'), ('view v_aggregation_lag', 'would create'), ('view v_aggregation_quality', 'would create'), ('view v_aggregation_alerts', 'would create'), ('view v_aggregation_metrics', 'would create'), ('view v_aggregation_retention', 'would create')$$, 'a dry run says that his views would be replaced');
SELECT set_eq($$SELECT object, action FROM done WHERE object LIKE 'view %'$$, $$VALUES ('view v_aggregation_frontier_health', 'replaced'), ('view v_aggregation_truth', 'replaced'), ('view v_aggregation_unread_bars', 'created'), ('view v_aggregation_completeness', 'created'), ('view v_aggregation_consumers', 'created'), ('view v_aggregation_tick_sources', 'created'), ('view v_aggregation_lag', 'created'), ('view v_aggregation_quality', 'created'), ('view v_aggregation_alerts', 'created'), ('view v_aggregation_metrics', 'created'), ('view v_aggregation_retention', 'created')$$, 'his views are replaced');
SELECT is_empty($$SELECT c.relname FROM pg_class c WHERE c.relname LIKE 'v\_aggregation%' AND c.relnamespace = 'public'::regnamespace AND c.relowner = 'aggregation_early'::regrole$$, 'and are not his any more');
SELECT set_eq($$SELECT object, action, detail ~ 'aggregation_early.*OWNER TO' FROM done WHERE detail ~ 'belongs to'$$, $$VALUES ('table agg_change_log', 'cannot mend', true), ('table agg_dirty_ranges', 'cannot mend', true)$$, 'his tables are named: whose they are, and what to do');
SELECT ok(intruders @> '{owner aggregation_early on agg_change_log,owner aggregation_early on agg_dirty_ranges}', 'the health view names them, too') FROM v_aggregation_truth;
SELECT count(*) FROM v_aggregation_frontier_health \g /dev/null
SELECT is_empty('SELECT * FROM spy.diary', 'nothing of his ran');
SELECT set_eq($$SELECT DISTINCT object FROM agg_setup()$$, '{table agg_change_log,table agg_dirty_ranges}'::text[], 'a second call names what is left, and nothing else');
ALTER TABLE agg_change_log OWNER TO postgres;
ALTER TABLE agg_dirty_ranges OWNER TO postgres;
SELECT is_empty('SELECT * FROM agg_setup()', 'with other owners all is well');
SELECT is(intruders, '{}', 'and the view says so') FROM v_aggregation_truth;

-- Something of his reads his view: dropping is not ours to decide.
ALTER VIEW v_aggregation_frontier_health OWNER TO aggregation_early;
CREATE VIEW reads_it AS SELECT * FROM v_aggregation_frontier_health;
SELECT results_eq($$SELECT object, action, detail ~ 'reads_it.*look at' FROM agg_setup()$$, $$VALUES ('view v_aggregation_frontier_health', 'cannot mend', true)$$, 'a view that is read by another one is left, and named');
DROP VIEW reads_it;
SELECT is(action, 'replaced', 'without it it is replaced') FROM agg_setup();

-- Whoever has the rights of a superuser or of the extension's owner is trusted, and so is the caller.
GRANT postgres TO aggregation_friend;
ALTER VIEW v_aggregation_frontier_health OWNER TO aggregation_friend;
ALTER TABLE agg_audit OWNER TO aggregation_friend;
SELECT is_empty('SELECT * FROM agg_setup()', 'who has a superuser''s rights is trusted');
SELECT is(intruders, '{}', 'and no intruder') FROM v_aggregation_truth;
REVOKE postgres FROM aggregation_friend;
SELECT set_eq($$SELECT object, action FROM agg_setup(true)$$, $$VALUES ('view v_aggregation_frontier_health', 'would replace'), ('table agg_audit', 'cannot mend')$$, 'who has them no longer is not');
GRANT EXECUTE ON FUNCTION agg_setup TO aggregation_friend;
SET ROLE aggregation_friend;
SELECT is_empty('SELECT * FROM agg_setup(true)', 'the caller trusts himself');
RESET ROLE;
ALTER VIEW v_aggregation_frontier_health OWNER TO postgres;

-- Whoever owns what the own tables serve may own these, too: an application's role that has run agg_setup() itself.
ALTER TABLE data_bars OWNER TO aggregation_friend;
ALTER TABLE derived_data_bars OWNER TO aggregation_friend;
SELECT isnt_empty('SELECT * FROM agg_setup(true)', 'a part of it is not enough');
ALTER TABLE data_agg_state OWNER TO aggregation_friend;
SELECT is_empty('SELECT * FROM agg_setup(true)', 'whose tables all are, his own tables are');
SELECT is(intruders, '{}', 'and he is no intruder') FROM v_aggregation_truth;
ALTER TABLE data_bars OWNER TO postgres;
ALTER TABLE derived_data_bars OWNER TO postgres;
ALTER TABLE data_agg_state OWNER TO postgres;
ALTER TABLE agg_audit OWNER TO postgres;

-- A view that says something else is replaced, whichever it is; the same text is left alone.
CREATE OR REPLACE VIEW v_aggregation_frontier_health AS SELECT canonical_symbol, timeframe, NULL::text AS source_timeframe, status, enabled, is_mandatory, last_agg_bar_ts_utc AS cursor,
	NULL::timestamptz AS max_source_ts, 'OK'::text AS cursor_status, total_runs, total_bars_created, NULL::numeric AS bars_per_run, last_successful_at_utc, NULL::numeric AS minutes_since_success, hard_fail_streak, last_error, false AS source_before_start, total_windows_skipped, total_source_rows_refused FROM data_agg_state;
GRANT SELECT ON v_aggregation_frontier_health TO aggregation_friend;
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('view v_aggregation_frontier_health', 'replaced')$$, 'a view that lies is replaced');
SELECT ok(has_table_privilege('aggregation_friend', 'v_aggregation_frontier_health', 'SELECT'), 'in its place: who could read it still can');
DROP VIEW v_aggregation_truth;
CREATE VIEW v_aggregation_truth AS SELECT 1 AS something, 'OK'::text AS audit_status;
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('view v_aggregation_truth', 'replaced')$$, 'one with other columns, too');
SELECT is(intruders, '{}', 'and is ours') FROM v_aggregation_truth;
DROP VIEW v_aggregation_truth;
CREATE TABLE v_aggregation_truth (audit_status text);
SELECT results_eq($$SELECT object, action, detail ~ 'not a view' FROM agg_setup()$$, $$VALUES ('view v_aggregation_truth', 'cannot mend', true)$$, 'a table in a view''s place is named');
DROP TABLE v_aggregation_truth;
SELECT is(count(*), 1::bigint, 'and gone, the view is made') FROM agg_setup();
SELECT is_empty($$SELECT relname FROM pg_class WHERE relname ~ '^v_aggregation_[0-9a-f]{32}$'$$, 'nothing is left of comparing');

-- What hangs on an own table by other ways than a trigger is named as well.
CREATE INDEX spy_index ON agg_audit ((spy.note_immutable('index', details::text)));
CREATE INDEX spy_part ON agg_refused_ranges (canonical_symbol) WHERE spy.note_immutable('part', canonical_symbol) = 'x';
ALTER TABLE agg_sealed_ranges ADD CONSTRAINT spy_check CHECK (spy.note_immutable('check', reason) <> 'x');
ALTER TABLE agg_timeframes ADD COLUMN spy_generated text GENERATED ALWAYS AS (spy.note_immutable('generated', timeframe)) STORED;
SELECT set_eq($$SELECT object, substring(detail FROM '^(.*) "[^"]*" does not belong') FROM agg_setup(true) WHERE action = 'cannot mend'$$,
	$$VALUES ('table agg_audit', 'index'), ('table agg_refused_ranges', 'index'), ('table agg_sealed_ranges', 'constraint'), ('table agg_timeframes', 'generated column')$$, 'agg_setup() names indexes over expressions, checks and generated columns');
SELECT is(intruders, '{index spy_index on agg_audit,index spy_part on agg_refused_ranges,constraint spy_check on agg_sealed_ranges,generated column spy_generated on agg_timeframes}', 'and so does the health view') FROM v_aggregation_truth;

SELECT * FROM finish();
REASSIGN OWNED BY aggregation_early, aggregation_friend TO postgres;
DROP OWNED BY aggregation_early, aggregation_friend;
DROP ROLE aggregation_early;
DROP ROLE aggregation_friend;
