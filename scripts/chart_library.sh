# The chart library of ./run report: TradingView's Lightweight Charts. Sourced, after packages.sh and progress.sh.
#
# It is no part of this project. npm fetches its package once, and the package stays in a cache. A page has a copy of it
# inside, with its licence, so that the page needs no network.
chart_version=5.2.1
chart_sha512=215c282b544b1622cfb9b68a22335bb6358b9e93ccaa20014ab4dacbac2198d6bc2f5fb5f76f7656d1c9f815b23d4b8b0b0174b5c42584459dd422c1d9ad67b1

chart_archive=${AGGREGATION_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/aggregation}/lightweight-charts-$chart_version.tgz

# good_chart_archive FILE : whether it is the package, to the last byte.
good_chart_archive() { [ -f "$1" ] && sha512sum --status -c - <<<"$chart_sha512  $1"; }

# chart_file NAME : prints a file of the package.
chart_file() { tar -xzOf "$chart_archive" "package/$1"; }

# need_chart_library : notes what it takes to fetch the package, unless it is in the cache.
need_chart_library() {
	good_chart_archive "$chart_archive" && return
	need npm "fetches the chart library" have npm
	optional_packages+=(npm)
}

# fetch_chart_library : has npm fetch the package unless it is in the cache; fails with what to do.
fetch_chart_library() {
	good_chart_archive "$chart_archive" && return
	local folder log why
	folder=$(mktemp -d)
	log=$(mktemp)
	need_chart_library
	if ! (install_missing) || ! have npm >/dev/null; then
		why='npm is not installed'
	elif ! progress "chart library" "$log" npm_pack "$folder"; then
		why=$(grep -v '^npm \(warn\|WARN\|notice\)' "$log" | grep -vi 'a complete log' | head -n 3 | cut -c 1-200)
	elif ! good_chart_archive "$folder/${chart_archive##*/}"; then
		why='what npm fetched is not the package that is expected: its SHA-512 differs'
	elif ! mkdir -p -- "${chart_archive%/*}" || ! mv -f -- "$folder/${chart_archive##*/}" "$chart_archive"; then
		why='it cannot be kept (see above)'
	else
		return 0
	fi
	cat >&2 <<TEXT
The chart library (lightweight-charts $chart_version) is not here and could not be fetched: $why
Hint: on a machine with a network run "npm pack lightweight-charts@$chart_version", and put the file that it makes into ${chart_archive%/*}
TEXT
	return 1
}

npm_pack() (cd "$1" && npm pack --cache "$1/cache" --no-update-notifier --fetch-retries 1 --fetch-timeout 60000 "lightweight-charts@$chart_version")
