# The background worker: nothing but a preload setting, and bars appear; whatever is killed, dropped or renamed, it goes on.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../own_server.sh"

own_server fsync=off shared_preload_libraries=aggregation "aggregation.databases='served,missing'" "aggregation.longest_sleep='600s'"
worker() { sql -d postgres -c "SELECT pid FROM pg_stat_activity WHERE backend_type = 'aggregation worker' AND datname = '$1'"; }
worker_runs="EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aggregation worker' AND datname = 'served')"
export PGDATABASE=postgres

happens 30 "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aggregation launcher')" 'a launcher is there'
is "$(log_lines 'database "missing" does not exist')" 1 'a database that is not there is named'
is "$(sql -c "SELECT string_agg(name || ' ' || coalesce(unit, '-') || ' ' || coalesce(min_val, '-') || ' ' || coalesce(max_val, '-') || ' ' || context, ', ' ORDER BY name) FROM pg_settings WHERE name LIKE 'aggregation.%' AND short_desc <> ''")" \
	'aggregation.change_log_size kB 64 2147483647 superuser, aggregation.databases - - - sighup, aggregation.env_name - - - sighup, aggregation.events_kept - 1 2147483647 superuser, aggregation.longest_sleep ms 100 3600000 sighup, aggregation.move_old_functions - - - user, aggregation.read_source - - - user, aggregation.sync_interval min 0 10080 sighup, aggregation.tracking - - - user' \
	'settings have units and bounds'

# It waits for the extension; a reload has the launcher look for new databases at once.
sql -c 'CREATE DATABASE served'
sql -c 'SELECT pg_reload_conf()' >/dev/null
happens 30 "SELECT $worker_runs" 'a database that is created gets its worker'
is "$(log_lines 'the extension does not exist in database "served"')" 1 'which says that the extension is missing'
PGDATABASE=served sql -c 'CREATE EXTENSION aggregation' -c 'DO $$ BEGIN PERFORM agg_setup(); END $$' \
	-c "INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD')" \
	-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '1m', t, 1, 1, 1, 1 FROM generate_series(date_trunc('hour', now()) - interval '3 hours', date_trunc('hour', now()) - interval '1 minute', '1 minute') AS t"
# The sleep is ten minutes long: whatever happens from here on within seconds happens because somebody woke the worker.
PGDATABASE=served
sql -c 'SELECT sync_agg_state_from_registry()' >/dev/null
happens 30 "SELECT count(*) = 36 FROM derived_data_bars WHERE timeframe = '5m'" 'a sync wakes it, and bars appear'
happens 30 "SELECT count(*) = 3 FROM derived_data_bars WHERE timeframe = '1h'" 'of each timeframe'
is "$(sql -c "SELECT job_name, trigger, status FROM ops_runlog ORDER BY started_at DESC LIMIT 1")" 'agg_run|cron|success' 'its runs are in the log'

again="UPDATE data_agg_state SET last_agg_bar_ts_utc = last_agg_bar_ts_utc - interval '1 hour', next_run_at = now() WHERE timeframe = '5m'"
done_again="SELECT last_agg_bar_ts_utc >= date_trunc('hour', now() - interval '1 minute') AND next_run_at > now() FROM data_agg_state WHERE timeframe = '5m'"
sql -c "$again" -c 'SELECT agg_wake()' >/dev/null
happens 30 "$done_again" 'agg_wake() does'
sql -c 'BEGIN' -c "$again" -c 'SELECT agg_wake()' -c 'COMMIT' >/dev/null
happens 30 "$done_again" 'when the transaction has committed'
sql -c "UPDATE data_agg_state SET status = 'hard_failed', hard_fail_streak = 3, last_agg_bar_ts_utc = last_agg_bar_ts_utc - interval '1 hour' WHERE timeframe = '5m'" \
	-c "SELECT agg_reset_task('EURUSD', '5m')" >/dev/null
happens 30 "$done_again" 'agg_reset_task() does'

