# An older system's database is taken over while it works, runs for days on the extension, and goes back with all that it has got meanwhile.
source "${ROOT:?}/test/tap.sh"

database=aggregation_adoption
psql -qX -d postgres -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database" >/dev/null 2>&1
export PGDATABASE=$database PGOPTIONS='-c client_min_messages=warning -c timezone=UTC'
sql() { psql -qXAt -v ON_ERROR_STOP=1 "$@" 2>&1; }
is "$(sql -f "$ROOT/test/adoption/world.sql")" "" "an older system at work"
state() { sql -c "SELECT md5(string_agg(s::text, '' ORDER BY s.canonical_symbol, s.timeframe)) FROM (SELECT canonical_symbol, timeframe, last_agg_bar_ts_utc, total_runs, total_bars_created, status FROM data_agg_state) s"; }
bars() { sql -c "SELECT count(*), md5(string_agg(b::text, '' ORDER BY b.canonical_symbol, b.timeframe, b.ts_utc)) FROM (SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol FROM derived_data_bars WHERE deleted_at IS NULL) b"; }
catalog() { "$("$PG_CONFIG" --bindir)/pg_dump" --schema-only "$database" | grep -v '^\\\|^--' | md5sum; }
rows() { sql -F ' ' -c "SELECT object, action FROM agg_adopt($1) WHERE action NOT IN ('created', 'added', 'would create', 'would add', 'offers', 'replaced', 'would replace')"; }
state_before=$(state) bars_before=$(bars) catalog_before=$(catalog)

# CREATE EXTENSION says what is in its way, and touches nothing.
refusal=$(sql -c 'CREATE EXTENSION aggregation' || true)
for function in 'catchup_aggregation_range(text,text,timestamp with time zone,integer,timestamp with time zone,integer,boolean)' \
	'catchup_aggregation_range(text,text,timestamp with time zone)' 'agg_finish(' 'agg_get_due_tasks(' 'HINT:  SET aggregation.move_old_functions = on'; do
	is "$(grep -cF -- "$function" <<<"$refusal")" 1 "the error names $function"
done
is "$(catalog)" "$catalog_before" 'and nothing has changed'

sql -c 'SET aggregation.move_old_functions = on' -c 'CREATE EXTENSION aggregation' >/dev/null
is "$(sql -c "SELECT count(*) FROM pg_proc WHERE pronamespace = 'aggregation_legacy'::regnamespace AND proname <> 'restore'")" 4 'the functions make way, the older form too'
is "$(sql -c "SELECT proname FROM pg_proc WHERE proname = 'aggregate_window_by_hand' AND pronamespace = 'public'::regnamespace")" aggregate_window_by_hand 'what has another name stays'
is "$(sql -c "SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND objid IN ('aggregation_legacy'::regnamespace, 'aggregation_legacy.restore'::regproc)")" 0 'the way back does not belong to the extension'

# A dry run tells all of it and does nothing.
extension_only=$(catalog)
dry=$(rows true)
is "$dry" 'function agg_finish(text, text, boolean, timestamp with time zone, jsonb, text, text, timestamp with time zone, integer) moved
function agg_get_due_tasks(text, timestamp with time zone, integer, integer) moved
function catchup_aggregation_range(text, text, timestamp with time zone) moved
function catchup_aggregation_range(text, text, timestamp with time zone, integer, timestamp with time zone, integer, boolean) moved
functions that PUBLIC could call left
view public.due still calls
cursor of GBPUSD/1h names its last bar
cursor of GBPUSD/5m ahead of its source
minutes of DXY would copy' 'a dry run names functions, callers, cursors and minutes'
is "$(catalog) $(state) $(bars)" "$extension_only $state_before $bars_before" 'and changes nothing'

