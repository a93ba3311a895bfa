#!/usr/bin/env bash
# Loads files of 1-minute bars into data_bars.
#
# The shell only opens files: it unpacks them, makes every line safe to COPY and
# numbers it. All reading of stamps and numbers is SQL (scripts/import/*.sql), in
# one transaction for all files of a call:
#
#   files -> numbered lines -> [COPY] lines -> fields -> minutes -> data_bars
#                                              (import/FORMAT.sql says where a field is)
set -euo pipefail

here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
source "$here/progress.sh"
source "$here/archives.sh"
source "$here/recognise.sh"
source "$here/psql.sh"

usage() {
	cat <<'TEXT'
usage: ./run import --format FORMAT --symbol SYMBOL [OPTION …] FILE…

Loads 1-minute bars into the table data_bars of a database that has the extension
"aggregation". A FILE is plain, .gz or .zip. Importing the same bars again changes nothing.

  --format FORMAT   one of
      histdata      20230601 000000;open;high;low;close;volume
                    time stamps in Eastern Standard Time all year (UTC-5, no daylight saving)
      mt4           2021-01-25 02:48,open,high,low,close,volume
                    or MetaTrader's own 2021.01.25,02:48,…; time stamps are read as UTC
      binance       klines of 12 columns, with or without a header; time stamps are epoch milliseconds
                    or microseconds (detected), UTC
      dukascopy     01.06.2023 00:00:00.000 GMT+0000,open,high,low,close,volume, with a header;
                    the offset in the time stamp counts; UTC without one
      csv           a header names the columns: time (or date and time), open, high, low, close and
                    optionally volume, vwap, trade_count; ISO 8601 time stamps, UTC unless they say otherwise
  --symbol SYMBOL   the bars' symbol, for example EURUSD
  --timezone ZONE   read time stamps without an offset in this zone: UTC-4, +02:00 (as in ISO 8601,
                    minus is west) or a name such as America/New_York
  --keep-flat       dukascopy: also load the flat rows without volume that fill weekends and quiet
                    minutes (they are skipped otherwise)
  -d, --dbname NAME  -h, --host HOST  -p, --port PORT  -U, --username USER
                    where the database is; the default is psql's (PGDATABASE, PGHOST, …)
  --help            this text

A word of warning: HistData documents UTC-5 without daylight saving, but files at UTC-4 are in
circulation (some from summer months are New York time). The numbers alone do not show a shift of
one hour: compare a few minutes with a second source, and pass --timezone UTC-4 or
--timezone America/New_York if that fits. Brokers' MetaTrader servers are often at UTC+2 or UTC+3.

Lines that are not a good bar are refused and counted by reason, and the first 20 are listed with their
line numbers; all other lines are loaded. If a minute occurs twice, the last line wins.

Exit status: 0 if every file was read and at least one good bar was loaded, with or without refused
lines; 1 if a file could not be read (the others are still loaded), nothing could be loaded, or the
database refused; 2 if the command line was wrong.
TEXT
}

wrong_call() {
	printf 'import: %s\n' "$1" >&2
	printf 'Hint: %s\n' "${2:-./run import --help}" >&2
	exit 2
}

format='' symbol='' timezone='' keep_flat=off files=()
while [ $# -gt 0 ]; do
	case $1 in
	--help)
		usage
		exit 0
		;;
	--keep-flat)
		keep_flat=on
		shift
		;;
	--*=*)
		set -- "${1%%=*}" "${1#*=}" "${@:2}"
		;;
	--format | --symbol | --timezone | -d | --dbname | -h | --host | -p | --port | -U | --username)
		[ $# -ge 2 ] || wrong_call "$1 needs a value"
		case $1 in
		--format) format=$2 ;;
		--symbol) symbol=$2 ;;
		--timezone) timezone=$2 ;;
		*) connection_option "$1" "$2" ;;
		esac
		shift 2
		;;
	--)
		shift
		files+=("$@")
		break
		;;
	-?*) wrong_call "there is no option \"$1\"" ;;
	*)
		files+=("$1")
		shift
		;;
	esac
done

