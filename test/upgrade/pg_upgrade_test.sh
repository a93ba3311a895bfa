# pg_upgrade to another major version of PostgreSQL, where there is one: of databases of 1.0, which are updated afterwards, and of this release.
source "$(dirname -- "${BASH_SOURCE[0]}")/databases.sh"

if [ -z "$OTHER_LIBRARY" ]; then
	echo 'ok 1 - # SKIP pg_upgrade needs two major versions of PostgreSQL with their server headers (OTHER_PG_CONFIG names the second one)'
	echo 1..1
	exit 0
fi

# From the older of the two to the newer one. use_library() and make_1_0() mean the older server here.
older=$PG_CONFIG newer=$OTHER_PG_CONFIG
if [ "$(postgresql_major "$newer")" -lt "$(postgresql_major "$older")" ]; then
	older=$OTHER_PG_CONFIG newer=$PG_CONFIG
	new_library=$OTHER_LIBRARY OLD_LIBRARY=$OTHER_OLD_LIBRARY
fi
PG_CONFIG=$older
library=$("$PG_CONFIG" --pkglibdir)/aggregation.so

own_server fsync=off
make_roles
worlds=()
if [ -n "$OLD_LIBRARY" ]; then
	make_1_0 plain_1_0 public plain
	make_1_0 partitioned_1_0 market partitioned
	worlds=('plain_1_0 public plain' 'partitioned_1_0 market partitioned')
fi
make_fresh this_release public plain
in_database this_release public -f "$upgrade_folder/fill.sql" >/dev/null
worlds+=('this_release public plain')

# pg_upgrade wants both servers stopped, and a folder in which it may write.
server_stop
old_folder=$server_folder
PG_CONFIG=$newer
server_make "$own_folder/newer"
status=0
(as_server env -C "$server_folder" "$("$newer" --bindir)/pg_upgrade" --old-bindir "$("$older" --bindir)" --new-bindir "$("$newer" --bindir)" \
	--old-datadir "$old_folder/data" --new-datadir "$server_folder/data" --socketdir "$server_folder/socket" --old-port 5432 --new-port 5432) \
	>"$own_folder/pg_upgrade.log" 2>&1 || status=$?
is "$status" 0 "pg_upgrade from $(postgresql_major "$older") to $(postgresql_major "$newer")"
if [ "$status" != 0 ]; then
	tail -n 12 "$own_folder/pg_upgrade.log" "$own_folder"/newer/data/pg_upgrade_output.d/*/log/pg_upgrade_dump_*.log | sed 's/^/# /'
	done_testing
	exit 1
fi
server_start "${own_settings[@]}"

for world in "${worlds[@]}"; do
	read -r name schema shape <<<"$world"
	is "$(in_database "$name" "$schema" -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
		VALUES ('AFTER', '1m', '2025-07-02 00:00+00', 1, 1, 1, 1)")" '' "$name: feeds write"
	is "$(in_database "$name" "$schema" -c 'ALTER EXTENSION aggregation UPDATE' 2>&1 | grep -v 'is already installed')" '' 'the update has nothing to say'
	make_fresh "fresh_$name" "$schema" "$shape"
	same_catalog "$name" "fresh_$name" "$schema" 'the catalog is a fresh install'\''s'
	is "$(in_database "$name" "$schema" -c 'SELECT object, action FROM agg_setup(true) WHERE action <> $$offers$$')" '' 'nothing is left to set up'
	finish_claimed "$name" "$schema"
	run_on "$name" "$schema"
	is "$(in_database "$name" "$schema" -c "SELECT * FROM agg_verify() WHERE explanation IS DISTINCT FROM 'deleted'")" '' 'run on, all bars are true'
	copy_source "$name" "fresh_$name" "$schema"
	run_on "fresh_$name" "$schema"
	is "$(diff <(bars_of "$name" "$schema") <(bars_of "fresh_$name" "$schema") | head -n 5)" '' 'they are those of a fresh database'
	like "$(bars_of "$name" "$schema" | wc -l)" '^[0-9]{4,}$' 'which are thousands'
done

done_testing
