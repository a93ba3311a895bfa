# What all random histories do in their rounds. Sourced; same_in_fresh TABLE [QUERY] is the test's own.

# play_script NUMBER : runs a session's script with the connection that the environment names; when the session is killed, the next one goes on
# behind the step that it died in.
play_script() {
	local script=$own_folder/script.$1 rest=$own_folder/rest.$1 said=$own_folder/said.$1 done_steps total=0
	local -x PGAPPNAME=history$1
	cp -- "$script" "$rest"
	: >"$said"
	while [ -s "$rest" ]; do
		sed 's/^-- next --$/\\echo @next@/' "$rest" | psql -X -q -A -t >"$said.part" 2>&1
		cat -- "$said.part" >>"$said"
		done_steps=$(grep -c '^@next@$' "$said.part")
		[ "$done_steps" -gt 0 ] || sleep "${pause_of_dead:-0}"
		total=$((total + done_steps + 1))
		awk -v skip="$total" 'BEGIN { n = 0 } n >= skip { print } /^-- next --$/ { ++n }' "$script" >"$rest"
	done
}

# The world of the round as it is in the end, for a database that has made no bars yet.
world_to_fresh() {
	local columns='canonical_symbol, timeframe, source_timeframe, calendar, agg_start_utc, run_interval_minutes, aggregation_delay_seconds, task_priority, is_mandatory'
	same_in_fresh symbols
	same_in_fresh agg_calendars "SELECT * FROM agg_calendars WHERE calendar <> 'utc'"
	same_in_fresh agg_calendar_sessions "SELECT * FROM agg_calendar_sessions WHERE calendar <> 'utc'"
	same_in_fresh agg_calendar_exceptions
	same_in_fresh agg_indexes
	same_in_fresh core_asset_registry_all
	same_in_fresh "data_agg_state ($columns)" "SELECT $columns FROM data_agg_state"
	same_in_fresh data_bars "SELECT * FROM data_bars WHERE canonical_symbol NOT IN ('DXY', 'CROSS', 'DEEP')"
}
