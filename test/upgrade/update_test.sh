# ALTER EXTENSION aggregation UPDATE and nothing else: the same catalog as a fresh install's, data as it was, and bars as they should be.
source "$(dirname -- "${BASH_SOURCE[0]}")/databases.sh"
need_old_library
own_server fsync=off
make_roles

for world in 'public plain' 'market plain' 'public partitioned' 'market owned'; do
	read -r schema shape <<<"$world"
	old=old_${schema}_$shape fresh=fresh_${schema}_$shape
	make_1_0 "$old" "$schema" "$shape"
	make_fresh "$fresh" "$schema" "$shape"
	tables='data_bars derived_data_bars data_agg_state agg_change_log agg_refused_ranges agg_registry_sync agg_timeframes ops_runlog core_asset_registry_all'
	# What 1.0 had: columns that are new have their defaults.
	new="ARRAY['total_windows_skipped', 'total_source_rows_refused', 'assets_skipped', 'unknown_keys', 'calendar', 'revision', 'keep_revisions', 'freshness_target_seconds']"
	sums() { for table in $tables; do in_database "$old" "$schema" -c "SELECT '$table', count(*), md5(string_agg(r, '' ORDER BY r)) FROM $table AS t, LATERAL (SELECT (to_jsonb(t) - $new)::text) AS s (r)"; done; }
	before=$(sums)
	marks=$(in_database "$old" "$schema" -c "SELECT due, count(*) FROM agg_dirty_ranges GROUP BY 1 ORDER BY 1")
	# Default privileges give away no function that an update creates.
	in_database "$old" "$schema" -c 'ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO upgrade_reader'
	is "$(in_database "$old" "$schema" -c 'ALTER EXTENSION aggregation UPDATE' 2>&1)" '' "in $schema, $shape: the update has nothing to say"
	in_database "$old" "$schema" -c 'ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM upgrade_reader'
	is "$(sums)" "$before" 'what is stored is as it was'
	is "$(in_database "$old" "$schema" -c 'SELECT due, count(*) FROM agg_dirty_ranges GROUP BY 1 ORDER BY 1')" "$marks" 'all marks are there'
	is "$(in_database "$old" "$schema" -c "SELECT DISTINCT timeframe IS NULL FROM agg_sealed_ranges")" t 'seals are of minutes'
	like "$(catalog "$old" "$schema" | wc -l)" '^[0-9]{4}$' 'the catalog is a thousand lines'
	same_catalog "$old" "$fresh" "$schema" 'the catalog is a fresh install'\''s'
	is "$(in_database "$old" "$schema" -c 'SELECT object, action FROM agg_setup(true) WHERE action <> $$offers$$')" '' 'nothing is left to set up'
	finish_claimed "$old" "$schema"
	run_on "$old" "$schema"
	is "$(in_database "$old" "$schema" -c "SELECT * FROM agg_verify() WHERE explanation IS DISTINCT FROM 'deleted'")" '' 'run on, all bars are true'
	is "$(in_database "$old" "$schema" -c "SELECT (SELECT count(*) FROM agg_change_log), (SELECT count(*) FROM agg_dirty_ranges WHERE canonical_symbol <> 'USDSEK')")" '0|0' 'and no work is left'
	is "$(in_database "$old" "$schema" -c "SELECT count(*) > 0 FROM agg_refused_ranges WHERE canonical_symbol = 'FROZEN'")" t 'what was refused stays refused'
	copy_source "$old" "$fresh" "$schema"
	run_on "$fresh" "$schema"
	is "$(diff <(bars_of "$old" "$schema") <(bars_of "$fresh" "$schema") | head -n 5)" '' 'they are those of a fresh database'
	like "$(bars_of "$old" "$schema" | wc -l)" '^[0-9]{4,}$' 'which are thousands'
	is "$(in_database "$old" "$schema" -c "ALTER EXTENSION aggregation UPDATE" 2>&1)" '' 'a second update does nothing'
done

done_testing
