# The form of the documents: tables and links are whole.
source "${ROOT:?}/test/tap.sh"

# Tables: each row has as many columns as the line under the head.
is "$(awk -F '|' '
	/^\|/ { row = $0; gsub(/\\\|/, "", row); n = split(row, cells, "|"); if (!columns) columns = n; else if (n != columns) print FILENAME ": " FNR; next }
	{ if (columns && $0 == "") blank = FNR; columns = 0 }' "$ROOT"/docs/*.md "$ROOT"/docs/*/*.md "$ROOT/README.md")" '' 'tables have the same columns in every row'
is "$(awk 'FNR == 1 { first = last = 0 } /^\|/ { if (first && FNR == first + 1 && !/^\|[-|]+$/) print FILENAME ": " first; first = 0; if (FNR > 2 && last == FNR - 2) first = FNR; last = FNR }' "$ROOT"/docs/*.md "$ROOT"/docs/*/*.md "$ROOT/README.md")" '' \
	'and no blank line cuts one in two'

# Links lead somewhere: the file is there, and it has the heading.
anchors() { grep -E '^#+ ' "$1" | sed -E 's/^#+ //; s/[^[:alnum:] _-]//g; s/ /-/g' | tr '[:upper:]' '[:lower:]'; }
is "$(cd "$ROOT" && for file in README.md CONTRIBUTING.md CHANGELOG.md docs/*.md docs/*/*.md bench/README.md; do
	awk '/^ *```/ { code = !code } !code' "$file" | grep -oE '\]\([^)]*\)' | sed -E 's/^\]\((.*)\)$/\1/' | grep -v '^https\?:' | while IFS='#' read -r target anchor; do
		at=$file
		if [ -n "$target" ]; then at=$(dirname -- "$file")/$target; fi
		if [ ! -e "$at" ]; then echo "$file: $target"; elif [ -n "$anchor" ] && ! anchors "$at" | grep -qxF -- "$anchor"; then echo "$file: $target#$anchor"; fi
	done
done)" '' 'every link leads to a file, and to a heading of it'
done_testing
