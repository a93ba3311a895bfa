-- metadata.agg of an asset: it wins over the defaults, its lists pull in what their members are built from, and a mistake in it is reported by
-- symbol and keeps nobody else waiting.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();
CREATE FUNCTION tasks(p_symbol text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s', timeframe, CASE WHEN is_mandatory THEN 'must' ELSE 'may' END), ', ' ORDER BY run_interval_minutes), '-')
	FROM data_agg_state WHERE canonical_symbol = p_symbol AND enabled
$$;
CREATE FUNCTION asset(symbol text, agg jsonb) RETURNS void LANGUAGE sql AS $$
	INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES (symbol, jsonb_build_object('agg', agg, 'is_synthetic', true))
$$;

SELECT asset('ALL', '{"enabled": true, "start_utc": "2025-09-01T12:00:00Z", "mandatory": ["5m", "1h"], "optional": ["15m", "4h", "1d"], "delay_seconds": 90, "priority": 7}');
SELECT asset('WEEK', '{"mandatory": ["5m", "1h"], "optional": ["1w"]}');
SELECT asset('MUSTDAY', '{"mandatory": ["5m", "1h", "1d"], "optional": ["1d", "4h"]}');
SELECT asset('OFF', '{"enabled": false}');
SELECT asset('EMPTY', '{}');
SELECT asset('UNKNOWNKEY', '{"colour": "blue"}');
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('NULLMETA', NULL), ('NOAGG', '{"base_timeframe": "1m"}');
SELECT probe.answers(sync_agg_state_from_registry('prod', '2025-07-01 00:00+00'), '{"success": true}', 'synced');
SELECT is(tasks('ALL'), '5m must, 15m may, 1h must, 4h may, 1d may', 'the lists');
SELECT is(jsonb_build_array(bool_and(aggregation_delay_seconds = 90), bool_and(task_priority = 7), bool_and(agg_start_utc = '2025-09-01 12:00+00')), '[true, true, true]', 'delay, priority and start') FROM data_agg_state WHERE canonical_symbol = 'ALL';
SELECT is(tasks('WEEK'), '5m must, 1h must, 1d may, 1w may', 'a week pulls in its days');
SELECT is(tasks('MUSTDAY'), '5m must, 1h must, 4h may, 1d must', 'in both lists: mandatory');
SELECT is(tasks('OFF'), '-', 'switched off by its metadata');
SELECT is(tasks(s), '5m must, 1h must', s || ': the defaults') FROM unnest(ARRAY['EMPTY', 'UNKNOWNKEY', 'NULLMETA', 'NOAGG']) AS s;
SELECT is(source_timeframe, expected, 'source of ' || timeframe) FROM (VALUES ('ALL', '15m', '5m'), ('ALL', '4h', '1h'), ('ALL', '1d', '1h'), ('WEEK', '1w', '1d')) AS v (s, tf, expected)
JOIN data_agg_state AS t ON t.canonical_symbol = s AND t.timeframe = tf;
CREATE TABLE before AS SELECT probe.fingerprint() AS digest;
SELECT sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') \g /dev/null
SELECT is(probe.fingerprint(), digest, 'a second sync writes no row') FROM before;
UPDATE core_asset_registry_all SET metadata = '{"agg": {"enabled": false}}' WHERE canonical_symbol = 'WEEK';
SELECT sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') \g /dev/null
SELECT is(tasks('WEEK'), '-', 'switched off later');
SELECT is_empty($$SELECT * FROM agg_get_due_tasks('prod', '2099-01-01', 100) WHERE canonical_symbol IN ('WEEK', 'OFF')$$, 'nothing of it is due');

-- Former bars: what the metadata say, or what was set.
SELECT asset('KEEP', '{"keep_revisions": true, "optional": ["15m"]}'), asset('KEEPNOT', '{"keep_revisions": false}'), asset('ASIS', '{}');
SELECT sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') \g /dev/null
SELECT agg_set_keep_revisions(s, '1h', true) FROM unnest(ARRAY['KEEPNOT', 'ASIS']) AS s \g /dev/null
SELECT is((SELECT string_agg(canonical_symbol || timeframe, ' ' ORDER BY canonical_symbol, timeframe) FROM agg_kept_revisions), 'ASIS1h KEEP15m KEEP1h KEEP5m KEEPNOT1h', 'former bars are kept');
SELECT is(sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') ->> 'tasks_updated', '1', 'a sync sets what the metadata say');
SELECT is((SELECT string_agg(canonical_symbol || timeframe, ' ' ORDER BY canonical_symbol, timeframe) FROM agg_kept_revisions), 'ASIS1h KEEP15m KEEP1h KEEP5m', 'and leaves alone what they do not');
SELECT is(sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') ->> 'tasks_updated', '0', 'once');
UPDATE core_asset_registry_all SET metadata = '{"agg": {"keep_revisions": false, "optional": ["15m"]}}' WHERE canonical_symbol IN ('KEEP', 'ASIS');
SELECT sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') \g /dev/null
SELECT is((SELECT count(*) FROM agg_kept_revisions) + (SELECT count(*) FROM pg_trigger WHERE tgname = 'aggregation_events'), 0::bigint, 'off again, and the trigger with the last one');

-- How late bars may be: what the metadata say, or what was set.
SELECT asset('FRESH', '{"freshness_target_seconds": 600}') \g /dev/null
SELECT agg_set_freshness_target('ASIS', '1h', 300) \g /dev/null
SELECT is(sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') ->> 'tasks_updated', '0', 'new tasks are no updated ones');
SELECT is((SELECT string_agg(canonical_symbol || timeframe || freshness_target_seconds, ' ' ORDER BY canonical_symbol, timeframe) FROM data_agg_state), 'ASIS1h300 FRESH1h600 FRESH5m600', 'targets come of the metadata, or stay as they were set');
UPDATE core_asset_registry_all SET metadata = '{"agg": {"freshness_target_seconds": 60}}' WHERE canonical_symbol IN ('FRESH', 'ASIS');
SELECT is(sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') ->> 'tasks_updated', '4', 'another target for all tasks of a symbol');
SELECT is((SELECT string_agg(DISTINCT freshness_target_seconds::text, ' ') FROM data_agg_state WHERE canonical_symbol IN ('FRESH', 'ASIS')), '60', 'is set');
SELECT is(sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') ->> 'tasks_updated', '0', 'once');

-- Mistakes. Each of these assets is skipped; the sync goes on and names them.
TRUNCATE core_asset_registry_all, data_agg_state;
CREATE TABLE mistakes (symbol text, agg jsonb);
INSERT INTO mistakes VALUES
	('BAD-number', '5'), ('BAD-text', '"5m"'), ('BAD-list', '["5m"]'),
	('BAD-enabled', '{"enabled": "perhaps"}'), ('BAD-start', '{"start_utc": "the first of July"}'), ('BAD-start-number', '{"start_utc": 20250701}'), ('BAD-start-infinite', '{"start_utc": "infinity"}'),
	('BAD-mandatory', '{"mandatory": "5m"}'), ('BAD-mandatory-object', '{"mandatory": {"5m": true}}'), ('BAD-member', '{"mandatory": ["5m", 60]}'), ('BAD-member-null', '{"optional": [null]}'),
	('BAD-timeframe', '{"optional": ["7x"]}'), ('BAD-timeframe-empty', '{"optional": [""]}'), ('BAD-timeframe-long', jsonb_build_object('optional', jsonb_build_array(repeat('5', 100000) || 'm'))),
	('BAD-timeframe-zero', '{"optional": ["0m"]}'), ('BAD-timeframe-negative', '{"optional": ["-5m"]}'),
	('BAD-delay', '{"delay_seconds": "soon"}'), ('BAD-delay-negative', '{"delay_seconds": -1}'), ('BAD-delay-huge', '{"delay_seconds": 1e300}'), ('BAD-delay-fraction', '{"delay_seconds": 0.5}'),
	('BAD-keep', '{"keep_revisions": "yes"}'), ('BAD-target', '{"freshness_target_seconds": 0}'), ('BAD-priority', '{"priority": []}'), ('BAD-priority-huge', '{"priority": 99999999999}');
SELECT asset(symbol, agg) FROM mistakes;
SELECT asset('GOOD', '{"delay_seconds": 0}');
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, last_agg_bar_ts_utc) VALUES ('BAD-number', '5m', '1m', '2025-07-02 00:00+00');
CREATE TABLE answered AS SELECT sync_agg_state_from_registry('prod', '2025-07-01 00:00+00') AS answer;
SELECT probe.answers(answer, '{"success": true, "tasks_created": 2, "tasks_updated": 0, "tasks_disabled": 0}', 'the sync goes on') FROM answered;
SELECT is(tasks('GOOD'), '5m must, 1h must', 'the good one has its tasks');
SELECT ok(answer::text LIKE '%"' || symbol || '"%', 'reported: ' || symbol) FROM answered, mistakes ORDER BY symbol;
SELECT ok(answer::text NOT LIKE '%GOOD%', 'the good one is not reported') FROM answered;
SELECT is(tasks(symbol), CASE symbol WHEN 'BAD-number' THEN '5m may' ELSE '-' END, 'skipped: ' || symbol) FROM mistakes ORDER BY symbol;
SELECT cmp_ok(length(answer::text), '<', 20000, 'and the report stays readable') FROM answered;

SELECT * FROM finish();
