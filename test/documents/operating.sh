# docs/operating.md, in public and in a schema of its own.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/operating.md

drop_roles() { psql -X -q -d postgres -c 'DROP ROLE IF EXISTS alice'; }
for schema in public market; do
	fresh_page template0
	drop_roles
	export PGOPTIONS="-c search_path=$schema,public -c client_min_messages=warning -c timezone=UTC"
	if [ "$schema" = market ]; then sql -c 'CREATE SCHEMA market'; fi
	run in-the-database.1 "s/^CREATE EXTENSION aggregation;/CREATE EXTENSION aggregation SCHEMA $schema;/"
	sql -c "INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD')" \
		-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '1m', t, 1, 1, 1, 1 FROM generate_series('2025-07-01'::timestamptz, '2025-07-01 01:00', '1 minute') AS t" \
		-c 'SELECT sync_agg_state_from_registry()' -c 'SELECT agg_run_batch()' >/dev/null
	run bars-that-are-there-already.1
	run roles-and-rights.1
	for relation in data_bars derived_data_bars "agg_bars('EURUSD', '45m')" "agg_latest('{EURUSD}', '5m')" "agg_chart('EURUSD', '5m')" "agg_gaps('EURUSD')" "agg_completeness(current_date)" "agg_why('EURUSD', '5m', '2025-07-01')"; do
		like "$(sql -c 'SET ROLE alice' -c "SELECT count(*) FROM $relation" 2>&1)" '^[0-9]+$' "$schema: alice reads $relation"
	done
	# As it is with pg_cron, of which only the job's command is tried here.
	sql -c 'CREATE SCHEMA cron' -c 'CREATE FUNCTION cron.schedule(text, text, command text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN EXECUTE command; RETURN 1; END $$'
	for block in watch.1 watch.2 watch.3 watch.4 watch.5; do
		run "$block"
	done
	run backup-and-restore.1 "s|market_again|documents_again|g; s|market.dump|$blocks/market.dump|g; s| market\$| $PGDATABASE|; s| market ( +#)| $PGDATABASE \1|"
	is "$(sql -d documents_again -c 'SELECT count(*) FROM derived_data_bars' -c 'SELECT count(*) FROM agg_verify()')" "$(sql -c 'SELECT count(*) FROM derived_data_bars')"$'\n0' "$schema: restored, every bar is there and true"
	psql -X -q -d postgres -c 'DROP DATABASE IF EXISTS documents_again'
	# What pg_dump --data-only has collides with the rows that agg_setup() has made, but for this.
	run upgrade.1
	run uninstall.1
	run uninstall.2
	is "$(sql -c "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = '$schema'::regnamespace AND relkind IN ('r', 'v')")" 'core_asset_registry_all data_agg_state data_bars derived_data_bars' "$schema: what is left is the data"
done
sql -c 'DROP OWNED BY alice'
drop_roles
leave install.1 'the tests themselves were installed like this'
leave monitoring.1 'it would change the system; the suite monitoring does the same'
leave packages.1 'it takes minutes; the suite package does it'
leave upgrade.2 'the suite sessions restores rows alone'
close_page
done_testing
