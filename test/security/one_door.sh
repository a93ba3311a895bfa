# SQL is run in one file of the shim, in a scope that only this file can make.
source "${ROOT:?}/test/tap.sh"

door=src/pg/statement.c
runs_sql='SPI_(execute|exec|prepare|cursor_open|cursor_parse)|BeginCopyFrom\(|ExecSimpleRelation|ProcessUtility\(|DefineIndex\(|CreateTrigger\('
changes_user='SetUserIdAndSecContext\('

cd "$ROOT" || exit 1
is "$(grep -lE "$runs_sql" src/pg/*.c src/pg/*.h | sort | paste -sd' ')" "$door" 'one file runs SQL'
is "$(grep -lE "$changes_user" src/pg/*.c src/pg/*.h | paste -sd' ')" "$door" 'and changes the user'
is "$(grep -l 'struct agg_scope {' src/pg/*.c src/pg/*.h | paste -sd' ')" "$door" 'a scope is made nowhere else'
is "$(grep -nE 'search_path *=' src/sql/*.sql | grep -v 'SET search_path = pg_catalog, pg_temp$')" '' 'the functions pin the same path'
is "$(sed -E 's/--.*//' src/sql/*.sql | grep -nE '(SELECT|FROM|JOIN|INTO|UPDATE) (data_|derived_|core_|ops_|agg_)' )" '' 'the script names nothing without its schema'
# A table of ours in a statement's text has the schema's mark in front of it.
is "$(grep -nE '"[^"]*(FROM|JOIN|INTO|UPDATE|ONLY|TABLE|USING) (data_bars|derived_data_bars|data_agg_state|core_asset_registry_all|ops_runlog|agg_[a-z_]+)\b' src/ops/*/*.cpp src/ops/*/*.hpp)" '' 'nor do the statements'
done_testing
