-- What agg_setup() replaces: triggers that are not defined as they should be; views that say something else, without taking anybody's right.
BEGIN;
SELECT plan(17);
SELECT count(*) AS made FROM agg_setup() \gset
CREATE ROLE aggregation_reader;

CREATE OR REPLACE TRIGGER aggregation_tasks_changed AFTER UPDATE OF agg_start_utc ON data_agg_state FOR EACH ROW EXECUTE FUNCTION agg_note_task_change();
SELECT results_eq('SELECT object, action FROM agg_setup(true)', $$VALUES ('trigger aggregation_tasks_changed', 'would replace')$$, 'a trigger for fewer columns is found');
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('trigger aggregation_tasks_changed', 'replaced')$$, 'and replaced');
SELECT is((SELECT array_length(tgattr::int2[], 1) FROM pg_trigger WHERE tgname = 'aggregation_tasks_changed'), 6, 'it fires for all columns that matter');
SELECT is((SELECT count(*) FROM pg_depend d JOIN pg_trigger t ON t.oid = d.objid WHERE d.classid = 'pg_trigger'::regclass AND t.tgname = 'aggregation_tasks_changed'
	AND d.deptype = 'x'), 1::bigint, 'and goes with the extension');
CREATE OR REPLACE TRIGGER aggregation_capture AFTER INSERT ON data_bars FOR EACH ROW EXECUTE FUNCTION agg_capture_changes();
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('trigger aggregation_capture', 'replaced')$$, 'so is one for fewer events');

GRANT SELECT ON v_aggregation_truth TO aggregation_reader WITH GRANT OPTION;
CREATE OR REPLACE VIEW v_aggregation_truth AS SELECT v.* FROM (SELECT * FROM v_aggregation_frontier_health LIMIT 0) AS h RIGHT JOIN (SELECT 1) AS one ON true
	CROSS JOIN LATERAL (SELECT 'OK'::text AS audit_status, NULL::timestamptz AS last_audit_at, NULL::bigint AS audited_windows, NULL::bigint AS audit_differences,
	NULL::jsonb AS audit_details, NULL::bigint AS log_entries, NULL::timestamptz AS oldest_log_entry, NULL::bigint AS dirty_ranges, NULL::bigint AS dirty_ranges_due,
	NULL::timestamptz AS oldest_dirty_range_due, NULL::numeric AS late_rows, NULL::numeric AS refused_rows, NULL::bigint AS frozen_tasks, NULL::text[] COLLATE "C" AS intruders) AS v;
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('view v_aggregation_truth', 'replaced')$$, 'a view that says something else is replaced');
SELECT ok(has_table_privilege('aggregation_reader', 'v_aggregation_truth', 'SELECT WITH GRANT OPTION'), 'who could read it can');
DROP VIEW v_aggregation_truth;
CREATE VIEW v_aggregation_truth AS SELECT 1 AS one;
GRANT SELECT ON v_aggregation_truth TO aggregation_reader WITH GRANT OPTION;
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('view v_aggregation_truth', 'replaced')$$, 'one with other columns, too');
SELECT ok(has_table_privilege('aggregation_reader', 'v_aggregation_truth', 'SELECT WITH GRANT OPTION'), 'with the rights to it');
SELECT is_empty('SELECT * FROM agg_setup()', 'and nothing is left to do');

-- What cannot be dropped is not replaced by another one, and a dry run knows.
DROP VIEW v_aggregation_truth;
CREATE VIEW v_aggregation_truth AS SELECT 1 AS one;
CREATE VIEW mine AS SELECT one FROM v_aggregation_truth;
SELECT object, action, detail FROM agg_setup(true) \gset dry_
SELECT is(:'dry_object' || ' ' || :'dry_action', 'view v_aggregation_truth cannot mend', 'a view with other columns that another one needs');
SELECT matches(:'dry_detail'::text, ': view public.mine depends on it; look at that, drop it, and run agg_setup\(\) again$', 'which is named');
SELECT results_eq('SELECT object, action, detail FROM agg_setup()', format('VALUES (%L, %L, %L)', :'dry_object', :'dry_action', :'dry_detail'), 'a dry run says the same');
DROP VIEW mine, v_aggregation_truth;
SELECT count(*) AS made FROM agg_setup() \gset
SELECT 'CREATE OR REPLACE VIEW v_aggregation_truth AS SELECT ' || string_agg(format('NULL::%s AS %I', format_type(atttypid, atttypmod) || CASE WHEN attcollation = '"C"'::regcollation THEN ' COLLATE "C"' ELSE '' END, attname), ', ' ORDER BY attnum)
	FROM pg_attribute WHERE attrelid = 'v_aggregation_truth'::regclass AND attnum > 0 \gexec
CREATE VIEW mine AS SELECT audit_status FROM v_aggregation_truth;
SELECT results_eq('SELECT object, action FROM agg_setup(true)', $$VALUES ('view v_aggregation_truth', 'would replace')$$, 'one with our columns becomes ours where it stands');
SELECT results_eq('SELECT object, action FROM agg_setup()', $$VALUES ('view v_aggregation_truth', 'replaced')$$, 'as it said');
-- Before a table is complete, nobody knows what our view's columns are.
DROP VIEW mine, v_aggregation_truth;
DROP VIEW v_aggregation_frontier_health, v_aggregation_alerts, v_aggregation_metrics, v_aggregation_lag;
CREATE VIEW v_aggregation_lag AS SELECT timeframe FROM data_agg_state;
CREATE VIEW mine AS SELECT * FROM v_aggregation_lag;
ALTER TABLE data_agg_state DROP COLUMN freshness_target_seconds;
SELECT is((SELECT action || ': ' || split_part(detail, chr(10), 1) FROM agg_setup(true) WHERE object = 'view v_aggregation_lag'),
	'would replace: -- cannot mend if its columns change: view public.mine depends on it', 'what may be in the way is said');
SELECT is((SELECT action FROM agg_setup() WHERE object = 'view v_aggregation_lag'), 'cannot mend', 'and is');

SELECT * FROM finish();
ROLLBACK;
