#!/usr/bin/env bash
# Writes one HTML file that shows bars, tasks and completeness of a database.
#
# SQL asks and answers in JSON (report/data.sql), the page draws (report/page.*); this file only puts them together:
#
#   psql -> lines "NAME<TAB>JSON" -> <script type="application/json" data-name="NAME"> in report/page.html
set -euo pipefail

here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
page=$(dirname -- "$here")/report
source "$here/progress.sh"
source "$here/packages.sh"
source "$here/psql.sh"
source "$here/chart_library.sh"

usage() {
	cat <<'TEXT'
usage: ./run report [--symbol SYMBOL …] [--from TIME] [--to TIME] [--out FILE] [OPTION …]

Writes one HTML file that shows a database with the extension "aggregation": candles and volume of every
stored timeframe with the bar that is forming, quality, gaps and closed sessions; the state of all tasks;
and a calendar of missing minutes. The file needs no network and no other file.

  --symbol SYMBOL   only this symbol; may be given several times (default: all, at most 100)
  --from TIME       only bars that begin at this time (UTC) or later
  --to TIME         only bars that begin before it
  --bars N          at most the newest N bars of each symbol and timeframe, up to 1000000 (default: 100 to
                    20000, so that they come to some 400000); the page says what is left out
  --out FILE        where to write it (default: aggregation-report.html); a file that is there is replaced
  -d, --dbname NAME  -h, --host HOST  -p, --port PORT  -U, --username USER
                    where the database is; the default is psql's (PGDATABASE, PGHOST, …)
  --help            this text

A role with the rights of a reader is enough (docs/operating.md, Roles and rights). What it may not read,
the page says instead of showing it.

The chart library is fetched with npm once and kept in $AGGREGATION_CACHE (default: ~/.cache/aggregation).

Exit status: 0 if the file was written; 1 if the database or the chart library cannot be had, or the file
cannot be written; 2 if the command line was wrong.
TEXT
}

wrong_call() {
	printf 'report: %s\n' "$1" >&2
	printf 'Hint: %s\n' "${2:-./run report --help}" >&2
	exit 2
}

fail() {
	printf 'report: %s\n' "$1" >&2
	if [ $# -gt 1 ]; then printf 'Hint: %s\n' "$2" >&2; fi
	exit 1
}

symbols='' from='' to='' bars='' out=aggregation-report.html
while [ $# -gt 0 ]; do
	case $1 in
	--help)
		usage
		exit 0
		;;
	--*=*)
		set -- "${1%%=*}" "${1#*=}" "${@:2}"
		;;
	--symbol | --from | --to | --bars | --out | -d | --dbname | -h | --host | -p | --port | -U | --username)
		[ $# -ge 2 ] || wrong_call "$1 needs a value"
		[ -n "$2" ] || wrong_call "$1 is empty"
		case $1 in
		--symbol) symbols+=${symbols:+$'\n'}$2 ;;
		--from) from=$2 ;;
		--to) to=$2 ;;
		--bars) bars=$2 ;;
		--out) out=$2 ;;
		*) connection_option "$1" "$2" ;;
		esac
		shift 2
		;;
	-?*) wrong_call "there is no option \"$1\"" ;;
	*) wrong_call "\"$1\" is not understood" "symbols are named with --symbol" ;;
	esac
done
if [ -n "$bars" ] && ! { [[ $bars =~ ^[1-9][0-9]{0,6}$ ]] && [ "$bars" -le 1000000 ]; }; then
	wrong_call "--bars is a number from 1 to 1000000, not \"$bars\""
fi
if [ -d "$out" ]; then wrong_call "\"$out\" is a folder" "--out $out/report.html"; fi
folder=$(dirname -- "$out")
if [ ! -d "$folder" ]; then wrong_call "there is no folder \"$folder\"" "make it first, or choose another one with --out"; fi
if [ ! -w "$folder" ]; then fail "cannot write to the folder \"$folder\"" "choose another one with --out"; fi

find_psql report
scratch_folder
beside=
trap 'rm -f -- ${beside:+"$beside"}; scratch_remove' EXIT
trap 'interrupted_apt >&2 || true; exit 130' INT
trap 'exit 143' TERM HUP

