-- agg_indexes as people write it: many rows in one statement, what is refused and how, what is told, and rows that came while nobody looked.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();
SET timezone = 'UTC';
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-07-02 00:05+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
\set insert 'INSERT INTO agg_indexes (canonical_symbol, components, exponents) '

-- ---- what is told: components that nobody knows ----
\setenv PGOPTIONS '-c client_min_messages=notice'
\setenv PGDATABASE :DBNAME
\setenv PGHOST :HOST
\setenv PGPORT :PORT
\setenv PGUSER :USER
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD'), ('USDJPY');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('FEED', '1m', '2025-07-01', 1, 1, 1, 1);
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe) VALUES ('TASK', '5m', '1m');
\set told `psql -XqAt -c "INSERT INTO agg_indexes (canonical_symbol, components, exponents) VALUES ('TOLD', '{EURUSDD,USDJPY,FEED,TASK,DXY}', '{1,1,1,1,1}'), ('WRONG', '{TOLDD,QWERTY}', '{1,1}')" 2>&1`
SELECT is(:'told'::text, E'NOTICE:  index "TOLD": nobody knows its component "EURUSDD"\nHINT:  Did you mean "EURUSD"? No task, asset, index or bar has this symbol; the index is computed when bars of it arrive.\n'
	'NOTICE:  index "WRONG": nobody knows its component "QWERTY"\nHINT:  No task, asset, index or bar has this symbol; the index is computed when bars of it arrive.\n'
	'NOTICE:  index "WRONG": nobody knows its component "TOLDD"\nHINT:  Did you mean "TOLD"? No task, asset, index or bar has this symbol; the index is computed when bars of it arrive.', 'components that are misspelt');
\set told `psql -XqAt -c "DELETE FROM agg_indexes WHERE canonical_symbol IN ('TOLD', 'WRONG')" 2>&1`
SELECT is(:'told'::text, '', 'not of indexes that go');
DELETE FROM core_asset_registry_all;
DELETE FROM data_agg_state;
DELETE FROM data_bars;
SET client_min_messages = warning;

-- ---- one statement, many rows: the rules hold for all of them together ----
SELECT lives_ok(:'insert' || $$SELECT 'I' || i, ARRAY['I' || i + 1, 'X'], ARRAY[1, 1] FROM generate_series(1, 500) AS i$$, 'a chain of 500');
SELECT matches((probe.attempt(:'insert' || $$VALUES ('I501', '{I1}', '{1}')$$)).message, '^indexes are made of one another in a circle: I501 -> I1 -> I2 -> \.\.\. -> I501 \(501 indexes\)$', 'a long circle is told in short');
SELECT matches((probe.attempt(:'insert' || $$VALUES ('P', '{Q}', '{1}'), ('Q', '{P}', '{1}')$$)).message, 'circle: P -> Q -> P$', 'a circle in one statement');
SELECT lives_ok($$UPDATE agg_indexes SET components = CASE canonical_symbol WHEN 'I1' THEN '{X}' ELSE '{I1}' END::text[], exponents = '{1}' WHERE canonical_symbol IN ('I1', 'I500')$$, 'that one row would close a circle which another one of the statement opens');
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('I7'), ('I9'), ('DXY');
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe) SELECT s, '5m', '1m' FROM unnest('{I7,I9,DXY}'::text[]) AS s;
DELETE FROM agg_dirty_ranges;
UPDATE agg_indexes SET decimals = CASE canonical_symbol WHEN 'I8' THEN 3 ELSE decimals END;
SELECT set_eq('SELECT canonical_symbol FROM agg_dirty_ranges', ARRAY['I7'], 'what is made of the one row that is another now is marked, whatever else the statement wrote');
DELETE FROM agg_dirty_ranges;
UPDATE agg_indexes SET canonical_symbol = 'J8' WHERE canonical_symbol = 'I8';
SELECT set_eq('SELECT canonical_symbol FROM agg_dirty_ranges', ARRAY['I7'], 'also where it has another name');
DELETE FROM agg_indexes WHERE canonical_symbol LIKE 'I%' OR canonical_symbol = 'J8';
SELECT set_eq('SELECT DISTINCT canonical_symbol FROM agg_dirty_ranges', ARRAY['I7', 'I9'], 'or goes');
SELECT is_empty($$SELECT * FROM agg_dirty_ranges WHERE canonical_symbol = 'DXY'$$, 'others are not touched');
DELETE FROM data_agg_state;
DELETE FROM core_asset_registry_all;

