# Races, step by step: PostgreSQL's isolation tester interleaves the sessions of a spec; what they say must be what is expected.

tester=$(dirname -- "$("$PG_CONFIG" --pgxs)")/../test/isolation/isolationtester
if [ ! -x "$tester" ]; then
	echo "  skipped: there is no $tester"
	count 0 0 "$(find "$ROOT/test/isolation/specs" -name '*.spec' | wc -l)"
	exit 0
fi
output=$(mktemp)
for spec in "$ROOT"/test/isolation/specs/*.spec; do
	name=$(basename -- "$spec" .spec)
	fresh_database isolation
	psql -X -q -d isolation -v ON_ERROR_STOP=1 -f "$ROOT/test/isolation/world.sql"
	"$tester" "dbname=isolation" <"$spec" >"$output" 2>&1 || echo "isolationtester failed with exit status $?" >>"$output"
	if diff -u "$ROOT/test/isolation/expected/$name.out" "$output" >"$output.diff" 2>&1; then
		printf '  ok     %s (%s permutations)\n' "$name" "$(grep -c '^starting permutation' "$output")"
		count 1 0
	else
		echo "  NOT OK $name"
		head -n 80 "$output.diff" | sed 's/^/    /'
		count 0 1
	fi
done
psql -X -q -d postgres -c 'DROP DATABASE IF EXISTS isolation WITH (FORCE)' >/dev/null 2>&1 || true
rm -f -- "$output" "$output.diff"
