# Every code block of a page is run as it is printed, or left out with a reason. Sourced.
#
#   open_page docs/ticks.md      a database of its own, $PGDATABASE, that has the market of market.sql
#   run ticks-to-1-minute-bars.1
#   leave changes-of-the-table.1 'needs a second server'
#   close_page                   fails for a block that nobody named
#   done_testing
#
# A block is called as links call its heading, and by its number under this heading.
source "${ROOT:?}/test/tap.sh"

export PGOPTIONS='-c client_min_messages=warning -c timezone=UTC'
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

# anchors < PAGE : what links call the headings.
anchor() { sed -E 's/^#+ //; s/[^[:alnum:] _-]//g; s/ /-/g' | tr '[:upper:]' '[:lower:]'; }

open_page() {
	page=$1
	blocks=$(mktemp -d)
	chmod 755 "$blocks"
	said=$blocks/said
	local heading='' line language='' number=0 name
	while IFS= read -r line; do
		if [ -n "$language" ]; then
			if [[ $line =~ ^\ *\`\`\` ]]; then language=''; elif [ "$language" != other ]; then printf '%s\n' "$line" >>"$name"; fi
		elif [[ $line =~ ^#+\  ]]; then
			heading=$(anchor <<<"$line") number=0
		elif [[ $line =~ ^\ *\`\`\`([a-z]*) ]]; then
			language=${BASH_REMATCH[1]:-other}
			if [ "$language" != other ]; then
				number=$((number + 1))
				name=$blocks/$heading.$number.$language
				: >"$name"
			fi
		fi
	done <"$ROOT/$page"
	fresh_page
}

# fresh_page [TEMPLATE] : its database as it was at the beginning.
fresh_page() {
	PGDATABASE=documents_$(basename -- "$page" .md | tr '[:upper:]-' '[:lower:]_')
	export PGDATABASE
	psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" -c "CREATE DATABASE $PGDATABASE TEMPLATE ${1:-documents_market}"
}

mention() {
	for block in "$blocks/$1".{sql,sh,python} ''; do
		if [ -e "$block" ]; then break; fi
	done
	if [ -z "$block" ]; then
		is "there is no block $1" '' "$page has a block $1"
		return 1
	fi
	touch "$block.mentioned"
}

# run NAME [SED] : as it is printed, or with what SED makes of names that are only examples. What it says is in $said.
run() {
	local status=0 block
	mention "$1" || return 0
	sed -E "${2:-}" "$block" >"$blocks/script"
	chmod 644 "$blocks/script"
	case $block in
	*.sql) sql -f "$blocks/script" >"$said" 2>&1 || status=$? ;;
	*.sh) bash -e "$blocks/script" >"$said" 2>&1 || status=$? ;;
	*.python) /usr/bin/python3 "$blocks/script" >"$said" 2>&1 || status=$? ;;
	esac
	is "$status$([ "$status" = 0 ] || cat "$said")" 0 "$page: $1"
}

# leave NAME WHY : of a block that another test runs, or that would change the machine.
leave() {
	local block
	mention "$1" || return 0
	tests_run=$((tests_run + 1))
	echo "ok $tests_run - $page: $1 is left out: $2"
}

close_page() {
	local file left=''
	for file in "$blocks"/*.sql "$blocks"/*.sh "$blocks"/*.python; do
		if [ -e "$file" ] && [ ! -e "$file.mentioned" ]; then left+=" $(basename -- "${file%.*}")"; fi
	done
	is "$left" '' "$page: every block was run or left out for a reason"
	psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)"
	rm -rf -- "$blocks"
}
