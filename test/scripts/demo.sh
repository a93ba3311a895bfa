# The demo's server and folder: it is nobody else's folder, it remembers its PostgreSQL, it deletes what it made; and what a second run shows.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
chmod 711 .

# demo FOLDER ARGUMENT … : leaves what it said in $said and its exit status in $status.
demo() {
	status=0
	said=$(AGGREGATION_DEMO=$1 "$AGGREGATION_RUN" demo "${@:2}" 2>&1) || status=$?
}

mkdir mine
echo precious >mine/notes
for action in '' --stop --remove; do
	# shellcheck disable=SC2086
	demo "$PWD/mine" $action
	like "$status $said" '^1 .*is not empty' "somebody's folder is refused: demo $action"
done
is "$(ls -A mine)" notes 'and nothing in it is touched'

folder="$PWD/a stranger's demo"
trap 'AGGREGATION_DEMO=$folder "$AGGREGATION_RUN" demo --remove >/dev/null 2>&1' EXIT
demo "$folder"
is "$status" 0 'a demo in a folder with blanks and an apostrophe'
like "$said" '1w  ' 'shows bars of a week'
like "$said" 'Stop it: +AGGREGATION_DEMO=[^ ]*a\\ stranger\\'"'"'s\\ demo [^ ]+ demo --stop' 'and a command that can be pasted'
bars_of() { grep -oE "^ *$1 +\| +[0-9]+" <<<"$said" | grep -oE '[0-9]+$'; }
hours=$(bars_of 1h)

database() { bash -c 'source "$ROOT/scripts/packages.sh"; source "$ROOT/scripts/server.sh"; server_at "$1"; psql -X -q -A -t -d demo -c "$2"' - "$folder" "$1"; }
database "DELETE FROM data_bars WHERE canonical_symbol = 'GBPUSD' AND ts_utc >= '2025-09-09 10:00+00' AND ts_utc < '2025-09-09 16:00+00'" >/dev/null
database 'CALL agg_run()' >/dev/null 2>&1
is "$(database "SELECT count(*) FROM derived_data_bars WHERE canonical_symbol = 'GBPUSD' AND timeframe = '1h' AND deleted_at IS NULL AND ts_utc >= '2025-09-09 10:00+00' AND ts_utc < '2025-09-09 16:00+00'")" 0 'minutes are taken away, and their hours go'
demo "$folder"
is "$(bars_of 1h)" "$hours" 'the next demo brings the minutes back and makes their hours'
is "$(database 'SELECT count(*) FROM agg_verify()')" 0 'what it shows is finished'

# Without PG_CONFIG, or with another one, it is the server that was started.
status=0
said=$(AGGREGATION_DEMO=$folder PG_CONFIG=/nowhere/pg_config "$AGGREGATION_RUN" demo --stop 2>&1) || status=$?
like "$status $said" '^0 .*is stopped' 'stopped whatever PG_CONFIG says'
is "$(ls "$folder/data/postmaster.pid" 2>&1 | grep -c 'No such')" 1 'really'
echo /nowhere >other_programs
cp "$folder/programs" programs
cat other_programs >"$folder/programs"
for action in --stop --remove; do
	demo "$folder" $action
	like "$status $said" '^1 .*Cannot tell' "a server whose programs are gone: $action fails"
done
is "$(ls "$folder/data/PG_VERSION")" "$folder/data/PG_VERSION" 'and deletes nothing'
cat programs >"$folder/programs"
touch "$folder/mine, too"
demo "$folder" --remove
like "$status $said" '^0 .*did not make stays' 'what was put beside it stays'
is "$(ls -A "$folder")" 'mine, too' 'alone'
rm -r -- "$folder"

# Interrupted at any moment it says so and leaves no temporary file.
mkdir temporary
for seconds in 0.3 0.8 1.5 2.5; do
	before=$(find /tmp -maxdepth 1 -name 'aggregation-scratch.*' | sort)
	# (A command in the background ignores an interrupt, unless somebody has it listen.)
	AGGREGATION_DEMO=$PWD/short perl -e 'setpgrp; $SIG{INT} = "DEFAULT"; exec @ARGV' "$AGGREGATION_RUN" demo >interrupted 2>&1 &
	sleep "$seconds"
	kill -INT -- -$!
	status=0
	wait $! || status=$?
	said="$status $(wc -c <interrupted) $(grep -c Interrupted interrupted)"
	like "$said" '^(130 [0-9]{1,4} 1|0 .*)$' "interrupted after $seconds s: a word, not pages"
	is "$(find /tmp -maxdepth 1 -name 'aggregation-scratch.*' | sort)" "$before" 'and nothing is left behind'
done
AGGREGATION_DEMO=$PWD/short "$AGGREGATION_RUN" demo --remove >/dev/null 2>&1

done_testing
