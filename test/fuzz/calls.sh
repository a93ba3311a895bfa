# Functions of the extension, called at random with values from a cabinet of horrors: an answer, or an error with a SQLSTATE of its own; never
# an internal one, and never a crash. AGGREGATION_FUZZ_SECONDS (default 10) says for how long, AGGREGATION_SEED repeats it.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../own_server.sh"

seconds=${AGGREGATION_FUZZ_SECONDS:-10}
seed=${AGGREGATION_SEED:-$((RANDOM * 32768 + RANDOM))}
echo "# AGGREGATION_SEED=$seed AGGREGATION_FUZZ_SECONDS=$seconds"
own_server fsync=off synchronous_commit=off log_min_messages=error log_error_verbosity=verbose log_statement=none max_connections=10
sql -f "$ROOT/test/fuzz/world.sql" >/dev/null

until=$((SECONDS + seconds))
round=0
while [ $SECONDS -lt $until ]; do
	round=$((round + 1))
	# A part of the calls meets what the others left behind: data, tasks, marks, seals.
	{
		echo "SET client_min_messages = warning;"
		echo "SET lock_timeout = '20s';"
		echo "CALL fuzz.minutes('2025-07-01'::timestamptz + $((round % 40)) * interval '1 hour', 60);"
		echo "SELECT fuzz.calls($(((seed + round) % 1000003))::float8 / 1000003, 300);"
		echo "CALL agg_run(p_time_budget => '2 seconds', p_now_utc => '2025-09-01 00:00+00');"
	} | psql -X -q -A -t >"$own_folder/said" 2>&1 || true
	if grep -qE 'server closed|FATAL|PANIC' "$own_folder/said"; then
		sed 's/^/# /' "$own_folder/said" | head -n 5
		eventually 60 'SELECT true' || break
	fi
	# The worlds that are worth calling in are those in which something goes on.
	sql -c "UPDATE data_agg_state SET enabled = true, status = 'idle', claim_token = NULL, agg_start_utc = '2025-07-01' WHERE $round % 5 = 0" >/dev/null 2>&1 || true
done
sql -c "SELECT format('# %s calls of %s functions, %s of them answered', sum(how_often), count(DISTINCT what), sum(how_often) FILTER (WHERE state = '00000')) FROM fuzz.said"
sql -F ' ' -c "SELECT '# ' || state, sum(how_often) FROM fuzz.said GROUP BY state ORDER BY state"
is "$(server_crashes)" '' 'the server has not crashed'
is "$(sql -c "SELECT format('%s: %s: %s', state, message, example) FROM fuzz.said WHERE state LIKE 'XX%' OR state LIKE '58%' OR state IN ('57P01', '57P02')")" '' 'nothing internal was raised'
is "$(sql -c "SELECT sum(how_often) FILTER (WHERE state = '00000') > 0 FROM fuzz.said")" t 'some calls were answered'
done_testing