# It wakes by itself when the next task is due.
sql -c "UPDATE data_agg_state SET last_agg_bar_ts_utc = last_agg_bar_ts_utc - interval '1 hour', next_run_at = now() + interval '3 seconds' WHERE timeframe = '5m'" -c 'SELECT agg_wake()' >/dev/null
happens 30 "$done_again" 'a task that becomes due is run'
is "$(sql -c "SELECT last_attempted_at_utc - (SELECT max(started_at) FROM ops_runlog) < interval '10 seconds' FROM data_agg_state WHERE timeframe = '5m'")" t 'when it is due'

# It wakes for the end of each minute where there are ticks, with nothing else due.
sql -c 'CREATE TABLE trades (ts timestamptz, symbol text, price float8, size float8)' -c "SELECT agg_add_tick_source('trades', p_delay_seconds => 0)" \
	-c "INSERT INTO trades VALUES (now(), 'TICK', 1, 1)" >/dev/null
happens 75 "SELECT EXISTS (SELECT FROM data_bars WHERE canonical_symbol = 'TICK')" 'a minute of ticks is made when it is over'
sql -c "SELECT agg_remove_tick_source('trades')" >/dev/null

# SIGTERM ends it at once, and another one comes.
pid=$(worker served)
kill -TERM "$pid"
happens 10 "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)" 'SIGTERM ends a worker'
happens 30 "SELECT $worker_runs" 'and there is a new one'
# kill -9 takes the server down for a moment.
kill -9 "$(worker served)"
sleep 0.2
happens 60 "SELECT $worker_runs" 'after a kill -9 the server comes back with its worker'
# What keeps on failing is said once.
sql -d postgres -c "ALTER SYSTEM SET aggregation.longest_sleep = '100ms'" -c 'SELECT pg_reload_conf()' >/dev/null
sql -c 'ALTER TABLE data_agg_state RENAME TO elsewhere' -c 'SELECT agg_wake()' >/dev/null
sleep 4
sql -c 'ALTER TABLE elsewhere RENAME TO data_agg_state'
is "$(log_lines 'ERROR:.*table "public.data_agg_state" does not exist')" 1 'a failure that repeats is logged once'
sql -c "$again"
happens 60 "$done_again" 'and is over when its cause is'

# Databases come and go.
sql -d postgres -c 'DROP DATABASE served WITH (FORCE)'
PGDATABASE=postgres
happens 30 "SELECT NOT $worker_runs" 'its worker is gone'
sql -c 'CREATE DATABASE other' -c "ALTER SYSTEM RESET aggregation.longest_sleep" >/dev/null
server_stop
server_start fsync=off shared_preload_libraries=aggregation "aggregation.longest_sleep='600s'" max_worker_processes=8
sql -c "ALTER SYSTEM SET aggregation.databases = 'other'" -c 'SELECT pg_reload_conf()' >/dev/null
happens 30 "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aggregation worker' AND datname = 'other')" 'a database that is added to the list gets a worker'
sql -c "ALTER SYSTEM SET aggregation.databases = ''" -c 'SELECT pg_reload_conf()' >/dev/null
happens 30 "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'aggregation worker')" 'one that is taken off loses it'

# A shutdown does not wait for a backfill.
PGDATABASE=other
sql -c 'CREATE EXTENSION aggregation' -c 'DO $$ BEGIN PERFORM agg_setup(); END $$' -c "INSERT INTO core_asset_registry_all (canonical_symbol) SELECT 'S' || i FROM generate_series(1, 40) AS i" \
	-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'S' || i, '1m', t, 1, 1, 1, 1 FROM generate_series(1, 40) AS i, generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-10 00:00+00', '1 minute') AS t" \
	-c 'SELECT sync_agg_state_from_registry()' -c "ALTER SYSTEM SET aggregation.databases = 'other'" -c 'SELECT pg_reload_conf()' >/dev/null
happens 30 'SELECT count(*) > 0 FROM derived_data_bars' 'a backfill is under way'
before=$SECONDS
server_stop
is "$((SECONDS - before < 15))" 1 'a shutdown does not wait for it'
done_testing