-- ---- refused in plain words ----
CREATE FUNCTION message(given text) RETURNS text LANGUAGE sql AS $$SELECT state || ' ' || message FROM probe.attempt('INSERT INTO agg_indexes (canonical_symbol, components, exponents) VALUES (' || given || ')')$$;
SELECT is(message($$'X', '{{A,B},{C,D}}', '{1,1,1,1}'$$), '22023 index "X": its components are an array of 2 dimensions, not a list', 'components in two dimensions');
SELECT is(message($$'X', '{A,B}', '{{1,1}}'$$), '22023 index "X": its exponents are an array of 2 dimensions, not a list', 'exponents in two');
SELECT is(message($$'X', '{A,B}', '{1}'$$), '22023 index "X": the numbers of its components (2) and exponents (1) differ', 'too few exponents');
SELECT is(message($$'X', '{A,NULL}', '{1,1}'$$), '22023 index "X": a component is NULL', 'a component that is NULL');
SELECT is(message($$'X', '{A,B}', '{1,NULL}'$$), '22023 index "X": an exponent is NULL', 'an exponent that is NULL');
SELECT is(message($$'X', '{A,""}', '{1,1}'$$), '22023 index "X": a component has no name', 'a component without a name');
-- Each with what to do about it.
CREATE FUNCTION told(assignment text) RETURNS text LANGUAGE sql AS $$SELECT coalesce(state || ' ' || message || ' | ' || hint, 'nothing') FROM probe.attempt('UPDATE agg_indexes SET ' || assignment || ' WHERE canonical_symbol = ''RULES''')$$;
INSERT INTO agg_indexes (canonical_symbol, components, exponents) VALUES ('RULES', '{A,B}', '{1,1}');
SELECT is(told(assignment), '22023 index "RULES": ' || expected, assignment)
FROM (VALUES ($$components = '{{A},{B}}'$$, 'its components are an array of 2 dimensions, not a list | Write lists: components ''{EURUSD,USDJPY}'', exponents ''{1,1}''.'),
	($$exponents = '{1,1,1}'$$, 'the numbers of its components (2) and exponents (3) differ | Each component has one exponent, in the same order.'),
	($$exponents = '{1,NULL}'$$, 'an exponent is NULL | Give it a value, or take component and exponent out of the lists.'),
	($$components = '{}', exponents = '{}'$$, 'it has no components | List what it is made of: components ''{EURUSD,USDJPY}'', exponents ''{1,1}''.'),
	($$components = array_fill('A'::text, '{65}'), exponents = array_fill(1, '{65}')$$, 'it has 65 components, more than 64 | Make indexes of some of them, and let these be its components.'),
	($$components = '{A,A}'$$, 'component "A" comes twice | Name it once, with the sum of its exponents.'),
	($$components = '{A,"B "}'$$, 'component "B " has blanks around it | Name it as data_bars has it in canonical_symbol.'),
	($$components = '{A,RULES}'$$, 'it is a component of itself | Take it out of its components.'),
	($$exponents = '{1,0}'$$, 'the exponent of "B" is 0 | Then it does not count: take it out of the components.'),
	($$exponents = '{1,NaN}'$$, 'the exponent of "B" is not a number from -100 to 100 | An exponent is a weight, such as 0.136; below 0 the index falls when the component rises.'),
	($$constant = -1$$, 'its constant is not a number above 0 | Without a factor of its own an index has the constant 1.'),
	($$decimals = 16$$, 'its decimals are not 0 to 15 | decimals says how many places behind the point values keep; 8 is usual.'),
	($$carry_minutes = -1$$, 'its carry_minutes are not 0 to 10080 | carry_minutes says for how many minutes a component''s last close counts: 0 not at all, 10080 for a week.')) AS v(assignment, expected);
SELECT is(told($$canonical_symbol = ' RULES'$$), '22023 index " RULES": its symbol is empty or has blanks around it | Nobody would find its bars. Leave the blanks out.', 'blanks around a symbol');
INSERT INTO agg_indexes (canonical_symbol, components, exponents) VALUES ('ABOVE', '{RULES}', '{1}');
SELECT is(told($$components = '{ABOVE,B}'$$), '22023 indexes are made of one another in a circle: RULES -> ABOVE -> RULES | Take one of these indexes out of the components of the one before it.', 'a circle');
DELETE FROM agg_indexes WHERE canonical_symbol IN ('ABOVE', 'RULES');

