-- Events: finished, revised and deleted bars for consumers, each until it is acknowledged and in order; what is no event; who falls behind;
-- whose a consumer is. What several sessions do to each other is in test/isolation and in the suite sessions.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';

SELECT world.task('EURUSD', '5m');
SELECT world.task('GBPUSD', '5m');
-- Bars are written by hand, too, also on tables of an older system.
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('BULK'), ('OPEN'), ('SECRET'), ('LATER');
ALTER TABLE derived_data_bars ALTER is_partial SET DEFAULT false, ALTER source SET DEFAULT 'agg', ALTER source_timeframe SET DEFAULT '1m', ALTER source_candles SET DEFAULT 5,
	ALTER expected_candles SET DEFAULT 5, ALTER quality_score SET DEFAULT 2, ALTER raw SET DEFAULT '{}', ALTER ingested_at SET DEFAULT now(), ALTER created_at SET DEFAULT now(), ALTER updated_at SET DEFAULT now();

CREATE FUNCTION trigger_state() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(tgenabled::text, '') FROM pg_trigger WHERE tgrelid = 'derived_data_bars'::regclass AND tgname = 'aggregation_events'
$$;
-- what a consumer is given, a line each
CREATE FUNCTION given(name text, most int DEFAULT 1000) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s %s %s %s %s', p.canonical_symbol, p.timeframe, to_char(p.ts_utc AT TIME ZONE 'UTC', 'HH24:MI'), p.kind,
		concat_ws(' to ', p.old ->> 'high', p.new ->> 'high'))
	FROM agg_poll(name, most) AS p
$$;
CREATE FUNCTION ack_all(name text) RETURNS jsonb LANGUAGE sql AS $$ SELECT agg_ack(name, max(p.event_id)) FROM agg_poll(name) AS p $$;
CREATE PROCEDURE make(at timestamptz DEFAULT '2025-07-02 00:00+00') LANGUAGE plpgsql AS $$
BEGIN
	UPDATE data_agg_state SET next_run_at = NULL;
	FOR i IN 1..20 LOOP
		EXIT WHEN NOT (agg_run_batch(p_now_utc => at) ->> 'continue')::boolean;
	END LOOP;
END $$;

-- nobody is subscribed
SELECT is(trigger_state(), NULL, 'without a consumer there is no trigger');
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 10);
CALL make();
SELECT is((SELECT count(*) FROM agg_events) + (SELECT count(*) FROM agg_event_batches), 0::bigint, 'and no event');

-- subscribing
SELECT is(agg_subscribe('all'), '{"success": true, "consumer": "all", "created": true, "event_id": 0}', 'a consumer of everything');
SELECT is(trigger_state(), 'O', 'the trigger is there');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT probe.refuses($$SELECT agg_subscribe('fixed')$$, '25000', 'the subscription of consumer "fixed" cannot be changed in a REPEATABLE READ or SERIALIZABLE transaction', '%READ COMMITTED%', 'what one snapshot shows and the events that follow would not meet');
SELECT is(agg_subscribe('all') -> 'created', 'false', 'who is subscribed already may say so again');
COMMIT;
SELECT is(agg_subscribe('some', ARRAY['GBPUSD', 'AUDUSD', 'GBPUSD'], ARRAY['5m', '1h']) ->> 'created', 'true', 'a consumer of some');
SELECT is(agg_subscribe('some', ARRAY['AUDUSD', 'GBPUSD'], ARRAY['1h', '5m']) ->> 'created', 'false', 'the same again changes nothing');
SELECT is((SELECT array_agg(consumer || symbols::text || timeframes::text) FROM agg_consumers WHERE symbols IS NOT NULL),
	ARRAY['some{AUDUSD,GBPUSD}{1h,5m}'], 'lists are kept once each');
