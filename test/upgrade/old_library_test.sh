# A session that loaded 1.0's library before the update keeps it until it ends: it goes on writing bars, and is told to reconnect when it
# calls anything else. Such a session cannot do the update itself.
source "$(dirname -- "${BASH_SOURCE[0]}")/databases.sh"
need_old_library
own_server fsync=off
make_roles
make_1_0 old public plain

# A session that stays: statements go in, answers are read up to a mark.
use_library "$OLD_LIBRARY"
coproc session { psql -X -q -A -t -d old 2>&1; }
exec 7>&"${session[1]}" 8<&"${session[0]}"
old_session() {
	local line
	printf '%s\n' "$@" "\\echo end of answer" >&7
	while IFS= read -r line <&8 && [ "$line" != 'end of answer' ]; do printf '%s\n' "$line"; done
}
is "$(old_session "SET timezone = 'UTC';" "SELECT agg_bootstrap_cursor('EURUSD', '5m');")" '2025-07-01 00:00:00+00' 'a session has the library of 1.0'
use_library "$new_library"

like "$(old_session 'ALTER EXTENSION aggregation UPDATE;')" \
	'ERROR: +this session has loaded the library of aggregation 1.0.*HINT: +Reconnect.*restart the server' 'it cannot update the extension'
is "$(in_database old public -c "SELECT extversion FROM pg_extension WHERE extname = 'aggregation'")" 1.0 'and nothing is done by halves'
is "$(in_database old public -c 'ALTER EXTENSION aggregation UPDATE')" '' 'a session that connects now does'

minute() {
	echo "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
		VALUES ('$1', '1m', '$2', 1, 9, 0.5, 1.5, 10) ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET high = 9;"
}
log_size() { in_database old public -c 'SELECT count(*) FROM agg_change_log'; }
before=$(log_size)
is "$(old_session "$(minute EURUSD '2025-07-01 04:00+00')")" '' 'the old session writes a late bar'
is "$(old_session BEGIN\; "$(minute GBPUSD '2025-07-01 04:00+00')" SAVEPOINT\ s\; "$(minute GBPUSD '2025-07-01 04:07+00')" ROLLBACK\ TO\ s\; COMMIT\;)" '' \
	'and others in a transaction with a savepoint'
is "$(log_size)" $((before + 2)) 'the log has what it wrote'
is "$(old_session 'CREATE TEMP TABLE stage (n int);' 'ALTER TABLE stage ADD m int;' 'DROP TABLE stage;' 'CREATE SCHEMA other;' 'DROP SCHEMA other CASCADE;' \
	'CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;' 'CREATE TABLE things (n int);' \
	'CREATE TRIGGER nothing AFTER INSERT ON things FOR EACH ROW EXECUTE FUNCTION nothing();' 'DROP TABLE things;' | grep -v '^NOTICE')" '' \
	'what it does to tables of its own is its own business'
is "$(old_session "UPDATE data_agg_state SET task_priority = 90 WHERE canonical_symbol = 'EURUSD';")" '' 'it may change priorities'

# All functions but the triggers' and those of a type that no old database has, one after the other.
answers=$(in_database old public -c "SELECT format('%s %s(%s)%s;', CASE p.prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT FROM' END, p.proname,
		(SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY AS a(t, n)), CASE WHEN p.prorettype = 'record'::regtype AND p.proallargtypes IS NULL THEN ' AS r(n int)' ELSE '' END)
	FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'aggregation' WHERE p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) AND p.provolatile <> 'i' ORDER BY 1" |
	while IFS= read -r call; do old_session "$call" | sed -n 1p; done)
is "$(grep -vcE '^ERROR:  could not find function "reconnect_to_use_aggregation_1_1_[a-z0-9_]+" in file ' <<<"$answers")" 0 'every function tells it to reconnect'
is "$(wc -l <<<"$answers")" 74 'all of them'
like "$(old_session "INSERT INTO data_agg_state (canonical_symbol, timeframe) VALUES ('NEW', '5m');")" 'could not find function "reconnect_to_use_aggregation_1_1' \
	'so does a new task made by hand'

# A writer who finds the log too large absorbs it, by the rules of 1.0: the marks that he leaves are good.
is "$(old_session 'SET aggregation.change_log_size = 64;' "DO \$\$ BEGIN FOR i IN 1..400 LOOP
		UPDATE data_bars SET low = low - 0.001 WHERE canonical_symbol = 'USDJPY' AND ts_utc = '2025-07-01'::timestamptz + (i % 100) * interval '1 minute'; END LOOP; END \$\$;" \
	"INSERT INTO agg_change_log (symbols, from_utc, to_utc, row_counts) SELECT ARRAY['USDJPY'], ARRAY['2025-07-01 05:00+00'::timestamptz], ARRAY['2025-07-01 05:05+00'::timestamptz], ARRAY[1] FROM generate_series(1, 2000);")" '' \
	'the log grows large'
for n in $(seq 70); do echo "UPDATE data_bars SET high = 10 + $n WHERE canonical_symbol = 'USDCAD' AND ts_utc = '2025-07-01 09:00+00';"; done >writes
before=$(log_size)
is "$(old_session "$(cat writes)")" '' 'the old session writes on'
is "$(($(log_size) < 70))" 1 'and has absorbed the log'
like "$(in_database old public -c "SELECT string_agg(DISTINCT due, ' ') FROM agg_dirty_ranges")" 'once_passed' 'in the words of 1.0'

is "$(in_database old public -c "SELECT agg_finish('CLAIMED', '5m', true, '2025-07-02 12:35+00', p_now_utc => '2025-07-02 12:41+00') ->> 'success'")" true 'a new session works'
run_on old public
is "$(in_database old public -c "SELECT * FROM agg_verify() WHERE explanation IS DISTINCT FROM 'deleted'")" '' 'all that the old session wrote has come to bars'
is "$(in_database old public -c "SELECT high FROM derived_data_bars WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND ts_utc = '2025-07-01 04:00+00' AND deleted_at IS NULL")" 9 'this one, too'
exec 7>&-

done_testing
