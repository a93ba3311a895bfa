# The new library on a catalog that is still 1.0's: the package is new and the server was restarted, and nobody has typed UPDATE yet. Bars
# are written and noticed; every function says what to do.
source "$(dirname -- "${BASH_SOURCE[0]}")/databases.sh"
need_old_library
own_server fsync=off
make_roles
make_1_0 old public partitioned

answers=$(in_database old public -c "SELECT format('%s %s(%s);', CASE p.prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT FROM' END, p.proname,
		(SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY AS a(t, n)))
	FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'aggregation' WHERE p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) ORDER BY 1" |
	while IFS= read -r call; do in_database old public -c "$call" | paste -sd' '; done)
is "$(grep -vcE "^ERROR: +extension \"aggregation\" is at version 1.0 in this database, and its library at $release.*HINT: +Run ALTER EXTENSION aggregation UPDATE" <<<"$answers")" 0 \
	'every function asks for the update'
is "$(wc -l <<<"$answers")" 39 'all of them'

before=$(in_database old public -c 'SELECT count(*) FROM agg_change_log')
is "$(in_database old public -c "UPDATE data_bars SET high = high + 1 WHERE canonical_symbol = 'USDJPY' AND ts_utc = '2025-07-01 04:00+00'" \
	-c "CREATE TEMP TABLE stage AS SELECT * FROM data_bars WHERE canonical_symbol = 'GBPUSD' AND ts_utc < '2025-07-01 00:20+00'" \
	-c "DELETE FROM data_bars WHERE canonical_symbol = 'GBPUSD' AND ts_utc < '2025-07-01 00:20+00'" -c 'INSERT INTO data_bars SELECT * FROM stage' \
	-c 'CREATE TABLE data_bars_3 PARTITION OF data_bars FOR VALUES FROM ($$2026-01-01$$) TO ($$2027-01-01$$)')" '' 'bars are written, partitions are made'
is "$(in_database old public -c 'SELECT count(*) FROM agg_change_log')" $((before + 3)) 'and noticed'
is "$(in_database old public -c "INSERT INTO data_bars SELECT canonical_symbol, timeframe, ts_utc + interval '1 year' FROM data_bars WHERE canonical_symbol = 'USDCAD' LIMIT 3" \
	-c 'DROP TABLE data_bars_3')" '' 'retention drops a partition'
is "$(in_database old public -c "SELECT count(*) FROM agg_sealed_ranges WHERE reason LIKE 'data_bars_3%'")" 1 'whose bars are sealed'
is "$(in_database old public -c 'ALTER EXTENSION aggregation UPDATE')" '' 'the update'
in_database old public -c "SELECT agg_finish('CLAIMED', '5m', true, '2025-07-02 12:35+00', p_now_utc => '2025-07-02 12:41+00')" >/dev/null
run_on old public
is "$(in_database old public -c "SELECT * FROM agg_verify() WHERE explanation IS DISTINCT FROM 'deleted'")" '' 'and everything comes to bars'

# A catalog newer than the library, as a session has it that goes on over the next update.
next="UPDATE pg_extension SET extversion = '99.10' WHERE extname = 'aggregation'; CREATE OR REPLACE FUNCTION next_release() RETURNS int LANGUAGE sql AS 'SELECT 1'"
like "$(in_database old public -c "SELECT count(*) FROM agg_get_due_tasks('prod', p_limit => 0)" -c "\\! psql -X -q -d old -c \"$next\"" -c "SELECT agg_get_due_tasks('prod')" | paste -sd' ')" \
	'^0 ERROR: +extension "aggregation" is at version 99.10 .* has loaded its library of .*HINT: +Reconnect' 'a session that goes on over the next update is told to reconnect'
like "$(in_database old public -c "SELECT agg_get_due_tasks('prod')")" 'is at version 99.10 .* has loaded its library of .*HINT: +Reconnect' 'a session with an older library is told so'
is "$(in_database old public -c "UPDATE data_bars SET high = high + 1 WHERE canonical_symbol = 'USDJPY' AND ts_utc = '2025-07-01 04:00+00'")" '' 'it writes bars all the same'

done_testing