SELECT is_empty($$SELECT * FROM given('all')$$, 'what was made before is no event');
SELECT results_eq($$SELECT lost_events::text || events_behind FROM v_aggregation_consumers$$, ARRAY['false0', 'false0'], 'before the first event nobody has lost any');
SELECT probe.refuses($$SELECT agg_subscribe('some')$$, '22023', 'consumer "some" is subscribed to other symbols or timeframes', '%p_restart => true%', 'others need a restart');
SELECT probe.refuses($$SELECT agg_subscribe('')$$, '22023', 'p_consumer must not be empty', '%', 'a name is needed');
SELECT probe.refuses($$SELECT agg_subscribe(NULL)$$, '22004', '%p_consumer%', '%', 'NULL is none');
SELECT probe.refuses($$SELECT agg_subscribe('x', '{}')$$, '22023', 'p_symbols must not be empty (consumer "x")', '%NULL for all%', 'no symbols at all');
SELECT probe.refuses($$SELECT agg_subscribe('x', ARRAY['EURUSD', NULL])$$, '22004', '%p_symbols%', '%', 'a NULL symbol');
SELECT probe.refuses($$SELECT agg_subscribe('x', NULL, '{}')$$, '22023', 'p_timeframes must not be empty%', '%', 'no timeframes at all');
SELECT probe.refuses($$SELECT agg_subscribe('x', NULL, ARRAY['7x'])$$, '22023', '%7x%', '%', 'a timeframe that is none');
SELECT probe.refuses($$SELECT agg_subscribe('x', NULL, ARRAY['1m'])$$, '22023', 'there are no events of 1m%', '%wider%', 'minutes are not made');
SELECT probe.refuses($$SELECT * FROM agg_poll('x')$$, 'P0002', 'consumer "x" does not exist', '%agg_subscribe()%', 'nobody polls unsubscribed');
SELECT probe.refuses($$SELECT agg_ack('x', 1)$$, 'P0002', 'consumer "x" does not exist', '%', 'nor acknowledges');
SELECT probe.refuses($$SELECT agg_unsubscribe('x')$$, 'P0002', 'consumer "x" does not exist', '%', 'nor unsubscribes');
SELECT probe.refuses($$SELECT * FROM agg_poll('all', 0)$$, '22023', 'p_limit must be %', '%', 'a limit is at least 1');

-- finished, revised, deleted
SELECT world.minutes('EURUSD', '2025-07-01 00:10+00', 10);
SELECT world.minutes('GBPUSD', '2025-07-01 00:00+00', 10);
CALL make();
SELECT results_eq($$SELECT * FROM given('all') ORDER BY 1$$, ARRAY['EURUSD 5m 00:10 finished 105', 'EURUSD 5m 00:15 finished 110',
	'GBPUSD 5m 00:00 finished 105', 'GBPUSD 5m 00:05 finished 110'], 'finished bars');
SELECT results_eq($$SELECT * FROM given('some')$$, ARRAY['GBPUSD 5m 00:00 finished 105', 'GBPUSD 5m 00:05 finished 110'], 'each consumer what it wants');
SELECT results_eq($$SELECT jsonb_pretty(new) FROM agg_poll('some', 1)$$, $$SELECT jsonb_pretty(to_jsonb(v)) FROM
	(SELECT open, high, low, close, vol, vwap, trade_count, quality_score FROM agg_bars('GBPUSD', '5m', p_to => '2025-07-01 00:05+00')) AS v$$, 'with the bar');
SELECT is((SELECT count(*) FROM agg_poll('all')), 4::bigint, 'a poll gives again what was not acknowledged');
SELECT is((SELECT count(*) FROM agg_poll('all', 3)), 3::bigint, 'no more than it is asked for');
SELECT probe.refuses($$SELECT agg_ack('all', 5)$$, '22023', 'event 5 was not given to consumer "all", the last one is 4', '%', 'only what was given is acknowledged');
SELECT is(agg_ack('all', 2), '{"success": true, "consumer": "all", "event_id": 2}', 'an ack');
SELECT results_eq($$SELECT event_id FROM agg_poll('all')$$, ARRAY[3, 4]::bigint[], 'the rest');
SELECT is(agg_ack('all', 1) ->> 'event_id', '2', 'an ack of what was acknowledged changes nothing');
SELECT ack_all('all') \g /dev/null
SELECT is_empty($$SELECT * FROM given('all')$$, 'nothing is left');
SELECT is((SELECT count(*) FROM agg_events), 4::bigint, 'events stay for the other one');
SELECT ack_all('some') \g /dev/null