is "$(rows false | tail -n 1)" 'cursors and minutes left' 'the tables first, and nothing else while they are locked'
rows false >/dev/null
is "$(bars)" "$bars_before" 'no bar has changed'
is "$(state)" "$state_before" 'nor a cursor or a count'
is "$(sql -c "SELECT (SELECT count(*) FROM derived_data_bars WHERE canonical_symbol = 'DXY' AND timeframe = '1m' AND deleted_at IS NULL) - (SELECT count(*) FROM data_bars WHERE canonical_symbol = 'DXY' AND timeframe = '1m' AND source = 'synthetic')")" 0 'as many minutes of DXY on both sides'
is "$(sql -c "SELECT count(*) FROM data_bars b JOIN derived_data_bars d USING (canonical_symbol, timeframe, ts_utc) WHERE timeframe = '1m' AND b.close <> d.close")" 0 'with the same prices'
is "$(sql -c "SELECT has_function_privilege('adoption_app', 'agg_get_due_tasks(text, timestamptz, int, int)', 'EXECUTE')")" t 'who could call the old function can call the new one'
is "$(sql -c "SELECT string_agg(policyname, ',') FROM pg_policies WHERE tablename = 'data_bars'") $(sql -c "SELECT count(*) FROM pg_trigger WHERE tgname = 'desk'") $(sql -c "SELECT count(*) FROM hours") $(sql -c "SELECT count(DISTINCT desk_note) FROM derived_data_bars") $(sql -c "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid IN ('data_bars'::regclass, 'derived_data_bars'::regclass)")" \
	"only_pairs 1 $(sql -c "SELECT count(*) FROM derived_data_bars WHERE timeframe = '1h' AND deleted_at IS NULL") 1 2" 'policies, triggers, views, columns and foreign keys are there'
is "$(rows false | grep -v ' moved$')" 'functions that PUBLIC could call left
view public.due still calls
cursor of GBPUSD/1h names its last bar
cursor of GBPUSD/5m ahead of its source' 'a second call has nothing to do'
is "$(sql -c 'SELECT count(*) FROM agg_setup()')" 0 'nor has agg_setup()'
sql -c 'DROP VIEW due' -c "CREATE VIEW due AS SELECT * FROM agg_get_due_tasks('prod')" >/dev/null
is "$(sql -c "SELECT string_agg(object || ' ' || action, ',') FROM agg_adopt(mend_cursors => true) WHERE object LIKE 'cursor%'")" 'cursor of GBPUSD/5m moved back,cursor of GBPUSD/1h names its last bar,cursor of GBPUSD/5m names its last bar' 'a cursor goes back to its source'

# What the older system made too early, and what was edited, is listed before it is mended.
unexplained="SELECT canonical_symbol || '/' || timeframe || ' ' || to_char(ts_utc, 'DD HH24:MI') FROM agg_verify() WHERE explanation IS NULL AND difference <> 'no_task' GROUP BY canonical_symbol, timeframe, ts_utc ORDER BY canonical_symbol, timeframe, ts_utc"
listed=$(sql -c "$unexplained")
is "$(grep -c . <<<"$listed")" "$(sql -c "SELECT count(*) FROM ($unexplained) AS u")" 'the proof lists bars that are not what their source says'
is "$(grep -cxF -e 'EURUSD/1h 02 11:00' -e 'GBPUSD/5m 01 03:00' <<<"$listed")" 2 'the hour that was made of 8 of 12 parts, and the edited bar, are among them'
is "$(sql -c "SELECT agg_mend(p_max_windows => 1)")" '{"success": true, "continue": true, "windows_marked": 1, "differences_left": 0}' 'they are mended at any pace'
is "$(sql -c "$unexplained" | grep -c .)" "$(($(grep -c . <<<"$listed") - 1))" 'what is to be mended is explained'
is "$(bars)" "$bars_before" 'until the next run nothing has changed'
for round in 1 2 3 4 5 6 7 8; do
	[ "$(sql -c "SELECT agg_mend(p_max_windows => 200) -> 'continue'")" = true ] || break
	sql -c "CALL agg_run(p_now_utc => '2025-07-02 12:01+00')" >/dev/null
done
sql -c "CALL agg_run(p_now_utc => '2025-07-02 12:01+00')" >/dev/null
is "$(sql -c "SELECT count(*) FROM agg_verify() WHERE difference <> 'no_task'")" 0 'every bar is true'
is "$(sql -c "SELECT source_candles FROM derived_data_bars WHERE canonical_symbol = 'EURUSD' AND timeframe = '1h' AND ts_utc = '2025-07-02 11:00' AND deleted_at IS NULL")" 12 'the hour is made of all of its parts'

