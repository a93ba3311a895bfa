# One place holds the version, aggregation.control; what says it as well says the same, and there is a way from the release before.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
cd "$ROOT" || exit 1

version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" aggregation.control)
like "$version" '^[0-9]+\.[0-9]+$' 'the control file has a version'
is "$(grep -oE '"version": "[^"]*"' META.json | head -n 2 | sort -u)" "\"version\": \"$version.0\"" 'META.json has it'
like "$(grep -m 1 '^## ' CHANGELOG.md)" "^## ${version//./\\.}( \(unreleased\))?$" 'the list of changes begins with it'
before=$(sed -nE 's/^## ([0-9]+\.[0-9]+).*/\1/p' CHANGELOG.md | sed -n 2p)
like "$before" '^[0-9]+\.[0-9]+$' 'and goes on with the release before'
is "$(ls "src/sql/updates/aggregation--$before--$version.sql" 2>&1)" "src/sql/updates/aggregation--$before--$version.sql" 'from which a script leads to it'
is "$(ls "test/upgrade/aggregation--$before.sql" 2>&1)" "test/upgrade/aggregation--$before.sql" 'and whose own script is kept'
is "$(grep -rnE "(aggregation--|aggregation )${version//./\\.}\b" src scripts Makefile CMakeLists.txt --include='*.c' --include='*.h' --include='*.?pp' --include='*.sh' --include=Makefile)" '' \
	'no source file has it'

# What update scripts must not do: find something by the caller's path, or take over what somebody else has made.
for script in src/sql/updates/*.sql; do
	is "$(grep -c "set_config('search_path', 'pg_catalog, pg_temp', true)" "$script")" 1 "$(basename "$script"): the path is pinned"
	is "$(grep -niE '^ *(CREATE( OR REPLACE)?|ALTER|COMMENT ON) (FUNCTION|PROCEDURE|VIEW|TABLE) ' "$script" | grep -v '@extschema@\.')" '' 'names are qualified'
	like "$(grep -ciE '^ *CREATE( OR REPLACE)? (FUNCTION|PROCEDURE) ' "$script")" '^[1-9]' 'a function changes, so that all sessions hear of it'
	is "$(grep -niE '^ *CREATE .*IF NOT EXISTS' "$script")" '' 'what is new is made'
done

done_testing
