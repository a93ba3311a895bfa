-- agg_chart(): the newest bars as text.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();
SET timezone = 'Asia/Tokyo';
SET client_encoding = 'UTF8';

INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('EURUSD', '{"agg": {"start_utc": "2025-07-01T10:00:00Z"}}'), ('SILENT', '{}');
SELECT sync_agg_state_from_registry() \g /dev/null
-- Up by a cent in each of the first twenty minutes, down in the next ten, of which one is missing; twice the volume in every second five minutes.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT 'EURUSD', '1m', '2025-07-01 10:00+00'::timestamptz + i * interval '1 minute', p / 100.0, (greatest(p, q) + 1) / 100.0, (least(p, q) - 1) / 100.0, q / 100.0, 10 + 10 * (i / 5 % 2)
FROM (SELECT i, 100 + least(i, 40 - i) AS p, 100 + least(i + 1, 39 - i) AS q FROM generate_series(0, 29) AS i) AS m
WHERE i <> 23;
SELECT agg_run_batch(p_now_utc => '2025-07-01 10:26+00') \g /dev/null

SELECT results_eq($$SELECT * FROM agg_chart('EURUSD', '5m', p_height => 6, p_now_utc => '2025-07-01 10:27+00')$$, $$VALUES
	('   █░ ┤ 1.21'),
	('  ██░░│'),
	(' ██││░│'),
	('│█│   │'),
	('██    │'),
	('█     ┤ 0.99'),
	('▄█▄█▄▅  volume up to 100'),
	('┬─────┘'),
	('07-01 10:00'),
	('EURUSD/5m: close 1.12, forming, begins 2025-07-01 10:25 UTC; quality of the last 6: 2 2 2 2 1 forming')$$, 'all bars, whatever the session''s time zone');
SELECT results_eq($$SELECT agg_chart('EURUSD', '5m', 3, 2, true, '2025-07-01 10:27+00')$$, $$VALUES
	('#: + 1.21'),
	('#::+ 1.11'),
	('@=+  volume up to 100'),
	('+--+'),
	('07-01 10:15'),
	('EURUSD/5m: close 1.12, forming, begins 2025-07-01 10:25 UTC; quality of the last 3: 2 1 forming')$$, 'the newest three, in plain ASCII, called without FROM');
SELECT matches((SELECT array_agg(line) FROM agg_chart('EURUSD', '1m', p_now_utc => '2025-07-01 11:00+00') AS line)::text, 'EURUSD/1m: close 1.1, final, begins 2025-07-01 10:29 UTC"', 'minutes have no quality');
SELECT is((SELECT max(length(line)) FROM agg_chart('EURUSD', '1m', 10, 5, p_now_utc => '2025-07-01 11:00+00') WITH ORDINALITY AS c(line, n) WHERE n BETWEEN 2 AND 4), 11, 'a column for each bar');
SELECT results_eq($$SELECT * FROM agg_chart('SILENT', '5m')$$, ARRAY['SILENT/5m: there is no bar'], 'a symbol without bars');
-- What a client cannot show is not drawn for it.
SET client_encoding = 'LATIN1';
SELECT ok(bool_and(line ~ '^[ -~]*$'), 'another encoding gets plain ASCII') FROM agg_chart('EURUSD', '5m', p_now_utc => '2025-07-01 10:27+00') AS line;
SET client_encoding = 'UTF8';
UPDATE derived_data_bars SET high = 'NaN', close = 'Infinity' WHERE ts_utc = '2025-07-01 10:10+00';
SELECT results_eq($$SELECT * FROM agg_chart('EURUSD', '5m', p_height => 2, p_now_utc => '2025-07-01 10:27+00') LIMIT 1$$, ARRAY[' █ █░░┤ 1.21'], 'a bar without usable prices leaves its column empty');

CREATE ROLE probe_reader;
GRANT USAGE ON SCHEMA public, probe TO probe_reader;
SET ROLE probe_reader;
SELECT is((probe.attempt($$SELECT agg_chart('EURUSD', '5m')$$)).state, '42501', 'nobody draws who may not call it');
RESET ROLE;
GRANT EXECUTE ON FUNCTION agg_chart TO probe_reader;
SET ROLE probe_reader;
SELECT is((probe.attempt($$SELECT agg_chart('EURUSD', '5m')$$)).state, '42501', 'nor who may not read the bars');
RESET ROLE;
GRANT SELECT ON data_bars, derived_data_bars TO probe_reader;
SET ROLE probe_reader;
SELECT isnt_empty($$SELECT agg_chart('EURUSD', '5m')$$, 'a reader may');
RESET ROLE;
DROP OWNED BY probe_reader;
DROP ROLE probe_reader;

INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES (E'A\nB\x1b[2J', '1m', '2025-07-01 00:00+00', 1, 1, 1, 1);
SELECT is((SELECT line FROM agg_chart(E'A\nB\x1b[2J', '1m', 3, 3, p_now_utc => '2025-07-01 00:10+00') AS c (line) WHERE line LIKE '"A%'), '"A\nB\x1b[2J"/1m: close 1, final, begins 2025-07-01 00:00 UTC', 'control characters of a symbol are spelled');

SELECT probe.refuses($$SELECT agg_chart('EURUSX', '5m')$$, 'P0002', '%"EURUSX" does not exist', 'Did you mean "EURUSD"?%', 'a symbol that is misspelt');
SELECT probe.refuses($$SELECT agg_chart('EURUSD', '5x')$$, '22023', '%5x%', NULL, 'a timeframe that is none');
SELECT probe.refuses(format('SELECT agg_chart(''EURUSD'', ''5m'', %s)', arguments), '22023', '%' || name || ' must be from % to %, not %(EURUSD/5m)', 'A terminal has no room for more.', 'refused: ' || arguments)
FROM (VALUES ('p_n', '0'), ('p_n', '1001'), ('p_n', '-2147483648'), ('p_height', '60, 1'), ('p_height', '60, 201')) AS v (name, arguments);
SELECT probe.refuses($$SELECT agg_chart('EURUSD', '5m', p_ascii => NULL)$$, '22004', '%p_ascii%', NULL, 'NULL for what has a default');
SELECT * FROM finish();
