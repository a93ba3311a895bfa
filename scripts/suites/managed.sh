# Bars in tables that another extension manages: a small module stands in for it.

module=$(mktemp -d /tmp/aggregation-module.XXXXXX)
trap 'rm -rf -- "$module"' EXIT
cp "$ROOT"/test/managed/table_manager/* "$module"
if make -s -C "$module" PG_CONFIG="$PG_CONFIG" >"$module/log" 2>&1; then
	chmod 755 "$module"
	export TABLE_MANAGER=$module/table_manager
	pgtap_files "$ROOT"/test/managed/*.sql
else
	cat "$module/log"
	echo "  NOT OK the module did not build"
	count 0 1
fi
