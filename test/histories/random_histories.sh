# Random histories: sessions change, correct, retract and roll back source beside runners, workers, administrators and assassins. When all is
# quiet, agg_verify() finds nothing, and the bars are those that a fresh database makes of the same minutes.
#
# AGGREGATION_HISTORY_ROUNDS says how many rounds of 16 symbols, each a history of its own (default 64; 0: until it is interrupted),
# AGGREGATION_HISTORY_FIRST with which of them to begin; AGGREGATION_SEED makes the scripts the same again (as far as a race can be). What failed
# is kept in AGGREGATION_HISTORY_KEEP, if that is set.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../own_server.sh"

first=${AGGREGATION_HISTORY_FIRST:-1} rounds=${AGGREGATION_HISTORY_ROUNDS:-64}
seed=${AGGREGATION_SEED:-$((RANDOM * 32768 + RANDOM))}
symbols=16 sessions=8 steps=140
echo "# AGGREGATION_SEED=$seed"

own_server fsync=off max_connections=40 deadlock_timeout=50ms autovacuum_naptime=5s track_commit_timestamp=on
for database in history fresh; do
	sql -d postgres -c "CREATE DATABASE $database"
	sql -d $database -f "$ROOT/test/histories/world.sql" >/dev/null 2>&1
done
export PGDATABASE=history PGTZ=UTC PGOPTIONS='-c client_min_messages=error'

# play NUMBER : runs a session's script; when the session is killed, the next one goes on behind the step that it died in.
play() {
	local script=$own_folder/script.$1 rest=$own_folder/rest.$1 said=$own_folder/said.$1 done_steps total=0
	cp -- "$script" "$rest"
	: >"$said"
	while [ -s "$rest" ]; do
		sed 's/^-- next --$/\\echo @next@/' "$rest" | PGAPPNAME=history$1 psql -X -q -A -t >"$said.part" 2>&1
		cat -- "$said.part" >>"$said"
		done_steps=$(grep -c '^@next@$' "$said.part")
		total=$((total + done_steps + 1))
		awk -v skip="$total" 'BEGIN { n = 0 } n >= skip { print } /^-- next --$/ { ++n }' "$script" >"$rest"
	done
}

failed_round() {
	[ -n "${AGGREGATION_HISTORY_KEEP:-}" ] || return 0
	mkdir -p -- "$AGGREGATION_HISTORY_KEEP/$1"
	cp -- "$own_folder"/script.* "$own_folder"/said.? "$server_folder/log" "$AGGREGATION_HISTORY_KEEP/$1/" || true
	PGDATABASE=history pg_dump >"$AGGREGATION_HISTORY_KEEP/$1/history.sql" || true
}

steps_done=0 kills=0 bars=0
for ((round = first; rounds == 0 || round <= rounds; round++)); do
	failures_before=$tests_failed
	sql -c "CALL start_over($symbols)"
	for ((n = 1; n <= sessions; n++)); do
		sql -c "SELECT random_script(($seed + $round * 101) % 1000003, $n, $steps)" >"$own_folder/script.$n"
	done
	players=()
	for ((n = 1; n <= sessions; n++)); do
		play "$n" &
		players+=($!)
	done
	wait "${players[@]}"
	steps_done=$((steps_done + $(cat -- "$own_folder"/said.? | grep -c '^@next@$')))
	kills=$((kills + $(cat -- "$own_folder"/said.? | grep -c 'terminating connection')))
	sql -c 'CALL work_to_the_end()'
	is "$(sql -c 'SELECT * FROM agg_verify() LIMIT 5')" '' "round $round: the proof finds nothing"

	is "$(sql -c 'SELECT * FROM note LIMIT 5')" '' "round $round: what is sealed has stayed as it was"

	sql -d fresh -c "CALL start_over($symbols)"
	sql -c "COPY (SELECT * FROM data_bars WHERE canonical_symbol <> 'DXY') TO STDOUT" | sql -d fresh -c 'COPY data_bars FROM STDIN'
	sql -d fresh -c 'CALL work_to_the_end()'
	# What is left of the bars whose source was retired no fresh database can make.
	sql -c 'COPY (SELECT * FROM outcome WHERE canonical_symbol <> retired_symbol() ORDER BY 1, 2, 3) TO STDOUT' >"$own_folder/outcome"
	sql -d fresh -c 'COPY (SELECT * FROM outcome WHERE canonical_symbol <> retired_symbol() ORDER BY 1, 2, 3) TO STDOUT' >"$own_folder/outcome.fresh"
	bars=$((bars + $(wc -l <"$own_folder/outcome")))
	is "$(diff -- "$own_folder/outcome" "$own_folder/outcome.fresh" | head -n 6)" '' "round $round: the bars are those of a fresh database"
	[ "$tests_failed" -eq "$failures_before" ] || failed_round "$round"
done
played=$((round - first))
is "$((steps_done > played * sessions * steps * 9 / 10))" 1 "nearly all steps came to their end ($steps_done), though $kills sessions were killed"
is "$((kills > 0 || played < 3))" 1 'and some were'
is "$((bars > played * 100))" 1 "there were bars to compare ($bars)"
done_testing