SELECT matches(message($$repeat('s', 300), '{A}', '{1}'$$), '^22001 canonical_symbol must be at most 256 bytes long, .* has 300$', 'a long symbol is refused by the name of its column');
SELECT matches(message($$repeat('s', 1000000), '{A}', '{1}'$$), '^22001 canonical_symbol must be at most 256 bytes long, .* has 1000000$', 'also where no index could hold it');
SELECT matches((probe.attempt($$INSERT INTO agg_calendars (calendar, time_zone) VALUES (repeat('c', 300), 'UTC')$$)).message, '^calendar must be at most 256 bytes long, .* has 300$', 'and so is that of a calendar');
SELECT matches((probe.attempt($$INSERT INTO data_agg_state (canonical_symbol, timeframe, calendar) VALUES ('X', '5m', repeat('c', 300))$$)).message, '^calendar must be at most 256 bytes long', 'also in a task');
SELECT lives_ok($$INSERT INTO agg_calendars (calendar, time_zone) VALUES ('mine', 'Europe/Berlin')$$, 'a calendar');
SELECT probe.refuses(format($$INSERT INTO agg_calendar_exceptions (calendar, trading_date) VALUES ('mine', %L)$$, d), '22023', 'calendar "mine", exception of ' || d || ': calendars reach from 1990-01-01 to 2050-12-31', '%agg_calendar_exceptions%', 'an exception of ' || d)
FROM unnest('{infinity,-infinity,0044-03-15 BC,2051-01-01}'::text[]) AS d;
SELECT probe.refuses($$INSERT INTO agg_calendar_exceptions (calendar, trading_date, closed, opens, closes) VALUES ('mine', 'infinity', false, '09:00', '10:00')$$, '22023', '%exception of infinity%', NULL, 'with hours, too');

-- ---- rows that came while nobody looked ----
INSERT INTO core_asset_registry_all (canonical_symbol) SELECT unnest('{EURUSD,BAD,ROUND,FINE}'::text[]);
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, source) SELECT s, '1m', t, 1, 1, 1, 1, CASE s WHEN 'EURUSD' THEN 'ingest' ELSE 'synthetic' END
FROM unnest('{EURUSD,BAD}'::text[]) AS s, generate_series('2025-07-01'::timestamptz, '2025-07-01 00:59', '1 minute') AS t;
SELECT * FROM sync_agg_state_from_registry() \g /dev/null
SET session_replication_role = replica;
INSERT INTO agg_indexes (canonical_symbol, components, exponents) VALUES ('BAD', '{EURUSD}', '{0}'), ('ROUND', '{SQUARE}', '{1}'), ('SQUARE', '{ROUND}', '{1}'), ('FINE', '{EURUSD}', '{2}'), (repeat('s', 300), '{EURUSD}', '{1}');
RESET session_replication_role;
SELECT lives_ok('SELECT run()', 'runs go on');
SELECT is(count(*), 60::bigint, 'with the others') FROM data_bars WHERE canonical_symbol = 'FINE';
SELECT results_eq('SELECT canonical_symbol, timeframe, difference, stored, explanation FROM agg_verify()', $$VALUES ('BAD', '1m', 'invalid_rules', '60', NULL)$$, 'agg_verify() proves nothing of minutes whose rules make no sense');
\set told `psql -XqAt -o /dev/null -c 'SELECT agg_verify()' 2>&1`
SELECT matches(:'told'::text, '^NOTICE:  left out: index "BAD": the exponent of "EURUSD" is 0\nNOTICE:  left out: index "s*\.*": its symbol has 300 bytes, more than 256\nNOTICE:  left out: index "ROUND": it is made of itself: ROUND -> SQUARE -> ROUND\nNOTICE:  left out: index "SQUARE": [^\n]*$', 'and says which, and why');
SELECT probe.answers(agg_verify_sample(1, '1 minute'), '{"differences": 1}', 'the sample counts them');
SELECT is(audit_status, 'RED', 'as an alarm') FROM v_aggregation_truth;
CREATE FUNCTION computed(symbol text) RETURNS jsonb LANGUAGE sql AS $$SELECT agg_compute_index(symbol, '2025-07-01', '2025-07-02')$$;
SELECT is(computed('BAD'), '{"success": false, "sqlstate": "22023", "error": "index \"BAD\": the exponent of \"EURUSD\" is 0", "hint": "Then it does not count: take it out of the components."}', 'agg_compute_index() says what is wrong with the row');
SELECT is(computed('ROUND') ->> 'error', 'index "ROUND": it is made of itself: ROUND -> SQUARE -> ROUND', 'and of circles');
SELECT is(computed('FIEN'), '{"success": false, "sqlstate": "P0002", "error": "there is no index FIEN", "hint": "Did you mean \"FINE\"? agg_indexes lists the indexes; a row there makes a new one."}', 'of what is no index, what was meant');
SELECT matches(explanation, 'no minutes of the index are computed, because its row in agg_indexes makes no sense: it is made of itself', 'agg_why() tells') FROM agg_why('ROUND', '5m', '2025-07-01', '2025-07-02');
SELECT is(count(*), 4::bigint, 'and so does agg_setup()') FROM agg_setup(true) WHERE object LIKE 'index %' AND detail LIKE 'nobody computes it: %';
SELECT lives_ok($$DELETE FROM agg_indexes WHERE octet_length(canonical_symbol) = 300$$, 'a symbol that is too long can be deleted');
SELECT lives_ok($$UPDATE agg_indexes SET constant = 2 WHERE canonical_symbol = 'FINE'$$, 'others can be changed');
SELECT lives_ok($$UPDATE agg_indexes SET exponents = '{1}' WHERE canonical_symbol = 'BAD'$$, 'a rule can be mended');
SELECT lives_ok($$DELETE FROM agg_indexes WHERE canonical_symbol = 'SQUARE'$$, 'and a circle opened');
SELECT run();
SELECT is_empty('SELECT * FROM agg_verify()', 'then all is well');