UPDATE data_bars SET high = 500 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 00:12+00';
CALL make();
SELECT results_eq($$SELECT * FROM given('all')$$, ARRAY['EURUSD 5m 00:10 revised 105 to 500'], 'a corrected minute revises its bar');
DELETE FROM data_bars WHERE canonical_symbol = 'GBPUSD' AND ts_utc >= '2025-07-01 00:05+00';
CALL make();
SELECT results_eq($$SELECT * FROM given('all')$$, ARRAY['EURUSD 5m 00:10 revised 105 to 500', 'GBPUSD 5m 00:05 deleted 110'], 'without source it is deleted');
SELECT ok(new IS NULL AND old IS NOT NULL, 'and is no more') FROM agg_poll('some');
SELECT ack_all('all') \g /dev/null
SELECT ack_all('some') \g /dev/null
SELECT is((SELECT count(*) FROM agg_events), 0::bigint, 'what everybody has acknowledged is gone');
SELECT is((SELECT count(*) FROM agg_event_batches), 1::bigint, 'but for the last batch, from which ids go on');

-- what is no event
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01', '2025-07-02') \g /dev/null
UPDATE derived_data_bars SET raw = '{}', updated_at = now(), provider_ticker = 'x';
SELECT is_empty($$SELECT * FROM given('all')$$, 'bars that come out the same are no events');
BEGIN;
SELECT derived_soft_delete_range('EURUSD', '5m', '2025-07-01', '2025-07-02') \g /dev/null
SAVEPOINT a;
UPDATE derived_data_bars SET high = 1 WHERE deleted_at IS NOT NULL;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '5m', '2025-07-01 03:00+00'::timestamptz + i * interval '5 min', 1, 1, 1, 1 FROM generate_series(1, 600) AS i;
ROLLBACK TO a;
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01', '2025-07-01 00:10') \g /dev/null
UPDATE derived_data_bars SET high = 7 WHERE ts_utc = '2025-07-01 00:05+00' AND canonical_symbol = 'EURUSD' AND deleted_at IS NULL;
UPDATE derived_data_bars SET high = 8 WHERE ts_utc = '2025-07-01 00:05+00' AND canonical_symbol = 'EURUSD' AND deleted_at IS NULL;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EURUSD', '5m', '2025-07-01 04:00+00', 1, 1, 1, 1);
DELETE FROM derived_data_bars WHERE ts_utc = '2025-07-01 04:00+00';
COMMIT;
SELECT results_eq($$SELECT * FROM given('all')$$, ARRAY['EURUSD 5m 00:10 deleted 500', 'EURUSD 5m 00:15 deleted 110', 'EURUSD 5m 00:05 revised 110 to 8'],
	'a transaction makes one event of a bar, or none; what it rolls back is none');
SELECT derived_restore_range('EURUSD', '5m', '2025-07-01 00:10', '2025-07-01 00:15') \g /dev/null
SELECT derived_purge_deleted('0') \g /dev/null
UPDATE derived_data_bars SET ts_utc = '2025-07-01 05:00+00' WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 00:10+00' AND deleted_at IS NULL;
SELECT results_eq($$SELECT * FROM given('all') OFFSET 3$$, ARRAY['EURUSD 5m 00:10 finished 500', 'EURUSD 5m 00:10 deleted 500', 'EURUSD 5m 05:00 finished 500'],
	'a restored bar is finished, a moved one deleted and finished; old rows go without a word');
SELECT ok(bool_and(made_at BETWEEN now() - interval '1 hour' AND clock_timestamp()), 'with the time of the commit') FROM agg_poll('all');
SELECT ok(bool_and(event_id > before), 'ids rise') FROM (SELECT event_id, lag(event_id, 1, 0::bigint) OVER () AS before FROM agg_poll('all')) AS p;

-- a transaction of many events
SELECT ack_all('all') \g /dev/null
BEGIN;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'BULK', '5m', '2025-07-01'::timestamptz + i * interval '5 min', i, i, i, i FROM generate_series(1, 20000) AS i;
UPDATE derived_data_bars SET high = high + 1 WHERE canonical_symbol = 'BULK';
SET LOCAL statement_timeout = '30s';
COMMIT;
SELECT is((SELECT array_agg(DISTINCT kind) || count(*)::text || sum((new ->> 'high')::int)::text FROM agg_poll('all', 100000)), ARRAY['finished', '20000', '200030000'],
	'thousands, each told once');
