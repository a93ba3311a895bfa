# What the documents have somebody paste: it works as printed, in public and in a schema of its own.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

# block FILE MARKER : the first SQL block behind the line that has MARKER.
block() { awk -v marker="$2" 'index($0, marker) { found = 1 } found && /^ *```sql/ { inside = 1; next } inside && /^ *```/ { exit } inside' "$ROOT/docs/$1"; }
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
remove() { psql -X -q -d postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS test_documents WITH (FORCE)' -c 'DROP ROLE IF EXISTS alice'; }

trap 'PGDATABASE=postgres remove' EXIT
for schema in public market; do
	remove
	psql -X -q -d postgres -c 'CREATE DATABASE test_documents'
	export PGDATABASE=test_documents PGOPTIONS="-c search_path=$schema,public -c client_min_messages=warning"
	if [ "$schema" = market ]; then sql -c 'CREATE SCHEMA market'; fi
	sql -c "CREATE EXTENSION aggregation SCHEMA $schema"
	status=0
	block operating.md 'in the database that holds the bars' | grep -v 'CREATE EXTENSION' | sql >said 2>&1 || status=$?
	is "$status" 0 "$schema: set up as printed"
	sql -c "INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD')" \
		-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '1m', t, 1, 1, 1, 1 FROM generate_series('2025-07-01'::timestamptz, '2025-07-01 01:00', '1 minute') AS t" \
		-c 'SELECT sync_agg_state_from_registry()' -c 'SELECT agg_run_batch()' >/dev/null
	status=0
	sql -c 'DELETE FROM agg_indexes' >/dev/null
	status=0
	block concepts.md 'To have it back' | sql >said 2>&1 || status=$?
	is "$status $(sql -c 'SELECT canonical_symbol, array_length(components, 1), decimals, carry_minutes FROM agg_indexes')" '0 DXY|6|8|0' "$schema: the row of DXY is back"
	status=0
	block operating.md '## Roles and rights' | sql >said 2>&1 || status=$?
	is "$status" 0 "$schema: a role that reads, as printed"
	for relation in data_bars derived_data_bars "agg_bars('EURUSD', '45m')" "agg_latest('{EURUSD}', '5m')" "agg_chart('EURUSD', '5m')" "agg_gaps('EURUSD')" "agg_completeness(current_date)" "agg_why('EURUSD', '5m', '2025-07-01')"; do
		status=0
		sql -c 'SET ROLE alice' -c "SELECT count(*) FROM $relation" >said 2>&1 || status=$?
		is "$status" 0 "$schema: it reads $relation"
	done
	status=0
	block operating.md '## Uninstall' | sql >said 2>&1 || status=$?
	is "$status" 0 "$schema: uninstalled as printed"
	awk '/^What .agg_setup\(\). has made stays/ { found = 1 } found && /^```sql/ { inside = 1; next } inside && /^```/ { exit } inside' "$ROOT/docs/operating.md" | sql >said 2>&1
	is "$(sql -c "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = '$schema'::regnamespace AND relkind IN ('r', 'v')")" 'core_asset_registry_all data_agg_state data_bars derived_data_bars' "$schema: what is left is the data"
	unset PGOPTIONS
done

# An older system's functions make way and come back, as often as one likes.
remove
psql -X -q -d postgres -c 'CREATE DATABASE test_documents'
export PGDATABASE=test_documents PGOPTIONS='-c client_min_messages=warning'
sql -c 'CREATE TABLE ops_runlog (run_id uuid PRIMARY KEY, job_name text)' \
	-c 'CREATE FUNCTION ops_runlog_start(p_run_id uuid, p_job_name text, p_trigger text, p_env_name text) RETURNS jsonb LANGUAGE sql AS $$ SELECT $q$"old"$q$::jsonb $$' \
	-c 'CREATE FUNCTION agg_start(text) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$' \
	-c 'CREATE FUNCTION calc_dxy_range_1m(timestamptz, timestamptz, text) RETURNS text LANGUAGE sql AS $$ SELECT $3 $$' \
	-c 'CREATE PROCEDURE agg_run() LANGUAGE sql AS $$ SELECT 1 $$' \
	-c 'CREATE FUNCTION agg_somebody_elses() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$'
# Who has the function of the run log, and how many routines have made way.
whose() {
	sql -c "SELECT CASE l.lanname WHEN 'c' THEN 'new' ELSE 'old' END FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.proname = 'ops_runlog_start' AND p.pronamespace = 'public'::regnamespace" \
		-c "SELECT count(*) FROM pg_proc WHERE pronamespace = to_regnamespace('aggregation_legacy')" | paste -sd ' '
}
for round in first second; do
	status=0
	before=$(whose)
	block adoption.md 'all that would be done' | sql >said 2>&1 || status=$?
	is "$status $(whose)" "0 $before" "the $round time a look changes nothing"
	block adoption.md '## 3. Functions and tables' | sql >said 2>&1 || status=$?
	is "$status $(whose)" '0 new 5' "the $round time they make way (and the way back is there)"
	is "$(sql -c "SELECT count(*) FROM pg_proc WHERE proname = 'agg_run' AND pronamespace = 'public'::regnamespace" -c 'SELECT agg_somebody_elses()' -c 'SELECT count(*) FROM agg_setup()')" \
		$'1\n1\n0' 'nothing else does, and nothing is missing'
	for passage in '## 4. Cursors and minutes' '## 5. The first runs' '## 6. Bars' 'Then have them made anew' 'When you are content' '## Back'; do
		block adoption.md "$passage" | sql >said 2>&1 || status=$?
		is "$status" 0 "and what is said about $passage works"
	done
	for time in once twice; do
		block adoption.md 'Then go back' | sql >said 2>&1 || status=$?
		is "$status $(whose)" '0 old 1' "the $round time they come back, said $time"
	done
done
block adoption.md 'When nobody wants to go back' | sql >said 2>&1 || status=$?
is "$status" 0 'and all traces go'
unset PGOPTIONS

# README's late minutes touch the windows that its table names, each one and no other.
remove
psql -X -q -d postgres -c 'CREATE DATABASE test_documents'
export PGDATABASE=test_documents PGOPTIONS='-c client_min_messages=warning -c timezone=UTC'
sql -c 'CREATE EXTENSION aggregation' -c 'SELECT agg_setup()' \
	-c "INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('EURUSD', '{\"agg\": {\"start_utc\": \"first_bar\", \"optional\": [\"15m\", \"4h\", \"1d\", \"1w\"]}}')" \
	-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '1m', t, 1, 1, 1, 1
		FROM generate_series('2025-06-23'::timestamptz, '2025-07-13 23:59', '1 minute') AS t WHERE t NOT IN ('2025-07-01 10:04', '2025-07-01 10:05')" \
	-c 'SELECT sync_agg_state_from_registry()' -c 'CALL agg_run(p_max_windows => 100000)' >/dev/null
for minute in 10:04 10:05; do
	sql -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EURUSD', '1m', '2025-07-01 $minute', 1, 1${minute/:/}, 1, 1)" -c 'CALL agg_run()'
	is "$(sql -c "SELECT string_agg(to_char(ts_utc, CASE timeframe WHEN '1d' THEN 'Mon FMDD' WHEN '1w' THEN 'Dy Mon FMDD' ELSE 'HH24:MI' END), ' ' ORDER BY array_position(ARRAY['5m', '15m', '1h', '4h', '1d', '1w'], timeframe), ts_utc)
		FROM derived_data_bars WHERE high = 1${minute/:/} AND deleted_at IS NULL")" \
		"$(sed -nE "s/^\| $minute \| (.*) \|$/\1/p" "$ROOT/README.md" | sed 's/ | / /g')" "README's late minute $minute"
done
unset PGOPTIONS

# Tables: each row has as many columns as the line under the head.
is "$(awk -F '|' '
	/^\|/ { row = $0; gsub(/\\\|/, "", row); n = split(row, cells, "|"); if (!columns) columns = n; else if (n != columns) print FILENAME ": " FNR; next }
	{ if (columns && $0 == "") blank = FNR; columns = 0 }' "$ROOT"/docs/*.md "$ROOT/README.md")" '' 'tables have the same columns in every row'
is "$(awk 'FNR == 1 { first = last = 0 } /^\|/ { if (first && FNR == first + 1 && !/^\|[-|]+$/) print FILENAME ": " first; first = 0; if (FNR > 2 && last == FNR - 2) first = FNR; last = FNR }' "$ROOT"/docs/*.md "$ROOT/README.md")" '' \
	'and no blank line cuts one in two'

# Links lead somewhere: the file is there, and it has the heading.
anchors() { grep -E '^#+ ' "$1" | sed -E 's/^#+ //; s/[^[:alnum:] _-]//g; s/ /-/g' | tr '[:upper:]' '[:lower:]'; }
is "$(cd "$ROOT" && for file in README.md CONTRIBUTING.md CHANGELOG.md docs/*.md bench/README.md; do
	awk '/^ *```/ { code = !code } !code' "$file" | grep -oE '\]\([^)]*\)' | sed -E 's/^\]\((.*)\)$/\1/' | grep -v '^https\?:' | while IFS='#' read -r target anchor; do
		at=$file
		if [ -n "$target" ]; then at=$(dirname -- "$file")/$target; fi
		if [ ! -e "$at" ]; then echo "$file: $target"; elif [ -n "$anchor" ] && ! anchors "$at" | grep -qxF -- "$anchor"; then echo "$file: $target#$anchor"; fi
	done
done)" '' 'every link leads to a file, and to a heading of it'
done_testing