-- The same of tasks, and of time zones.
SET session_replication_role = replica;
UPDATE data_agg_state SET calendar = 'nowhere' WHERE canonical_symbol = 'FINE' AND timeframe = '5m';
RESET session_replication_role;
SELECT results_eq('SELECT canonical_symbol, timeframe, difference, stored, explanation FROM agg_verify()', $$VALUES ('FINE', '5m', 'invalid_rules', '12', NULL)$$, 'bars of a task that makes no sense are no bars without task');
SELECT probe.answers(agg_verify_sample(1, '1 minute'), '{"differences": 1}', 'nor does the sample pass them over');
\set told `psql -XqAt -o /dev/null -c 'SELECT agg_verify()' 2>&1`
SELECT is(array_length(string_to_array(:'told'::text, 'left out'), 1) - 1, 1, 'told once');
SET session_replication_role = replica;
UPDATE data_agg_state SET calendar = NULL WHERE canonical_symbol = 'FINE';
RESET session_replication_role;
SELECT agg_set_calendar('EURUSD', 'mine') \g /dev/null
SELECT run();
SET session_replication_role = replica;
UPDATE agg_calendars SET time_zone = 'Europe/Berlln' WHERE calendar = 'mine';
RESET session_replication_role;
SELECT probe.refuses(statement, '22023', 'time zone "Europe/Berlln" of calendar "mine" does not exist', 'Set time_zone in agg_calendars%', statement)
FROM unnest(ARRAY['SELECT agg_verify()', $$SELECT agg_verify_sample(1, '1 minute')$$]) AS statement;
SELECT lives_ok($$SELECT agg_verify('FINE')$$, 'others can be proved');
UPDATE agg_calendars SET time_zone = 'Europe/Berlin' WHERE calendar = 'mine';
SELECT is_empty('SELECT * FROM agg_verify()', 'and the calendar, mended');

-- ---- the lock: nobody can hold it who may not write the rows ----
CREATE ROLE probe_stranger;
GRANT SELECT ON agg_indexes TO probe_stranger;
SET ROLE probe_stranger;
SELECT throws_ok('LOCK TABLE agg_indexes IN SHARE UPDATE EXCLUSIVE MODE', '42501', NULL, 'a stranger cannot hold up indexes');
RESET ROLE;
BEGIN;
SELECT agg_compute_index('FINE', '2025-07-01', '2025-07-02') \g /dev/null
SELECT set_eq($$SELECT locktype, relation::regclass::text FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'ShareUpdateExclusiveLock'$$, $$VALUES ('relation', 'agg_indexes')$$, 'the lock of who computes minutes');
SELECT is_empty($$SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()$$, 'no other one');
COMMIT;
DROP OWNED BY probe_stranger;
DROP ROLE probe_stranger;
SELECT * FROM finish();