SELECT is((SELECT count(DISTINCT made_at) FROM agg_poll('all', 100000)), 1::bigint, 'at one moment');
-- what is not for a consumer does not hold it back
SELECT is_empty($$SELECT * FROM given('some')$$, 'none of it is for the other one');
SELECT is((SELECT events_behind FROM v_aggregation_consumers WHERE consumer = 'some'), 0::bigint, 'which is not behind');
SELECT agg_ack('all', max(event_id)) FROM agg_poll('all', 100000) \g /dev/null

-- who is gone loses events, is told, and begins anew; the others do not
SET aggregation.events_kept = 160;
DO $$BEGIN
	FOR i IN 1..60 LOOP
		INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'GBPUSD', '1h', '2025-07-01'::timestamptz + (i * 10 + n) * interval '1 hour', 1, 1, 1, 1 FROM generate_series(1, 10) AS n;
		COMMIT;
		IF i % 3 = 0 THEN PERFORM ack_all('all'); COMMIT; END IF;
	END LOOP;
END$$;
SELECT cmp_ok((SELECT count(*) FROM agg_events), '<', 200::bigint, 'the outbox does not grow for one who is gone');
SELECT is((SELECT array_agg(consumer || ' ' || lost_events ORDER BY consumer) FROM v_aggregation_consumers), ARRAY['all false', 'some true'], 'the view says who');
SELECT probe.refuses($$SELECT * FROM agg_poll('some')$$, '55000', 'consumer "some" has lost events', '%p_restart => true%', 'who has lost events is told');
SELECT probe.refuses($$SELECT agg_subscribe('some', ARRAY['AUDUSD', 'GBPUSD'], ARRAY['1h', '5m'])$$, '55000', 'consumer "some" has lost events', '%', 'also if it subscribes as if nothing had been');
SELECT is(agg_subscribe('some', ARRAY['GBPUSD'], p_restart => true) ->> 'created', 'false', 'it begins anew');
SELECT is_empty($$SELECT * FROM given('some')$$, 'with what comes next');
RESET aggregation.events_kept;

-- while the trigger is missing, nobody is left in the belief that nothing happens
ALTER TABLE derived_data_bars DISABLE TRIGGER aggregation_events;
SELECT probe.refuses($$SELECT * FROM agg_poll('all')$$, '55000', 'consumer "all" has lost events', '%', 'a trigger that is switched off');
SELECT agg_subscribe('some', ARRAY['GBPUSD'], p_restart => true) \g /dev/null
SELECT is(trigger_state(), 'O', 'one that begins anew switches it on');
SELECT probe.refuses($$SELECT * FROM agg_poll('all')$$, '55000', 'consumer "all" has lost events', '%', 'the others are still told');
SELECT agg_subscribe('all', p_restart => true) \g /dev/null
SELECT is_empty($$SELECT * FROM given('all')$$, 'until they begin anew');

-- a transaction that is read-only from some point on
BEGIN;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('LATER', '5m', '2025-07-01', 1, 1, 1, 1);
SAVEPOINT s;
UPDATE derived_data_bars SET high = 2 WHERE canonical_symbol = 'LATER';
SET TRANSACTION READ ONLY;
RELEASE s;
SET TRANSACTION READ ONLY;
SELECT throws_ok($$DELETE FROM derived_data_bars WHERE canonical_symbol = 'LATER'$$, '25006', NULL, 'who makes a transaction read-only');
COMMIT;
SELECT is((SELECT array_agg(kind || ' ' || (new ->> 'high')) FROM agg_poll('all')), ARRAY['finished 2'], 'commits what he has done before, and its event');
SELECT agg_ack('all', max(event_id)) FROM agg_poll('all') \g /dev/null

-- a transaction that others would have to wait for
\set ON_ERROR_STOP 0
BEGIN;
DELETE FROM derived_data_bars WHERE canonical_symbol = 'BULK' AND ts_utc < '2025-07-01 01:00+00';
PREPARE TRANSACTION 'events';
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '0A000'::text, 'it cannot be prepared');
\set ON_ERROR_STOP 1
SELECT is_empty($$SELECT * FROM given('all')$$, 'and is rolled back');