export PGCLIENTENCODING=UTF8 PGTZ=UTC PGAPPNAME=${PGAPPNAME:-aggregation report}
export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=error -c datestyle=ISO"
# ask [VARIABLE=VALUE …] : what a statement on standard input answers; what is refused is in $scratch/refused.
ask() { psql -X -q -A -t -v VERBOSITY=default -v SHOW_CONTEXT=never "${@/#/--set=}" >"$scratch/answer" 2>"$scratch/refused"; }
refused() { sed -E 's,^(psql:[^ ]* )?((ERROR|error): +)?,,; /^LINE [0-9]+:/d; /^ *\^$/d' "$scratch/refused"; }

ask ON_ERROR_STOP=1 <<<"SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'aggregation'" ||
	fail "$(refused)" "-d, -h, -p and -U say where the database is"
schema=$(cat "$scratch/answer")
[ -n "$schema" ] || fail "this database does not have the extension \"aggregation\"" "name another one with -d, or create it there: CREATE EXTENSION aggregation; SELECT * FROM agg_setup()"
for option in from to; do
	ask ON_ERROR_STOP=1 time="${!option}" <<<"SELECT nullif(:'time', '')::timestamptz" || wrong_call "--$option \"${!option}\" is no time" "2025-07-01, or 2025-07-01T14:30Z"
done
if [ -n "$from" ] && [ -n "$to" ]; then
	ask from="$from" to="$to" <<<"SELECT :'from'::timestamptz < :'to'::timestamptz"
	[ "$(cat "$scratch/answer")" = t ] || wrong_call "--from \"$from\" is not before --to \"$to\""
fi
if [ -n "$symbols" ]; then
	# Whether it may read the bars is for the page to say.
	ask schema="$schema" symbols="$symbols" <<'SQL' || true
SELECT FROM :"schema".agg_latest(string_to_array(:'symbols', E'\n'), '1m');
\echo :SQLSTATE
SQL
	if grep -qx P0002 "$scratch/answer"; then
		mapfile -t said < <(refused | sed 's/^HINT: *//')
		wrong_call "${said[0]}" "${said[*]:1}"
	fi
fi

fetch_chart_library || exit 1

# No part of a text can end its script element, or begin another one: in JSON a < is only ever part of a text.
progress "bars" "$scratch/refused" psql -X -q -o "$scratch/data" -v VERBOSITY=default -v SHOW_CONTEXT=never \
	-v schema="$schema" -v symbols="$symbols" -v from="$from" -v to="$to" -v bars="$bars" -f "$page/data.sql" ||
	fail "$(refused)"
data_elements() {
	LC_ALL=C sed -E 's/</\\u003c/g; s|^([a-z0-9-]+)\t(.*)$|<script type="application/json" data-name="\1">\2</script>|' "$scratch/data"
	refused | LC_ALL=C sed 's/&/\&amp;/g; s/</\&lt;/g' | { echo '<template id="problems">'; cat; echo '</template>'; }
}

put_together() {
	local line
	while IFS= read -r line; do
		case $line in
		'<!-- style -->') cat -- "$page/page.css" ;;
		'<!-- data -->') data_elements ;;
		'<!-- chart library -->') chart_file dist/lightweight-charts.standalone.production.js ;;
		'<!-- licence -->') chart_file LICENSE | sed 's/&/\&amp;/g; s/</\&lt;/g' ;;
		'<!-- scripts -->') cat -- "$page"/{time,bars,shading,chart,tables,calendar,page}.js ;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$page/page.html"
}

beside=$(mktemp -- "$out.XXXXXX") || fail "cannot write beside \"$out\"" "choose another place with --out"
put_together >"$beside"
if [ -e "$out" ]; then chmod --reference="$out" -- "$beside"; else chmod "$(printf '%o' $((0666 & ~0$(umask))))" -- "$beside"; fi
mv -f -- "$beside" "$out"
beside=

echo "Wrote $out ($(du -h --apparent-size -- "$out" | cut -f 1)B). Open it in a browser."
if [ -s "$scratch/refused" ]; then
	echo "Some parts could not be read, and the page says so:"
	refused | sed -n 's/^/  /; 1,5p'
fi
