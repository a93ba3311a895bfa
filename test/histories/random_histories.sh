# Random histories: sessions change, correct, retract and roll back source beside runners, workers, administrators and assassins; others change
# calendars, their rules, and what bars are made of. When all is quiet, agg_verify() finds nothing, the days of the calendars are those of their
# rules, and the bars are those that a fresh database makes of the same minutes by the same rules.
#
# AGGREGATION_HISTORY_ROUNDS says how many rounds of 16 symbols, each a history of its own (default 20; 0: until it is interrupted),
# AGGREGATION_HISTORY_FIRST with which of them to begin; AGGREGATION_SEED makes the scripts the same again (as far as a race can be). What failed
# is kept in AGGREGATION_HISTORY_KEEP, if that is set.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../own_server.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/include/rounds.sh"

first=${AGGREGATION_HISTORY_FIRST:-1} rounds=${AGGREGATION_HISTORY_ROUNDS:-20}
seed=${AGGREGATION_SEED:-$((RANDOM * 32768 + RANDOM))}
symbols=16 sessions=8 steps=140
echo "# AGGREGATION_SEED=$seed"

own_server fsync=off max_connections=40 deadlock_timeout=50ms autovacuum_naptime=5s track_commit_timestamp=on
for database in history fresh; do
	sql -d postgres -c "CREATE DATABASE $database"
	sql -d $database -f "$ROOT/test/histories/world.sql" >/dev/null || exit 1
done
# Nothing takes minutes; what does not come to an end is to fail, and to be looked at.
export PGDATABASE=history PGTZ=UTC PGOPTIONS='-c client_min_messages=error -c statement_timeout=5min'

# A server that crashed comes back by itself: the rounds that follow are to be played.
wait_for_server() { eventually 120 'SELECT true' || echo '# the server does not answer'; }

# What must not fail, and what is looked at: an error is no empty answer.
do_sql() { sql "$@" 2>>"$own_folder/errors"; }
said() { sql "$@" 2>&1; }

# Every second session reads by time whatever it can.
play() {
	if (($1 % 2 == 1)); then local -x PGOPTIONS="$PGOPTIONS -c aggregation.read_source=by_time"; fi
	play_script "$1"
}

# same_in_fresh TABLE [QUERY] : copies rows into the fresh database.
same_in_fresh() { do_sql -c "COPY (${2-TABLE $1}) TO STDOUT" | do_sql -d fresh -c "COPY $1 FROM STDIN"; }

failed_round() {
	[ -n "${AGGREGATION_HISTORY_KEEP:-}" ] || return 0
	mkdir -p -- "$AGGREGATION_HISTORY_KEEP/$1"
	cp -- "$own_folder"/script.* "$own_folder"/said.? "$server_folder/log" "$AGGREGATION_HISTORY_KEEP/$1/" || true
	PGDATABASE=history pg_dump >"$AGGREGATION_HISTORY_KEEP/$1/history.sql" || true
}

steps_done=0 kills=0 bars=0 revisions=0
for ((round = first; rounds == 0 || round <= rounds; round++)); do
	failures_before=$tests_failed crashes_before=$(server_crashes | wc -l)
	: >"$own_folder/errors"
	wait_for_server
	own_seed=$(((seed + round * 101) % 1000003))
	do_sql -c "CALL start_over($symbols, $own_seed)"
	for ((n = 1; n <= sessions; n++)); do
		do_sql -c "SELECT random_script($own_seed, $n, $steps)" >"$own_folder/script.$n"
	done
	players=()
	for ((n = 1; n <= sessions; n++)); do
		play "$n" &
		players+=($!)
	done
	wait "${players[@]}"
	steps_done=$((steps_done + $(cat -- "$own_folder"/said.? | grep -c '^@next@$')))
	kills=$((kills + $(cat -- "$own_folder"/said.? | grep -c 'terminating connection')))
	do_sql -c "CALL work_to_the_end($round % 3 = 0)"
	is "$(said -c 'SELECT * FROM agg_verify() LIMIT 5')" '' "round $round (seed $own_seed): the proof finds nothing"

	is "$(said -c 'SELECT * FROM note LIMIT 5')" '' "round $round: what is sealed has stayed as it was"

	is "$(said -c 'SELECT * FROM untold LIMIT 5')" '' "round $round: the newest revision that was kept of a bar is the bar"
	revisions=$((revisions + $(do_sql -c 'SELECT count(*) FROM agg_bar_revisions WHERE revision > 1')))

	do_sql -d fresh -c 'CALL forget_everything()'
	world_to_fresh
	do_sql -d fresh -c 'CALL work_to_the_end(false)'
	is "$(said -c 'SELECT * FROM days ORDER BY 1')" "$(said -d fresh -c 'SELECT * FROM days ORDER BY 1')" "round $round: the days of the calendars are those of a fresh database"
	# What is left of the bars whose source was retired no fresh database can make.
	do_sql -c 'COPY (SELECT * FROM outcome WHERE canonical_symbol <> retired_symbol() ORDER BY 1, 2, 3) TO STDOUT' >"$own_folder/outcome"
	do_sql -d fresh -c 'COPY (SELECT * FROM outcome WHERE canonical_symbol <> retired_symbol() ORDER BY 1, 2, 3) TO STDOUT' >"$own_folder/outcome.fresh"
	bars=$((bars + $(wc -l <"$own_folder/outcome")))
	is "$(diff -- "$own_folder/outcome" "$own_folder/outcome.fresh" | head -n 6)" '' "round $round: the bars are those of a fresh database"
	is "$(cat -- "$own_folder/errors")" '' "round $round: nothing failed on the way there"
	is "$(server_crashes | tail -n "+$((crashes_before + 1))")" '' "round $round: no process of the server died"
	[ "$tests_failed" -eq "$failures_before" ] || failed_round "$round"
done
played=$((round - first))
is "$((steps_done > played * sessions * steps * 9 / 10))" 1 "nearly all steps came to their end ($steps_done), though $kills sessions were killed"
is "$((kills > 0 || played < 3))" 1 'and some were'
is "$((revisions > played * 10))" 1 "bars were revised ($revisions)"
is "$((bars > played * 100))" 1 "there were bars to compare ($bars)"
done_testing