# Days later.
sql -c "SELECT agg_retire_old_minutes()" >/dev/null
is "$(sql -c "SELECT count(*) FROM derived_data_bars WHERE timeframe = '1m' AND deleted_at IS NULL")" 0 'the old minutes are retired'
is "$(sql -c "SELECT feed('2025-07-04 12:00+00')" -c "CALL agg_run(p_now_utc => '2025-07-04 12:01+00', p_max_windows => 10000)" -c "SELECT count(*) FROM agg_verify()" | tail -n 1)" 0 'two days on the extension: every bar is true, DXY''s too'
is "$(sql -c "SELECT object || ': ' || effect FROM agg_rollback_report() WHERE effect <> 'comes back'")" 'view public.due: prevents it
check data_bars_source_check of data_bars: stays
minutes of DXY: come back' 'the report says what a way back means'
is "$(sql -c "SELECT * FROM aggregation_legacy.restore()" | grep -c 'cannot drop extension aggregation because other objects depend on it')" 1 'it is refused while something depends on the new functions'
runs=$(sql -c 'SELECT sum(total_runs), sum(total_bars_created) FROM data_agg_state') count=$(sql -c 'SELECT count(*) FROM derived_data_bars WHERE deleted_at IS NULL AND timeframe <> $$1m$$')
sql -c 'DROP VIEW due' >/dev/null
is "$(sql -F ' ' -c 'SELECT object, action FROM aggregation_legacy.restore()' | sed 's/(.*)//' | grep -v '^view .* dropped$')" 'extension aggregation dropped
public.agg_finish moved back
public.agg_get_due_tasks moved back
public.catchup_aggregation_range moved back
public.catchup_aggregation_range moved back
view public.v_aggregation_frontier_health moved back' 'back'
is "$(sql -c 'SELECT count(*) > 0, min(mine), has_table_privilege($$adoption_app$$, $$v_aggregation_frontier_health$$, $$SELECT$$) FROM v_aggregation_frontier_health')" 't|42|t' 'with the view of the operators whose name the extension took'
is "$(sql -c 'SELECT count(*) FROM aggregation_legacy.restore()')" 0 'a second call does nothing'
is "$(sql -c 'SELECT sum(total_runs), sum(total_bars_created) FROM data_agg_state') $(sql -c 'SELECT count(*) FROM derived_data_bars WHERE deleted_at IS NULL AND timeframe <> $$1m$$')" "$runs $count" 'bars, cursors and counts are what they were'
is "$(sql -c "SELECT count(*) > 1500 FROM derived_data_bars WHERE timeframe = '1m' AND deleted_at IS NULL AND NOT raw ? 'retired'")" t 'the old minutes are back'
sql -c "SELECT feed('2025-07-04 14:00+00')" -c "CALL old_worker('2025-07-04 14:00+00')" >/dev/null
is "$(sql -c "SELECT string_agg(timeframe || ' ' || to_char(max, 'DD HH24:MI'), ',' ORDER BY timeframe) FROM (SELECT timeframe, max(ts_utc) FROM derived_data_bars WHERE canonical_symbol = 'EURUSD' AND deleted_at IS NULL GROUP BY 1) m")" '1h 04 13:00,5m 04 13:55' 'and the older system goes on'

is "$(sql -c "SELECT count(*) FROM pg_class WHERE relkind = 'v' AND relname LIKE 'v\_aggregation\_%'")" 1 'and none of the extension'

# Forward again.
is "$(sql -c 'SET aggregation.move_old_functions = on' -c 'CREATE EXTENSION aggregation' -c "SELECT count(*) FROM agg_adopt() WHERE action = 'moved'" -c "SELECT agg_mark_changed(NULL, '2025-07-04', '2025-07-05') -> 'success'" -c "CALL agg_run(p_now_utc => '2025-07-04 14:01+00')" -c "SELECT count(*) FROM agg_verify() WHERE difference <> 'no_task'")" '4
true
0' 'and forward again'
# Each view that agg_setup() makes makes way, if it was there before.
is "$(sql -c "SELECT c.relname FROM pg_class c WHERE c.relkind = 'v' AND c.relname LIKE 'v\_aggregation\_%' AND c.relnamespace = 'public'::regnamespace" | while read -r view; do grep -q "'$view'" "$ROOT/src/sql/05_old_functions.sql" || echo "$view"; done)" '' 'all names of views are known'

psql -qX -d postgres -c "DROP DATABASE $database" -c 'DROP ROLE adoption_app' -c 'DROP ROLE service_role' >/dev/null 2>&1
done_testing
