-- Tables of ticks: of which kinds and types they may be, whose, and what becomes of a source whose table is renamed, changed or dropped.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();
SET timezone = 'UTC';

CREATE FUNCTION run() RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
	said jsonb := '[]';
BEGIN
	FOR i IN 1..20 LOOP
		answer := agg_run_batch(p_now_utc => '2025-07-02');
		said := said || (answer -> 'failures');
		EXIT WHEN NOT (answer ->> 'continue')::boolean;
	END LOOP;
	RETURN (SELECT coalesce(jsonb_agg(DISTINCT f), '[]') FROM jsonb_array_elements(said) AS f);
END $$;
CREATE FUNCTION bars(name text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s %s %s', canonical_symbol, to_char(ts_utc, 'HH24:MI'), ROW(open, close, vol, trade_count)) FROM data_bars WHERE raw ->> 'table' = name ORDER BY 1
$$;

-- names that need quotes, numbers of all types, a domain, arrays of conditions
CREATE SCHEMA "Odd @schema";
CREATE DOMAIN price AS numeric CHECK (value IS NULL OR value > -10);
CREATE TABLE "Odd @schema"."ticks; 'of' \ ""@me""" ("the @time" timestamptz, "'sym\bol" varchar(20), "p""rice" price, "size" int, conditions int[]);
SELECT is(agg_add_tick_source('"Odd @schema"."ticks; ''of'' \ ""@me"""', 'the @time', '''sym\bol', 'p"rice', 'size', 'conditions', ARRAY['12', '37']) ->> 'tick_source',
	'"Odd @schema"."ticks; ''of'' \ ""@me"""', 'odd names');
INSERT INTO "Odd @schema"."ticks; 'of' \ ""@me""" VALUES ('2025-07-01 10:00', 'A', 1.1, 2, NULL), ('2025-07-01 10:00:01', 'A', 5, 2, '{1,37}'), ('2025-07-01 10:00:02', 'A', 1.3, 3, '{1,2}'),
	('2025-07-01 10:00:03', 'A', 1e400, 3, '{}'), ('2025-07-01 10:00:04', 'A', 1e-400, 3, '{}'), ('2025-07-01 10:00:05', 'A', 'NaN', 3, '{}'), ('2025-07-01 10:00:06', 'A', NULL, 3, '{}'), ('2025-07-01 10:01', 'A', 0, NULL, '{}'), ('2025-07-01 10:02', 'A', 2.48e-324, 1, NULL), ('2025-07-01 10:03', 'A', 2.47e-324, 1, NULL);
SELECT is(run(), '[]', 'no number stops a minute');
SELECT results_eq($$SELECT bars('"Odd @schema"."ticks; ''of'' \ ""@me"""')$$, ARRAY['A 10:00 (1.1,1.3,5,2)', 'A 10:01 (0,0,,1)', 'A 10:02 (5e-324,5e-324,1,1)'], 'odd columns');
SELECT is((SELECT columns FROM v_aggregation_tick_sources), ARRAY['the @time', '''sym\bol', 'p"rice', 'size', 'conditions'], 'as the view has them');
SELECT is(agg_remove_tick_source('"Odd @schema"."ticks; ''of'' \ ""@me"""') ->> 'success', 'true', 'and removed');

-- without sizes
CREATE TABLE quotes (ts timestamptz, symbol text, mid real);
SELECT agg_add_tick_source('quotes', p_price => 'mid', p_size => NULL) \g /dev/null
INSERT INTO quotes VALUES ('2025-07-01 10:00', 'Q', 1.5), ('2025-07-01 10:00:30', 'Q', 2.5);
SELECT run() \g /dev/null
SELECT results_eq($$SELECT bars('public.quotes')$$, ARRAY['Q 10:00 (1.5,2.5,,2)'], 'without sizes there is no volume');

-- two sources with the same symbol and minute: the first one has it
CREATE TABLE more (ts timestamptz, symbol text, price float8, size float8);
SELECT agg_add_tick_source('more') \g /dev/null
INSERT INTO more VALUES ('2025-07-01 10:00', 'Q', 9, 1), ('2025-07-01 10:05', 'A', 9, 1);
SELECT run() \g /dev/null
DELETE FROM more WHERE ts = '2025-07-01 10:00';
SELECT run() \g /dev/null
SELECT results_eq($$SELECT bars('public.quotes') UNION ALL SELECT bars('public.more')$$, ARRAY['Q 10:00 (1.5,2.5,,2)', 'A 10:05 (9,9,1,1)'], 'two sources leave each other''s bars alone');
INSERT INTO more VALUES ('2025-07-01 10:00', 'Q', 9, 1), ('2025-07-01 10:00:01', 'Q', 10, 1);
SELECT run() \g /dev/null
BEGIN;
DELETE FROM quotes;
INSERT INTO quotes VALUES ('2025-07-01 10:05', 'A', 1);
DELETE FROM more WHERE symbol = 'A';
COMMIT;
SELECT run() \g /dev/null
SELECT results_eq($$SELECT bars('public.quotes') UNION ALL SELECT bars('public.more')$$, ARRAY['A 10:05 (1,1,,1)', 'Q 10:00 (9,10,2,2)'], 'ticks that go over to another source take their minutes along');
SELECT is_empty($$SELECT * FROM agg_tick_log$$, 'nothing waits');
DELETE FROM more;
DELETE FROM quotes;
SELECT run() \g /dev/null
SELECT is_empty($$SELECT bars('public.quotes') UNION ALL SELECT bars('public.more')$$, 'and without ticks in either there is no bar');
INSERT INTO quotes VALUES ('2025-07-01 10:00', 'Q', 1.5), ('2025-07-01 10:00:30', 'Q', 2.5);
INSERT INTO more VALUES ('2025-07-01 10:05', 'A', 9, 1);
SELECT run() \g /dev/null

-- partitions, columns in another order, rows that move; attached and detached ones
CREATE TABLE parts (ts timestamptz NOT NULL, symbol text, price float8, size float8) PARTITION BY RANGE (ts);
CREATE TABLE parts_10 PARTITION OF parts FOR VALUES FROM ('2025-07-01 10:00') TO ('2025-07-01 11:00');
SELECT agg_add_tick_source('parts') \g /dev/null
CREATE TABLE parts_11 (size float8, gone int, price float8, symbol text, ts timestamptz NOT NULL);
ALTER TABLE parts_11 DROP COLUMN gone;
INSERT INTO parts_11 VALUES (1, 7, 'P', '2025-07-01 11:00');
ALTER TABLE parts ATTACH PARTITION parts_11 FOR VALUES FROM ('2025-07-01 11:00') TO ('2025-07-01 12:00');
SELECT run() \g /dev/null
SELECT is_empty($$SELECT bars('public.parts')$$, 'what a partition brings along is not noticed');
SELECT agg_mark_ticks('parts', '2025-07-01 11:00', '2025-07-01 12:00') \g /dev/null
CREATE TABLE parts_12 PARTITION OF parts FOR VALUES FROM ('2025-07-01 12:00') TO ('2025-07-01 13:00') PARTITION BY LIST (symbol);
CREATE TABLE parts_12_p PARTITION OF parts_12 DEFAULT;
INSERT INTO parts VALUES ('2025-07-01 10:30', 'P', 1, 1), ('2025-07-01 11:30', 'P', 2, 1), ('2025-07-01 12:30', 'P', 3, 1);
INSERT INTO parts_12_p VALUES ('2025-07-01 12:31', 'P', 4, 1);
SELECT run() \g /dev/null
SELECT results_eq($$SELECT bars('public.parts')$$, ARRAY['P 10:30 (1,1,1,1)', 'P 11:00 (7,7,1,1)', 'P 11:30 (2,2,1,1)', 'P 12:30 (3,3,1,1)', 'P 12:31 (4,4,1,1)'], 'ticks of all partitions');
UPDATE parts SET ts = ts + interval '1 hour' WHERE price = 1;
DELETE FROM parts_11 WHERE price = 2;
SELECT run() \g /dev/null
SELECT results_eq($$SELECT bars('public.parts')$$, ARRAY['P 11:00 (7,7,1,1)', 'P 11:30 (1,1,1,1)', 'P 12:30 (3,3,1,1)', 'P 12:31 (4,4,1,1)'], 'one that moves from one to another');
ALTER TABLE parts DETACH PARTITION parts_11;
DROP TABLE parts_12;
SELECT run() \g /dev/null
SELECT is((SELECT count(*) FROM bars('public.parts')), 4::bigint, 'a partition that goes is retention: bars stay');
SELECT probe.refuses($$SELECT agg_add_tick_source('parts_10')$$, '55000', 'table public.parts_10 is a partition of public.parts, which is a tick source', '%agg_remove_tick_source() for public.parts%', 'a partition is no source of its own');
CREATE TABLE whole (LIKE parts) PARTITION BY RANGE (ts);
CREATE TABLE half PARTITION OF whole DEFAULT PARTITION BY RANGE (ts);
CREATE TABLE leaf PARTITION OF half DEFAULT;
SELECT agg_add_tick_source('leaf') \g /dev/null
SELECT probe.refuses($$SELECT agg_add_tick_source('whole')$$, '55000', 'table public.whole has the partition public.leaf, which is a tick source', '%agg_remove_tick_source() for public.leaf%', 'nor is a table of which a partition is one');
INSERT INTO whole VALUES ('2025-07-01 14:00', 'W', 1, 1);
SELECT is(run(), '[]', 'which goes on');
SELECT results_eq($$SELECT bars('public.leaf')$$, ARRAY['W 14:00 (1,1,1,1)'], 'as it was');
SELECT agg_remove_tick_source('leaf') \g /dev/null
SELECT is(agg_add_tick_source('whole') ->> 'created', 'true', 'until it is none any more');
SELECT agg_remove_tick_source('whole') \g /dev/null
DROP TABLE whole;
SELECT throws_ok($$CREATE TABLE heir () INHERITS (more)$$, '0A000', 'table "heir" cannot inherit from "more", which is a tick source', 'no heirs');
CREATE TABLE parent (ts timestamptz, symbol text, price float8, size float8);
CREATE TABLE heir () INHERITS (parent);
SELECT probe.refuses($$SELECT agg_add_tick_source('parent')$$, '0A000', 'table public.heir inherits from public.parent without being a partition', '%partitions%', 'nor a table that has some');

-- what is renamed is followed
ALTER TABLE more RENAME TO many;
ALTER TABLE many RENAME COLUMN price TO "the price";
ALTER SCHEMA "Odd @schema" RENAME TO odd;
ALTER TABLE many SET SCHEMA odd;
INSERT INTO odd.many VALUES ('2025-07-01 10:06', 'A', 10, 1);
SELECT is(run(), '[]', 'a table and a column with new names');
SELECT results_eq($$SELECT bars('public.more')$$, ARRAY['A 10:05 (9,9,1,1)', 'A 10:06 (10,10,1,1)'], 'are still the source of that name');
SELECT is(agg_add_tick_source('odd.many', p_price => 'the price') ->> 'created', 'false', 'which it is when it is registered again');
CREATE TABLE more (LIKE odd.many);
SELECT probe.refuses($$SELECT agg_add_tick_source('more', p_price => 'the price')$$, '42710', 'tick source "public.more" is another table now, odd.many', '%agg_remove_tick_source%', 'the name is taken');
DROP TABLE more;

-- columns are guarded
SELECT throws_ok($$ALTER TABLE odd.many DROP COLUMN size$$, '2BP01', NULL, 'a column of ticks is not dropped in passing');
SELECT throws_ok($$ALTER TABLE odd.many ALTER COLUMN "the price" TYPE numeric$$, '0A000', NULL, 'nor does it get another type');
SET client_min_messages = error;
ALTER TABLE odd.many DROP COLUMN size CASCADE;
SET client_min_messages = warning;
INSERT INTO odd.many VALUES ('2025-07-01 10:07', 'A', 11);
INSERT INTO quotes VALUES ('2025-07-01 10:08', 'A', 12);
SELECT is(jsonb_path_query_array(run(), '$[*].error'), '["tick source \"public.more\" has lost its triggers"]', 'without the column the source says what is wrong');
SELECT results_eq($$SELECT state, last_error ~ 'lost its triggers' FROM v_aggregation_tick_sources WHERE tick_source = 'public.more'$$, $$VALUES ('triggers missing', true)$$, 'so does the view');
SELECT is((SELECT count(*) FROM bars('public.quotes')), 2::bigint, 'and the others go on');
SELECT probe.refuses($$SELECT agg_add_tick_source('odd.many', p_price => 'the price')$$, '42703', 'column "size" of table odd.many does not exist', '%p_size, or NULL%', 'a column that is not there');
ALTER TABLE odd.many RENAME TO more;
ALTER TABLE odd.more SET SCHEMA public;
SELECT is(agg_add_tick_source('more', p_price => 'the price', p_size => NULL, p_from => '2025-07-01 10:07') ->> 'tick_source', 'public.more', 'registered anew');
SELECT is(run(), '[]', 'it works again');
SELECT results_eq($$SELECT bars('public.more')$$, ARRAY['A 10:05 (9,9,1,1)', 'A 10:06 (10,10,1,1)', 'A 10:07 (11,11,,1)'], 'with what was missed');
ALTER TABLE more DISABLE TRIGGER aggregation_ticks;
INSERT INTO more VALUES ('2025-07-01 10:09', 'A', 13);
SELECT is(jsonb_path_query_array(run(), '$[*].error'), '["tick source \"public.more\" has a trigger that is disabled"]', 'a trigger that is disabled');
SELECT is((SELECT state FROM v_aggregation_tick_sources WHERE tick_source = 'public.more'), 'trigger disabled', 'is seen');
SELECT agg_add_tick_source('more', p_price => 'the price', p_size => NULL, p_from => '2025-07-01 10:09') \g /dev/null
SELECT is(run(), '[]', 'and mended');

-- a table that is dropped
INSERT INTO more VALUES ('2025-07-01 10:10', 'A', 14);
DROP TABLE more;
SELECT is(run(), '[]', 'without its table there is no source');
SELECT is((SELECT count(*) FROM agg_tick_sources WHERE tick_source = 'public.more') + (SELECT count(*) FROM agg_tick_log), 0::bigint, 'and nothing is left of it');
SELECT is((SELECT count(*) FROM bars('public.more')), 4::bigint, 'but its bars');
CREATE TABLE short (ts timestamptz, symbol text, price float8, size float8);
CREATE TABLE shorter (LIKE short);
SELECT agg_add_tick_source('short') FROM agg_add_tick_source('shorter') \g /dev/null
INSERT INTO short VALUES ('2025-07-01 10:11', 'A', 15, 1);
DROP TABLE short, shorter;
CREATE VIEW short AS SELECT 1 AS a;
CREATE VIEW shorter AS SELECT 1 AS a;
SELECT is((SELECT state FROM v_aggregation_tick_sources WHERE tick_source = 'public.short'), 'table dropped', 'a view of its name is not the table');
SELECT is(agg_remove_tick_source('short') ->> 'success', 'true', 'nor in the way of who removes the source');
SELECT is(run(), '[]', 'or of a run');
SELECT is((SELECT count(*) FROM agg_tick_sources WHERE tick_source ~ 'short') + (SELECT count(*) FROM agg_tick_log), 0::bigint, 'nothing is left of them');

-- what data_bars does not take keeps nothing else from being made
ALTER TABLE data_bars ADD CONSTRAINT dear CHECK (high < 1000) NOT VALID;
INSERT INTO quotes SELECT '2025-07-01 12:00'::timestamptz + (n % 10) * interval '1 min', 'S' || n, CASE WHEN n = 17 THEN 5000 ELSE 1 END FROM generate_series(0, 39) AS n;
SELECT is((SELECT jsonb_agg(f - 'error') FROM jsonb_array_elements(run()) AS f), '[{"tick_source": "public.quotes", "canonical_symbol": "S17", "ts_utc": "2025-07-01T12:07:00+00:00", "sqlstate": "23514"}]', 'a minute that is refused is named');
SELECT is((SELECT count(*) FROM data_bars WHERE canonical_symbol ~ '^S\d'), 39::bigint, 'all others are there');
SELECT results_eq($$SELECT state, last_error ~ '^23514 S17 2025-07-01T12:07:00.00:00: ', waiting_entries FROM v_aggregation_tick_sources WHERE tick_source = 'public.quotes'$$, $$VALUES ('failing', true, 1::bigint)$$, 'it waits');
INSERT INTO quotes VALUES ('2025-07-01 12:20', 'S1', 1);
SELECT run() \g /dev/null
SELECT is((SELECT count(*) FROM data_bars WHERE canonical_symbol ~ '^S\d'), 40::bigint, 'and keeps nobody waiting');
UPDATE quotes SET mid = 5 WHERE mid = 5000;
SELECT is(run(), '[]', 'until it is right');
SELECT results_eq($$SELECT state, last_error FROM v_aggregation_tick_sources WHERE tick_source = 'public.quotes'$$, $$VALUES ('ok', NULL)$$, 'and nothing is wrong any more');
ALTER TABLE data_bars DROP CONSTRAINT dear;

-- what no minute of a source can satisfy is named beforehand: quotes have no size
SELECT is_empty($$SELECT object FROM agg_setup(true) WHERE action = 'cannot mend'$$, 'nothing is in the way');
ALTER TABLE data_bars ADD CONSTRAINT sized CHECK (vol IS NOT NULL) NOT VALID, ADD CONSTRAINT counted CHECK (trade_count > 0) NOT VALID,
	ADD CONSTRAINT other CHECK (raw ->> 'table' IS DISTINCT FROM 'public.parts') NOT VALID;
SELECT results_eq($$SELECT object, detail FROM agg_setup(true) WHERE action = 'cannot mend' ORDER BY object$$, $$VALUES
	('constraint other of data_bars', 'it refuses minutes of tick source public.parts: CHECK (((raw ->> ''table''::text) IS DISTINCT FROM ''public.parts''::text)) NOT VALID; drop it, or allow these'),
	('constraint sized of data_bars', 'it refuses minutes of tick source public.quotes: CHECK ((vol IS NOT NULL)) NOT VALID; drop it, or allow these')$$, 'checks that refuse all minutes of a source');
ALTER TABLE data_bars DROP CONSTRAINT sized, DROP CONSTRAINT counted, DROP CONSTRAINT other, ADD COLUMN needed int NOT NULL DEFAULT 1;
ALTER TABLE data_bars ALTER COLUMN needed DROP DEFAULT;
SELECT is((SELECT string_agg(object, ',') FROM agg_setup(true) WHERE action = 'cannot mend'), 'column data_bars.needed', 'a column that must have a value');
ALTER TABLE data_bars DROP COLUMN needed;

-- arguments
CREATE VIEW a_view AS TABLE quotes;
CREATE TEMP TABLE for_now (LIKE parent);
CREATE TABLE wrong (ts timestamp, symbol int, price text, size money, cond jsonb, at timestamptz, sym text, p float8);
SELECT probe.refuses($$SELECT agg_add_tick_source(NULL)$$, '22004', '%p_table%', '%', 'NULL is no table');
SELECT probe.refuses($$SELECT agg_add_tick_source('a_view')$$, '42809', 'public.a_view is not a table that can be a tick source', '%', 'a view');
SELECT probe.refuses($$SELECT agg_add_tick_source('for_now')$$, '42809', '%.for_now is not a table that can be a tick source', '%', 'a temporary table');
SELECT probe.refuses($$SELECT agg_add_tick_source('data_bars')$$, '22023', 'table public.data_bars is the extension''s own, and holds no ticks', '%', 'a table of bars');
SELECT probe.refuses($$SELECT agg_add_tick_source('agg_tick_log')$$, '22023', 'table public.agg_tick_log is the extension''s own%', '%', 'the log');
SELECT probe.refuses($$SELECT agg_add_tick_source('wrong')$$, '42804', 'column "ts" of table public.wrong is of type timestamp without time zone, which p_time cannot be', '%with time zone%', 'a time without a zone');
SELECT probe.refuses($$SELECT agg_add_tick_source('wrong', 'at')$$, '42804', 'column "symbol" of %', '%generated column%', 'symbols are text');
SELECT probe.refuses($$SELECT agg_add_tick_source('wrong', 'at', 'sym')$$, '42804', 'column "price" of %', '%numbers%', 'prices are numbers');
SELECT probe.refuses($$SELECT agg_add_tick_source('wrong', 'at', 'sym', 'p')$$, '42804', 'column "size" of %', '%numbers%', 'so are sizes');
SELECT probe.refuses($$SELECT agg_add_tick_source('wrong', 'at', 'sym', 'p', NULL, 'cond', '{x}')$$, '42804', 'column "cond" of %', '%', 'conditions are not everything');
SELECT probe.refuses($$SELECT agg_add_tick_source('wrong', 'at', 'sym', 'p', 'p')$$, '22023', 'a column of ticks cannot be two things%', '%', 'nor is a column two of them');
SELECT probe.refuses($$SELECT agg_add_tick_source('wrong', 'at', 'sym', 'p', NULL, 'cond')$$, '22023', 'p_condition and p_excluded go together', '%', 'conditions without a list');
SELECT probe.refuses($$SELECT agg_add_tick_source('wrong', 'at', 'sym', 'p', NULL, 'sym', ARRAY['a', NULL])$$, '22004', '%p_excluded%', '%', 'a NULL condition');
SELECT probe.refuses($$SELECT agg_add_tick_source('quotes', p_delay_seconds => -1)$$, '22023', 'p_delay_seconds must be between 0 and 3600, not -1', '%', 'a delay is not negative');
SELECT probe.refuses($$SELECT agg_add_tick_source('quotes', p_price => 'bid')$$, '42703', 'column "bid" of table public.quotes does not exist', '%p_price.', 'a column that is not there');
SELECT probe.refuses($$SELECT agg_remove_tick_source('wrong')$$, 'P0002', 'table public.wrong is no tick source', '%v_aggregation_tick_sources%', 'a table that is none');
SELECT probe.refuses($$SELECT agg_mark_ticks('wrong')$$, 'P0002', 'table public.wrong is no tick source', '%', 'nor are its ticks marked');

-- whose it is: the owner's, who needs no right on the extension's tables; his triggers note what others write
CREATE ROLE ticks_owner;
CREATE ROLE ticks_writer;
CREATE ROLE ticks_other;
GRANT EXECUTE ON FUNCTION agg_add_tick_source, agg_remove_tick_source, agg_mark_ticks TO ticks_owner, ticks_other;
CREATE TABLE his (ts timestamptz, symbol text, price float8, size float8) PARTITION BY RANGE (ts);
ALTER TABLE his OWNER TO ticks_owner;
GRANT CREATE ON SCHEMA public TO ticks_owner;
GRANT SELECT, INSERT, TRIGGER ON his TO ticks_other;
GRANT INSERT ON his TO ticks_writer;
SET ROLE ticks_other;
SELECT throws_ok($$SELECT agg_add_tick_source('his')$$, '42501', 'must be owner of table public.his', 'a right to put triggers on a table is not enough');
SELECT throws_ok($$CREATE TRIGGER mine AFTER INSERT ON his FOR EACH ROW EXECUTE FUNCTION agg_capture_ticks('public.his')$$, '42501', NULL, 'nor is the trigger function for everybody');
SET ROLE ticks_owner;
SELECT is(agg_add_tick_source('his') ->> 'created', 'true', 'its owner may register it');
CREATE TABLE his_part PARTITION OF his FOR VALUES FROM ('2025-07-01') TO ('2025-07-02');
SET ROLE ticks_writer;
INSERT INTO his VALUES ('2025-07-01 10:00', 'H', 1, 1);
RESET ROLE;
SELECT is(run(), '[]', 'ticks that somebody else writes');
SELECT results_eq($$SELECT bars('public.his')$$, ARRAY['H 10:00 (1,1,1,1)'], 'are noticed');
SET ROLE ticks_other;
SELECT throws_ok($$SELECT agg_remove_tick_source('his')$$, '42501', 'must be owner of table public.his', 'nobody else removes it');
RESET ROLE;
-- what the owner's role sees is what is read
ALTER TABLE his ENABLE ROW LEVEL SECURITY;
CREATE POLICY hides ON his USING (price > 1) WITH CHECK (true);
SET ROLE ticks_owner;
INSERT INTO his VALUES ('2025-07-01 10:00:01', 'H', 2, 1);
RESET ROLE;
SELECT run() \g /dev/null
SELECT results_eq($$SELECT bars('public.his')$$, ARRAY['H 10:00 (1,2,2,2)'], 'row security does not concern the owner');
ALTER TABLE his FORCE ROW LEVEL SECURITY;
SET ROLE ticks_owner;
INSERT INTO his VALUES ('2025-07-01 10:00:02', 'H', 3, 1);
RESET ROLE;
SELECT is(jsonb_path_query_array(run(), '$[*].error'), '["row security is forced on the owner of table \"public.his\""]', 'unless it is forced: then nothing is read');
SELECT results_eq($$SELECT bars('public.his')$$, ARRAY['H 10:00 (1,2,2,2)'], 'and no bar changes');
ALTER TABLE his NO FORCE ROW LEVEL SECURITY;
SELECT is(run(), '[]', 'as soon as it is not');
SELECT results_eq($$SELECT bars('public.his')$$, ARRAY['H 10:00 (1,3,3,3)'], 'nothing is missing');
ALTER TABLE his DISABLE ROW LEVEL SECURITY;
CREATE RULE away AS ON DELETE TO his DO INSTEAD NOTHING;
SET ROLE ticks_owner;
INSERT INTO his VALUES ('2025-07-01 10:00:03', 'H', 4, 1);
RESET ROLE;
SELECT is(jsonb_path_query_array(run(), '$[*].error'), '["table \"public.his\" has rules"]', 'rules are refused');
DROP RULE away ON his;
SELECT is(run(), '[]', 'and are gone');
SET ROLE ticks_owner;
CREATE TABLE hers (LIKE his);
SELECT is(agg_add_tick_source('hers') ->> 'success', 'true', 'another one of the same owner');
SELECT is(agg_remove_tick_source('his') ->> 'success', 'true', 'the owner removes it');
SELECT is(has_function_privilege('agg_capture_ticks()', 'EXECUTE'), true, 'who has another source keeps the right to its triggers');
SELECT is(agg_remove_tick_source('hers') ->> 'success', 'true', 'the last one');
SELECT is(has_function_privilege('agg_capture_ticks()', 'EXECUTE'), false, 'goes with that right');
SELECT is(agg_add_tick_source('hers') ->> 'success', 'true', 'which comes back with a source');
SELECT is(agg_remove_tick_source('hers') ->> 'success', 'true', 'that is removed');
RESET ROLE;
SELECT ok(has_function_privilege('agg_capture_ticks()', 'EXECUTE'), 'the function''s owner keeps his');
SELECT is_empty($$SELECT tgrelid::regclass FROM pg_trigger WHERE tgname ~ '^aggregation_tick' AND tgrelid <> ALL ('{quotes,parts,parts_10}'::regclass[])$$, 'with its triggers');

-- a run whose time is up goes on to no other source; the one that has waited longest comes first
CREATE TABLE a1 (LIKE his);
CREATE TABLE a2 (LIKE his);
CREATE TABLE a3 (LIKE his);
SELECT agg_add_tick_source(t::regclass) FROM unnest('{a1,a2,a3}'::text[]) AS t \g /dev/null
INSERT INTO a3 VALUES ('2025-07-01 09:00', 'A3', 1, 1);
INSERT INTO a1 VALUES ('2025-07-01 09:00', 'A1', 1, 1);
INSERT INTO a2 VALUES ('2025-07-01 09:00', 'A2', 1, 1);
SET client_min_messages = warning;
CALL agg_run(p_time_budget => '1 microsecond', p_now_utc => '2025-07-02');
SELECT results_eq($$SELECT canonical_symbol FROM data_bars WHERE canonical_symbol ~ '^A\d' ORDER BY 1$$, ARRAY['A3'], 'one source');
CALL agg_run(p_time_budget => '1 microsecond', p_now_utc => '2025-07-02');
SELECT results_eq($$SELECT canonical_symbol FROM data_bars WHERE canonical_symbol ~ '^A\d' ORDER BY 1$$, ARRAY['A1', 'A3'], 'then another');
CALL agg_run(p_now_utc => '2025-07-02');
SELECT results_eq($$SELECT canonical_symbol FROM data_bars WHERE canonical_symbol ~ '^A\d' ORDER BY 1$$, ARRAY['A1', 'A2', 'A3'], 'with time, all');
RESET client_min_messages;
DROP TABLE a1, a2, a3;

-- the extension goes with its triggers, and leaves ticks and bars
SET client_min_messages = error;
DROP EXTENSION aggregation;
SET client_min_messages = warning;
INSERT INTO quotes VALUES ('2025-07-01 13:00', 'A', 1);
SELECT is_empty($$SELECT tgname FROM pg_trigger WHERE tgname ~ '^aggregation_tick'$$, 'DROP EXTENSION takes the triggers along');

SELECT * FROM finish();
DROP OWNED BY ticks_owner, ticks_writer, ticks_other CASCADE;
DROP ROLE ticks_owner, ticks_writer, ticks_other;
