-- The proof reads two tables in one statement, as one owner. Where the other table's owner has policies on it, they are his code, and could hide what the proof is to see.
\ir ../pgtap/include/tap.psql
\ir ../pgtap/include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../pgtap/include/market.psql
SELECT no_plan();
\ir include/diary.psql
CREATE ROLE aggregation_proof_bars;
CREATE ROLE aggregation_proof_derived;
GRANT CREATE ON SCHEMA public TO aggregation_proof_bars, aggregation_proof_derived;
SELECT world.task('EURUSD', '5m');
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 60);
SELECT agg_run_batch(p_now_utc => '2025-07-02') \g /dev/null
ALTER TABLE data_bars OWNER TO aggregation_proof_bars;
ALTER TABLE derived_data_bars OWNER TO aggregation_proof_derived;
GRANT SELECT ON data_bars TO aggregation_proof_derived;
SELECT is_empty('SELECT * FROM agg_verify()', 'two owners: the proof is done');
SET ROLE aggregation_proof_bars;
CREATE POLICY spy ON data_bars USING (spy.note('policy'));
ALTER TABLE data_bars ENABLE ROW LEVEL SECURITY;
RESET ROLE;
TRUNCATE spy.diary;
SELECT setval('spy.noted', 1, false) \g /dev/null
SELECT probe.refuses('SELECT * FROM agg_verify()', '55000', '%"data\_bars" has row security%', '%owner%', 'a table with policies of somebody else: agg_verify() refuses');
SELECT probe.refuses($$SELECT * FROM agg_verify('EURUSD', '5m')$$, '55000', '%"data\_bars" has row security%', '%owner%', 'for one task, too');
SELECT probe.refuses('SELECT agg_verify_sample(1)', '55000', '%"data\_bars" has row security%', '%owner%', 'so does agg_verify_sample()');
SELECT matches((probe.attempt('SELECT agg_verify_sample(1)')).detail, 'aggregation_proof_derived.*aggregation_proof_bars', 'it says whose they are');
SELECT is((SELECT is_called FROM spy.noted), false, 'no policy ran');
SELECT is_empty('SELECT * FROM agg_audit', 'nothing is recorded');

-- Who is shown all rows is told of all differences.
GRANT aggregation_proof_bars TO aggregation_proof_derived;
SELECT is_empty('SELECT * FROM agg_verify()', 'whoever has the rights of the other owner is not subject to policies');
ALTER TABLE data_bars FORCE ROW LEVEL SECURITY;
SELECT probe.refuses('SELECT * FROM agg_verify()', '55000', '%"data\_bars" has row security%', '%owner%', 'unless they are forced');
ALTER TABLE data_bars NO FORCE ROW LEVEL SECURITY;
REVOKE aggregation_proof_bars FROM aggregation_proof_derived;
ALTER TABLE derived_data_bars OWNER TO postgres;
SELECT is_empty('SELECT * FROM agg_verify()', 'nor is a superuser');
SELECT is((SELECT is_called FROM spy.noted), false, 'still no policy ran');
SELECT is(agg_run_batch(p_now_utc => '2025-07-03') ->> 'success', 'true', 'what reads one table as its owner works');

-- agg_setup() does not look for tasks in a view in the table's place, nor for symbols in a table that hides some.
ALTER TABLE data_agg_state RENAME TO real_state;
CREATE VIEW data_agg_state AS SELECT s.* FROM real_state s WHERE spy.note('view');
ALTER VIEW data_agg_state OWNER TO aggregation_proof_bars;
GRANT SELECT ON real_state TO aggregation_proof_bars;
SELECT count(*) FROM agg_setup(true) \g /dev/null
SELECT is((SELECT is_called FROM spy.noted), false, 'a view in the place of a table is not read by agg_setup()');
DROP VIEW data_agg_state;
ALTER TABLE real_state RENAME TO data_agg_state;
ALTER TABLE data_bars DISABLE ROW LEVEL SECURITY;
ALTER TABLE derived_data_bars OWNER TO aggregation_proof_derived;
CREATE TABLE symbols (s text PRIMARY KEY);
INSERT INTO symbols VALUES ('EURUSD');
GRANT SELECT, REFERENCES ON symbols TO aggregation_proof_derived;
SET ROLE aggregation_proof_derived;
ALTER TABLE derived_data_bars ADD CONSTRAINT known_symbol FOREIGN KEY (canonical_symbol) REFERENCES symbols NOT VALID;
RESET ROLE;
ALTER TABLE symbols OWNER TO aggregation_proof_bars;
SET ROLE aggregation_proof_bars;
CREATE POLICY spy ON symbols USING (spy.note('policy'));
ALTER TABLE symbols ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON symbols TO aggregation_proof_derived;
RESET ROLE;
SELECT count(*) FROM agg_setup(true) \g /dev/null
SELECT is((SELECT is_called FROM spy.noted), false, 'nor are policies of a table that is referred to run');

SELECT * FROM finish();
REASSIGN OWNED BY aggregation_proof_bars, aggregation_proof_derived TO postgres;
DROP OWNED BY aggregation_proof_bars, aggregation_proof_derived;
DROP ROLE aggregation_proof_bars;
DROP ROLE aggregation_proof_derived;
