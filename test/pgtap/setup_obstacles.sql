-- agg_setup() names what prevents a bar before the first run, dry or not, and names nothing else.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SET client_min_messages = error;
SELECT no_plan();
SELECT is_empty('SELECT * FROM agg_setup()', 'a fresh installation has no obstacle');
SELECT is_empty('SELECT * FROM agg_setup(true)', 'dry or not');
SELECT world.task('EURUSD', '15m') \g /dev/null

-- Makes a change, asks what is in the way, and undoes the change: "object: detail" of the only one that matches, or how many there are.
CREATE FUNCTION named(change text, what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	BEGIN
		EXECUTE change;
		SELECT CASE WHEN count(*) <> 1 THEN format('%s rows: %s', count(*), string_agg(object, '; ')) WHEN bool_and(object LIKE what) AND bool_and(action = 'cannot mend') THEN '' ELSE string_agg(object || ': ' || detail, '; ') END
			INTO said FROM agg_setup() WHERE action NOT IN ('added', 'created');
		IF (SELECT array_agg(a.object ORDER BY a.object) FROM agg_setup(true) AS a WHERE action = 'cannot mend') IS DISTINCT FROM (SELECT array_agg(a.object ORDER BY a.object) FROM agg_setup() AS a) THEN
			said := said || ' (a dry run says something else)';
		END IF;
		RAISE EXCEPTION 'undo' USING ERRCODE = 'ZZ000';
	EXCEPTION WHEN SQLSTATE 'ZZ000' THEN NULL;
	END;
	RETURN said;
END
$$;
CREATE FUNCTION nothing_named(change text) RETURNS text LANGUAGE sql AS $$ SELECT named(change, '') $$;

-- Columns.
SELECT is(named('ALTER TABLE derived_data_bars ADD desk text NOT NULL', 'column derived_data_bars.desk'), '', 'a column that must have a value and gets none');
SELECT is(nothing_named($$ALTER TABLE derived_data_bars ADD desk text NOT NULL DEFAULT 'fx'$$), '0 rows: ', 'one that has a default is none');
SELECT is(nothing_named('ALTER TABLE derived_data_bars ADD id bigserial, ADD number bigint GENERATED ALWAYS AS IDENTITY, ADD width double precision GENERATED ALWAYS AS (high - low) STORED NOT NULL'), '0 rows: ', 'nor are a serial, an identity and a generated column of the owner''s');
SELECT is(named('ALTER TABLE derived_data_bars ALTER provider_ticker SET NOT NULL', 'column derived_data_bars.provider_ticker'), '', 'the ticker, which no computed bar has');
SELECT is(nothing_named('ALTER TABLE derived_data_bars ALTER raw DROP DEFAULT, ALTER raw SET NOT NULL, ALTER created_at DROP DEFAULT, ALTER created_at SET NOT NULL'), '0 rows: ', 'columns that are always written');
SELECT is(named('CREATE DOMAIN wordy AS text NOT NULL; ALTER TABLE derived_data_bars ADD desk wordy', 'column derived_data_bars.desk'), '', 'a domain that is NOT NULL');
SELECT is(named('ALTER TABLE derived_data_bars DROP is_partial; ALTER TABLE derived_data_bars ADD is_partial boolean GENERATED ALWAYS AS (vol IS NULL) STORED', 'column derived_data_bars.is_partial'), '', 'a column of ours that is generated');
SELECT is(named('DROP VIEW v_aggregation_quality; ALTER TABLE derived_data_bars DROP quality_score; ALTER TABLE derived_data_bars ADD quality_score integer GENERATED ALWAYS AS IDENTITY', 'column derived_data_bars.quality_score'), '', 'or an identity');
SELECT is(named($$ALTER TABLE data_agg_state ADD desk text NOT NULL DEFAULT ''; ALTER TABLE data_agg_state ALTER desk DROP DEFAULT$$, 'column data_agg_state.desk'), '', 'tasks are written, too');

-- Checks, evaluated on bars as they are written.
SELECT is(named($$ALTER TABLE derived_data_bars ADD CONSTRAINT few CHECK (timeframe IN ('5m', '1h'))$$, 'constraint few of derived_data_bars'), '', 'a check that refuses a timeframe of a task');
SELECT is(nothing_named($$ALTER TABLE derived_data_bars ADD CONSTRAINT enough CHECK (timeframe = ANY (ARRAY['5m', '15m', '1h']))$$), '0 rows: ', 'one that lets all of them in');
SELECT is(named($$ALTER TABLE derived_data_bars ADD CONSTRAINT origin CHECK (source = 'ingest')$$, 'constraint origin of derived_data_bars'), '', 'a check of the source');
SELECT is(named('ALTER TABLE derived_data_bars ADD CONSTRAINT good CHECK (quality_score >= 0)', 'constraint good of derived_data_bars'), '', 'a check that refuses poor bars');
SELECT is(nothing_named('ALTER TABLE derived_data_bars ADD CONSTRAINT sane CHECK (high >= low AND open BETWEEN low AND high AND vol >= 0 AND source_candles <= expected_candles AND deleted_at IS NULL IS NOT NULL)'), '0 rows: ', 'a sane check');
SELECT is(nothing_named($$ALTER TABLE derived_data_bars ADD desk text DEFAULT 'fx', ADD CONSTRAINT desks CHECK (desk IS NOT NULL)$$), '0 rows: ', 'a check of the owner''s columns is the owner''s');
SELECT is(nothing_named($$ALTER TABLE data_bars ADD CONSTRAINT feeds CHECK (timeframe IN ('5m', '1m') AND source <> 'synthetic')$$), '0 rows: ', 'data_bars is only read where there is no index');
SELECT is(nothing_named('ALTER TABLE data_bars ADD desk text NOT NULL'), '0 rows: ', 'so it may ask its feed for what it likes');

-- Where all pairs of the index are registered, its minutes are written.
INSERT INTO core_asset_registry_all (canonical_symbol) SELECT unnest(ARRAY['USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF']);
SELECT is_empty('SELECT * FROM agg_setup()', 'which is no obstacle');
SELECT is(named($$ALTER TABLE data_bars ADD CONSTRAINT feeds CHECK (timeframe IN ('5m', '1m') AND source <> 'synthetic')$$, 'constraint feeds of data_bars'), '', 'a check that refuses synthetic minutes');
SELECT is(nothing_named($$ALTER TABLE data_bars ADD CONSTRAINT feeds CHECK (timeframe IN ('1m', '5m', '1h', '4h', '1d', '1w'))$$), '0 rows: ', 'one that knows no 15m lets them in');
SELECT is(named('ALTER TABLE data_bars ADD desk text NOT NULL', 'column data_bars.desk'), '', 'a column that they have no value for');
SELECT is(named('ALTER TABLE data_bars ADD CONSTRAINT assets FOREIGN KEY (canonical_symbol) REFERENCES core_asset_registry_all', 'constraint assets of data_bars'), '', 'a registry that does not know the index');
SELECT is(nothing_named($$INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('DXY'); ALTER TABLE data_bars ADD CONSTRAINT assets FOREIGN KEY (canonical_symbol) REFERENCES core_asset_registry_all$$), '0 rows: ', 'or does');
SELECT is(named($$CREATE TABLE widths (name text PRIMARY KEY); INSERT INTO widths VALUES ('5m'), ('1h'); ALTER TABLE derived_data_bars ADD CONSTRAINT known FOREIGN KEY (timeframe) REFERENCES widths$$, 'constraint known of derived_data_bars'), '', 'a table of timeframes that lacks one');
SELECT is(nothing_named('ALTER TABLE derived_data_bars ADD CONSTRAINT assets FOREIGN KEY (canonical_symbol) REFERENCES core_asset_registry_all'), '0 rows: ', 'a registry that knows the tasks'' symbols');

-- How the tables are made.
SELECT is(named('CREATE ROLE somebody; ALTER TABLE derived_data_bars OWNER TO somebody; ALTER TABLE derived_data_bars ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', 'table derived_data_bars'), '', 'row security that is forced on the owner');
SELECT is(nothing_named('ALTER TABLE derived_data_bars ENABLE ROW LEVEL SECURITY'), '0 rows: ', 'row security that is for others');
SELECT is(named('CREATE RULE elsewhere AS ON INSERT TO derived_data_bars DO INSTEAD NOTHING', 'rule elsewhere on derived_data_bars'), '', 'a rule');
SELECT is(named('ALTER TABLE derived_data_bars SET UNLOGGED', 'table public.derived_data_bars'), '', 'an unlogged table');
SELECT is(named('CREATE UNIQUE INDEX whole ON derived_data_bars (canonical_symbol, timeframe, ts_utc)', 'index public.whole'), '', 'a key that soft-deleted bars keep');
SELECT is(named('CREATE TABLE newer (LIKE derived_data_bars) PARTITION BY RANGE (ts_utc); DROP TABLE derived_data_bars CASCADE; ALTER TABLE newer RENAME TO derived_data_bars', 'table derived_data_bars'), '', 'a partitioned table without partitions');
SELECT is(nothing_named('CREATE TABLE newer (LIKE derived_data_bars) PARTITION BY RANGE (ts_utc); DROP TABLE derived_data_bars CASCADE; ALTER TABLE newer RENAME TO derived_data_bars; CREATE TABLE whole PARTITION OF derived_data_bars DEFAULT'), '0 rows: ', 'and with one');
SELECT is(nothing_named('ALTER TABLE data_bars DROP CONSTRAINT data_bars_unique_idx, ADD CONSTRAINT later UNIQUE (canonical_symbol, timeframe, ts_utc) DEFERRABLE'), '0 rows: ', 'a deferrable key is no key: another one is made');

-- Publications: what they send must be told apart.
SELECT is(named('CREATE PUBLICATION sent FOR TABLE derived_data_bars', 'table public.derived_data_bars'), '', 'a publication of derived bars without a replica identity');
SELECT is(nothing_named('CREATE PUBLICATION sent FOR TABLE derived_data_bars; ALTER TABLE derived_data_bars REPLICA IDENTITY FULL'), '0 rows: ', 'with one');
SELECT is(nothing_named($$CREATE PUBLICATION sent FOR TABLE derived_data_bars WITH (publish = 'insert')$$), '0 rows: ', 'of inserts alone');
SELECT is(nothing_named('CREATE PUBLICATION sent FOR TABLE data_bars'), '0 rows: ', 'of data_bars, which has a key');
SELECT is(named('CREATE TABLE newer (LIKE derived_data_bars) PARTITION BY RANGE (ts_utc); DROP TABLE derived_data_bars CASCADE; ALTER TABLE newer RENAME TO derived_data_bars; CREATE TABLE whole PARTITION OF derived_data_bars DEFAULT; CREATE PUBLICATION sent FOR TABLE derived_data_bars', 'table public.whole'), '', 'partitions by name');
SELECT cmp_ok(count(*), '>', 3::bigint, 'a publication of all tables: the queues, too')
FROM (SELECT named('CREATE PUBLICATION sent FOR ALL TABLES', '') AS said) AS x, LATERAL unnest(string_to_array(x.said, ';')) AS one;

-- Expressions of the tables' owner run as the owner, and leave nothing behind.
CREATE ROLE owner_of_bars;
GRANT CREATE ON SCHEMA public TO owner_of_bars;
CREATE TABLE seen (who text);
CREATE FUNCTION spy(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'seen by %', current_user; INSERT INTO public.seen VALUES (current_user); RETURN false; END $$;
GRANT INSERT ON seen TO owner_of_bars;
ALTER TABLE derived_data_bars OWNER TO owner_of_bars, ADD CONSTRAINT spied CHECK (spy(timeframe));
SELECT is(count(*), 1::bigint, 'a check with a will of its own is named') FROM agg_setup() WHERE object = 'constraint spied of derived_data_bars';
SELECT is_empty('TABLE seen', 'and has done nothing');
CREATE OR REPLACE FUNCTION spy(text) RETURNS boolean LANGUAGE sql AS $$ SELECT current_user <> 'owner_of_bars' $$;
SELECT is(count(*), 1::bigint, 'it ran as the owner') FROM agg_setup() WHERE object = 'constraint spied of derived_data_bars';
CREATE OR REPLACE FUNCTION spy(text) RETURNS boolean LANGUAGE sql AS $$ SELECT current_user = 'owner_of_bars' $$;
SELECT is(count(*), 0::bigint, 'and nobody else') FROM agg_setup() WHERE object = 'constraint spied of derived_data_bars';
CREATE OR REPLACE FUNCTION spy(text) RETURNS boolean LANGUAGE sql AS $$ SELECT 1 / length($1 || '') > 5 OR 1 / 0 = 1 $$;
SELECT is(count(*), 0::bigint, 'one that fails says nothing about bars') FROM agg_setup() WHERE object = 'constraint spied of derived_data_bars';
ALTER TABLE derived_data_bars OWNER TO CURRENT_USER;
REVOKE ALL ON seen FROM owner_of_bars;
REVOKE ALL ON SCHEMA public FROM owner_of_bars;
DROP ROLE owner_of_bars;

SELECT * FROM finish();
