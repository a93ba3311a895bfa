# Counting test results and saying them in one line a file. Sourced by the suites.
#
# A suite appends "passed failed skipped" to the file $COUNTS as it goes; scripts/test.sh adds up.

count() { echo "$1 $2 ${3:-0}" >>"$COUNTS"; }

# tap_file NAME OUTPUT STATUS : counts one test file's TAP and prints its line; when
# something failed, the failures and their diagnostics below it.
#
# A plan that was not fulfilled, or a failure that no test line tells of, is a failure too.
tap_file() {
	local name=$1 output=$2 status=$3 passed failed skipped planned ran
	passed=$(grep -cE '^ok [0-9]' "$output" || true)
	skipped=$(grep -cE '^ok [0-9].*# *(SKIP|skip)' "$output" || true)
	failed=$(grep -cE '^not ok [0-9]' "$output" || true)
	local todo
	todo=$(grep -cE '^not ok\b.*# *(TODO|todo)' "$output" || true)
	failed=$((failed - todo)) skipped=$((skipped + todo)) ran=$((passed + failed + todo))
	passed=$((ran - failed - skipped))
	planned=$(grep -oE '^1\.\.[0-9]+' "$output" | tail -n 1 | cut -c 4- || true)
	if [ "$failed" -eq 0 ] && { [ "$status" -ne 0 ] || [ "${planned:-none}" != "$ran" ]; }; then
		failed=1
		echo "  NOT OK $name: $ran tests ran, ${planned:-no} were planned, exit status $status"
		tail -n 40 "$output" | sed 's/^/    /'
	elif [ "$failed" -gt 0 ]; then
		echo "  NOT OK $name: $failed failed"
		grep -vE '^ok [0-9]' "$output" | head -n 100 | sed 's/^/    /'
	else
		printf '  ok     %s (%s)\n' "$name" "$passed${skipped#0}"
	fi
	count "$passed" "$failed" "$skipped"
}

# fresh_database NAME : an empty database of that name.
fresh_database() {
	psql -X -q -d postgres -v ON_ERROR_STOP=1 -c "DROP DATABASE IF EXISTS \"$1\" WITH (FORCE)" -c "CREATE DATABASE \"$1\"" 2>&1 |
		grep -v 'does not exist, skipping' || true
}

# pgtap_files FILE… : runs each with pg_prove in a database of its own that has the
# extension and pgTAP, and nothing else; or, in $SHAPE, tables that were there before
# (a file of test/shapes, and what else psql is to be told).
pgtap_files() {
	local file name label output status shape=(${SHAPE-})
	if [ ! -e "$(share_dir)/extension/pgtap.control" ]; then
		echo "  skipped: there is no pgTAP in $(share_dir)"
		count 0 0 $#
		return
	fi
	output=$(mktemp)
	for file in "$@"; do
		name=$(basename -- "$file" .sql)
		label="$name${SHAPE:+ on $SHAPE}"
		fresh_database "test_$name"
		status=0
		progress "$label" "$output" pgtap_file "$file" "test_$name" "${shape[@]}" || status=$?
		tap_file "$label" "$output" "$status"
		psql -X -q -d postgres -c "DROP DATABASE IF EXISTS \"test_$name\" WITH (FORCE)" >/dev/null 2>&1 || true
	done
	rm -f -- "$output"
}

# pgtap_file FILE DATABASE [SHAPE …]
pgtap_file() (
	file=$1
	export PGDATABASE=$2
	shift 2
	if [ $# -gt 0 ]; then
		psql -X -q -v ON_ERROR_STOP=1 "${@:2}" -f "$ROOT/test/shapes/$1.sql"
	fi &&
		psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION aggregation' -c 'CREATE EXTENSION pgtap' &&
		pg_prove --verbose --psql-bin "$(bin_dir)/psql" "$file"
)

# shell_files FILE… : runs each, a bash script that prints TAP, in an empty scratch folder.
shell_files() {
	local file output status
	output=$(mktemp)
	for file in "$@"; do
		status=0
		progress "$(basename -- "$file" .sh)" "$output" shell_file "$file" || status=$?
		tap_file "$(basename -- "$file" .sh)" "$output" "$status"
	done
	rm -f -- "$output"
}

shell_file() (
	empty=$(mktemp -d)
	trap 'rm -rf -- "$empty"' EXIT
	cd "$empty" && bash "$1"
)
