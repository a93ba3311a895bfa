-- Tables that are not as they should be: dropped, renamed, a column dropped or of another type, a constraint of somebody else's, a view in
-- their place. Each is refused with a hint that says what mends it; nothing is written; afterwards everything works again.
\ir include/tap.psql
\ir include/refusals.psql
SELECT no_plan();

-- Before agg_setup there is nothing at all.
CREATE TABLE calls (statement text);
INSERT INTO calls VALUES ($$SELECT agg_bootstrap_cursor('EURUSD', '5m')$$), ($$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 10, '2025-07-02')$$), ($$SELECT * FROM agg_get_due_tasks('prod', '2025-07-02')$$),
	($$SELECT agg_start('EURUSD', '5m', '2025-07-02')$$), ($$SELECT agg_finish('EURUSD', '5m', true, '2025-07-01 00:05+00', NULL, NULL, NULL, '2025-07-02')$$), ($$SELECT sync_agg_state_from_registry()$$),
	($$SELECT aggregate_1m_to_5m_window('EURUSD', '2025-07-01 00:00+00', '2025-07-01 00:05+00')$$), ($$SELECT * FROM agg_aggregate_tasks(ARRAY['EURUSD'], ARRAY['5m'], 10, '2025-07-02')$$);
SELECT probe.refuses(statement, '42P01', NULL, '%agg_setup()%', 'no tables yet: ' || statement) FROM calls;

DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT world.task('EURUSD', tf) FROM unnest(ARRAY['5m', '1h']) AS tf;
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 20);
DROP VIEW v_aggregation_frontier_health, v_aggregation_unread_bars, v_aggregation_completeness, v_aggregation_lag, v_aggregation_quality, v_aggregation_alerts, v_aggregation_metrics; -- they would hold the columns' types
CREATE FUNCTION works() RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', a ->> 'reason', a ->> 'bars_created') FROM catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 10, '2025-07-02') AS a
$$;

-- Each change is made, tried and taken back. Which statement notices, and how.
CREATE TABLE changes (change text, statement text, state text, message text, hint text);
INSERT INTO changes SELECT change, statement, state, message, '%agg_setup()%' FROM (VALUES
	('ALTER TABLE data_bars RENAME TO elsewhere', '42P01', '%data_bars%'),
	('DROP TABLE data_bars CASCADE', '42P01', '%data_bars%'),
	('DROP TABLE derived_data_bars CASCADE', '42P01', '%derived_data_bars%'),
	('ALTER TABLE derived_data_bars RENAME COLUMN close TO last', '42703', '%close%'),
	('ALTER TABLE derived_data_bars DROP COLUMN deleted_at CASCADE', '42703', '%deleted_at%'),
	('ALTER TABLE data_bars DROP COLUMN vwap', '42703', '%vwap%'),
	('ALTER TABLE data_bars ALTER COLUMN high TYPE text', '42804', '%high%'),
	('ALTER TABLE data_bars ALTER COLUMN close TYPE numeric', '42804', '%close%'),
	('ALTER TABLE data_bars ALTER COLUMN vol TYPE real', '42804', '%vol%'),
	('ALTER TABLE data_bars ALTER COLUMN ts_utc TYPE timestamp', '42804', '%ts_utc%'),
	('ALTER TABLE data_bars ALTER COLUMN open TYPE jsonb USING to_jsonb(open)', '42804', '%open%'),
	('ALTER TABLE derived_data_bars ALTER COLUMN open TYPE numeric', '42804', '%open%'),
	('ALTER TABLE derived_data_bars ALTER COLUMN quality_score TYPE jsonb USING to_jsonb(quality_score)', '42804', '%quality_score%'),
	('DROP VIEW v_aggregation_truth; ALTER TABLE data_agg_state ALTER COLUMN last_agg_bar_ts_utc TYPE text', '42804', '%last_agg_bar_ts_utc%'),
	('DROP TABLE data_agg_state CASCADE', '42P01', '%data_agg_state%')) AS v (change, state, message),
	unnest(ARRAY[$$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 10, '2025-07-02')$$, $$SELECT * FROM agg_aggregate_tasks(ARRAY['EURUSD'], ARRAY['5m'], 10, '2025-07-02')$$]) AS statement;
INSERT INTO changes VALUES
	('ALTER TABLE core_asset_registry_all DROP COLUMN metadata', 'SELECT sync_agg_state_from_registry()', '42703', '%metadata%', '%agg_setup()%'),
	('ALTER TABLE core_asset_registry_all ALTER COLUMN active DROP DEFAULT, ALTER COLUMN active TYPE text', 'SELECT sync_agg_state_from_registry()', '42804', NULL, '%agg_setup()%'),
	('DROP TABLE core_asset_registry_all CASCADE', $$SELECT * FROM agg_get_due_tasks('prod', '2025-07-02')$$, '42P01', '%core_asset_registry_all%', '%agg_setup()%'),
	('ALTER TABLE data_agg_state DROP COLUMN claim_token CASCADE', $$SELECT agg_start('EURUSD', '5m', '2025-07-02')$$, '42703', '%claim_token%', '%agg_setup()%'),
	('ALTER TABLE data_agg_state ALTER COLUMN hard_fail_streak DROP DEFAULT, ALTER COLUMN hard_fail_streak TYPE jsonb USING to_jsonb(hard_fail_streak)', $$SELECT agg_finish('EURUSD', '5m', false, NULL, NULL, 'hard', 'x', '2025-07-02')$$, '42804', '%hard_fail_streak%', '%agg_setup()%'),
	('ALTER TABLE derived_data_bars ADD CONSTRAINT house_rule CHECK (close < 110)', $$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 10, '2025-07-02')$$, '23514', '%house_rule%', NULL),
	('ALTER TABLE derived_data_bars ADD COLUMN desk text NOT NULL', $$SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01', 10, '2025-07-02')$$, '23502', '%desk%', NULL);

-- In a subtransaction that is taken back, so that each starts from the same tables.
CREATE FUNCTION complaint_after(c changes) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	complaint text;
BEGIN
	BEGIN
		EXECUTE c.change;
		complaint := probe.complaint(c.statement, c.state, c.message, c.hint);
		RAISE EXCEPTION USING ERRCODE = 'P0999', MESSAGE = 'take it back';
	EXCEPTION WHEN SQLSTATE 'P0999' THEN
		RETURN complaint;
	END;
END
$$;
SELECT is(complaint_after(c), '', c.change || ': ' || split_part(c.statement, '(', 1)) FROM changes AS c ORDER BY change, statement;
SELECT is(works(), 'frontier 4', 'and with everything back it works');

SELECT * FROM finish();