case $format in
histdata | mt4 | binance | dukascopy | csv) ;;
'') wrong_call "--format is missing" "--format histdata, mt4, binance, dukascopy or csv" ;;
*) wrong_call "there is no format \"$format\"" "--format histdata, mt4, binance, dukascopy or csv" ;;
esac
[ -n "$symbol" ] || wrong_call "--symbol is missing" "--symbol EURUSD, for example"
case $symbol in
[[:space:]]* | *[[:space:]]) wrong_call "the symbol \"$symbol\" has blanks around it" "--symbol $(tr -d '[:space:]' <<<"$symbol")" ;;
esac
[ ${#files[@]} -gt 0 ] || wrong_call "no file was given" "./run import --format $format --symbol EURUSD FILE…"
if [ "$format" = binance ] && [ -n "$timezone" ]; then
	wrong_call "binance time stamps count from 1970-01-01 UTC: there is no time zone to choose" "leave --timezone out"
fi
find_psql import

# Every file is looked at before the first one is loaded, so that a broken
# archive is refused whole and not half.
status=0 sources=()
for file in "${files[@]}"; do
	if problem=$(archive_problem "$file"); then
		printf 'import: %s: %s\n' "$file" "$problem" >&2
		status=1
	else
		while IFS= read -r -d '' member; do
			sources+=("$file" "$member")
		done < <(archive_members "$file")
	fi
done
if [ ${#sources[@]} -eq 0 ]; then
	echo "import: none of the files can be read, nothing was loaded" >&2
	exit 1
fi

scratch_folder
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# What is being done, for the line of progress on a terminal.
said=$(mktemp)

# The names of what is read, one SQL array element each (psql variables carry any byte but NUL).
names=()
for ((i = 0; i < ${#sources[@]}; i += 2)); do
	name=${sources[i]}${sources[i + 1]:+ (${sources[i + 1]})}
	names+=("${name//$'\n'/ }")
done

# numbered_lines : all lines of all sources as "file number, line number, text".
#
# No 1-minute file needs more than plain ASCII, and COPY would stop at anything
# else, so a byte outside it becomes \001 (and its line is refused later); \r
# becomes \002, as Windows' line ends are fine. A line is cut after 1,000 bytes.
numbered_lines() {
	local i
	for ((i = 0; i < ${#sources[@]}; i += 2)); do
		archive_read "${sources[i]}" "${sources[i + 1]}" |
			LC_ALL=C tr '\000-\010\013-\037\177-\377' '[\001*11]\002[\001*]' |
			LC_ALL=C cut -b 1-1000 |
			LC_ALL=C awk -v file=$((i / 2 + 1)) -v said="$said" '
				{ print file "\003" NR "\003" $0 }
				NR % 100000 == 0 { print NR " lines read" >said; fflush(said) }'
	done
}

export PGCLIENTENCODING=UTF8 PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning"
names_text=$(printf '%s\n' "${names[@]}" | LC_ALL=C tr '\001-\011\013-\037\177' '?' | iconv -c -f UTF-8 -t UTF-8)
ticker=
if [ -t 2 ]; then
	tick "$symbol" "$said" &
	ticker=$!
fi
numbered_lines | psql -X -q -A -t -v ON_ERROR_STOP=1 -v VERBOSITY=default \
	-v format="$format" -v symbol="$symbol" -v timezone="$timezone" -v keep_flat="$keep_flat" \
	-v names="$names_text" -v said="$said" -f "$here/import/load.sql" >"$scratch/report" || status=1
if [ -n "$ticker" ]; then
	kill "$ticker" 2>/dev/null || true
	wait "$ticker" 2>/dev/null || true
	printf '\r\033[K' >&2
fi
# Lines of another format are all refused for the same reason: then it is enough to say what they look like.
others=()
if [ "$status" -ne 0 ]; then
	for ((i = 0; i < ${#sources[@]}; i += 2)); do
		other=$(looks_like "$(opening_lines "${sources[i]}" "${sources[i + 1]}")") || continue
		if [ "$other" != "$format" ]; then others+=("${names[i / 2]} looks like $other: --format $other"); fi
	done
fi
if [ ${#others[@]} -gt 0 ] && grep -q ': no good 1-minute bar in it$' "$scratch/report"; then
	grep -v '^    ' -- "$scratch/report"
	printf '  %s\n' "${others[@]}"
else
	cat -- "$scratch/report"
fi
exit "$status"