-- whose a consumer is, and what it may see
CREATE ROLE events_reader;
CREATE ROLE events_other;
CREATE ROLE events_member IN ROLE events_reader;
GRANT USAGE ON SCHEMA public, probe TO PUBLIC;
GRANT EXECUTE ON FUNCTION agg_subscribe, agg_unsubscribe, agg_poll, agg_ack TO events_reader, events_other;
SET ROLE events_reader;
SELECT is(probe.attempt($$SELECT agg_subscribe('mine')$$)::text LIKE '(42501,%', true, 'who may not read bars may not subscribe');
RESET ROLE;
GRANT SELECT ON derived_data_bars TO events_reader, events_other;
SET ROLE events_reader;
SELECT agg_subscribe('mine', NULL, ARRAY['5m']) \g /dev/null
RESET ROLE;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('OPEN', '5m', '2025-07-01', 1, 1, 1, 1), ('SECRET', '5m', '2025-07-01', 1, 1, 1, 1), ('OPEN', '5m', '2025-07-02', 1, 2, 1, 1);
SELECT is((SELECT role_name FROM v_aggregation_consumers WHERE consumer = 'mine'), 'events_reader', 'it is its role''s');
SET ROLE events_other;
SELECT is(state || message || detail, '42501permission denied for consumer "mine"It belongs to role "events_reader".', attempt || ' by somebody else')
FROM unnest(ARRAY[$$SELECT * FROM agg_poll('mine')$$, $$SELECT agg_ack('mine', 1)$$, $$SELECT agg_unsubscribe('mine')$$, $$SELECT agg_subscribe('mine', p_restart => true)$$]) AS call(attempt), probe.attempt(call.attempt) AS a;
SET ROLE events_member;
SELECT is((SELECT count(*) FROM agg_poll('mine')), 3::bigint, 'a member of the role polls');
RESET ROLE;
SELECT is((SELECT count(*) FROM agg_poll('mine')), 3::bigint, 'the owner of the tables, too');
ALTER TABLE derived_data_bars ENABLE ROW LEVEL SECURITY;
CREATE POLICY readers ON derived_data_bars FOR SELECT TO events_reader USING (canonical_symbol <> 'SECRET');
SET ROLE events_reader;
SELECT results_eq($$SELECT canonical_symbol || (new ->> 'high') FROM agg_poll('mine', 2)$$, ARRAY['OPEN1', 'OPEN2'], 'of what row security hides there are no events');
SELECT agg_ack('mine', max(event_id)) FROM agg_poll('mine') \g /dev/null
RESET ROLE;
UPDATE derived_data_bars SET high = 3 WHERE canonical_symbol = 'SECRET';
SET ROLE events_reader;
SELECT is((SELECT count(*) FROM agg_poll('mine')), 0::bigint, 'whatever happens to it');
RESET ROLE;
SELECT is((SELECT events_behind FROM v_aggregation_consumers WHERE consumer = 'mine'), 0::bigint, 'and it does not hold the consumer back');
REVOKE SELECT ON derived_data_bars FROM events_reader;
SET ROLE events_reader;
SELECT is((probe.attempt($$SELECT * FROM agg_poll('mine')$$)).state, '42501', 'who may no longer read bars may not poll');
RESET ROLE;
DROP POLICY readers ON derived_data_bars;
ALTER TABLE derived_data_bars DISABLE ROW LEVEL SECURITY;
SELECT agg_unsubscribe('mine') \g /dev/null

-- the end
SELECT agg_unsubscribe('all') \g /dev/null
SELECT is(trigger_state(), 'O', 'the trigger stays for the other one');
SELECT max(last_id) AS last_id FROM agg_event_batches \gset
SELECT agg_unsubscribe('some') \g /dev/null
SELECT is(trigger_state(), NULL, 'and goes with the last one');
SELECT is((SELECT count(*) FROM agg_events), 0::bigint, 'with all events');
SELECT is(agg_subscribe('late') ->> 'event_id', :'last_id', 'ids go on all the same');
SELECT is((SELECT count(*) FROM agg_setup(true) WHERE action <> 'offers'), 0::bigint, 'agg_setup() has nothing against it');
DROP EXTENSION aggregation;
SELECT is(trigger_state(), NULL, 'the trigger goes with the extension');
DROP OWNED BY events_reader, events_other, events_member;
DROP ROLE events_reader, events_other, events_member;
SELECT * FROM finish();
