# pg_cron for real: one call schedules the runner, and bars appear.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../own_server.sh"
if [ ! -e "$(share_dir)/extension/pg_cron.control" ]; then skip_all "there is no pg_cron in $(share_dir)"; fi

own_server fsync=off shared_preload_libraries=pg_cron cron.use_background_workers=on cron.database_name=scheduled "cron.host='/nowhere'"
sql -d postgres -c 'CREATE DATABASE scheduled'
export PGDATABASE=scheduled
sql -c 'CREATE EXTENSION aggregation' -c 'DO $$ BEGIN PERFORM agg_setup(); END $$'
said=$(psql -X -v VERBOSITY=verbose -c 'SELECT agg_schedule()' 2>&1)
like "$said" '55000.*pg_cron is not installed in database "scheduled"' 'without pg_cron there is an error'
like "$said" 'HINT: .*CREATE EXTENSION pg_cron.*aggregation.databases' 'that says how to get it, and how to do without'
is "$(sql -c "SELECT agg_unschedule()")" '{"success": true, "jobs_removed": 0}' 'and nothing to take back'

sql -c 'CREATE EXTENSION pg_cron' -c "INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD')" \
	-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '1m', t, 1, 1, 1, 1 FROM generate_series(date_trunc('hour', now()) - interval '3 hours', date_trunc('hour', now()) - interval '1 minute', '1 minute') AS t"
is "$(sql -c "SELECT agg_schedule(p_sync_minutes => 0) - 'job_id'")" \
	'{"command": "CALL public.agg_run(p_env_name => '"'prod'"', p_max_tasks => 1000000, p_sync_minutes => 0)", "success": true, "job_name": "aggregation", "schedule": "* * * * *"}' \
	'one call schedules'
is "$(sql -c "SELECT agg_schedule('*/2 * * * *', p_sync_minutes => 0) ->> 'schedule'" -c "SELECT agg_schedule(p_sync_minutes => 0) ->> 'schedule'" -c 'SELECT count(*) FROM cron.job')" \
	$'*/2 * * * *\n* * * * *\n1' 'another call replaces the schedule'
happens 150 "SELECT count(*) = 36 FROM derived_data_bars WHERE timeframe = '5m'" 'the job runs: the asset has its tasks, and they their bars'
is "$(sql -c "SELECT DISTINCT job_name, trigger FROM ops_runlog")" 'agg_run|cron' 'the log knows what began it'
is "$(sql -c "SELECT agg_unschedule() ->> 'jobs_removed'" -c "SELECT agg_unschedule() ->> 'jobs_removed'" -c 'SELECT count(*) FROM cron.job')" $'1\n0\n0' 'and it can be taken back'
like "$(psql -X -c "SELECT agg_schedule('now and then')" 2>&1)" 'invalid schedule' 'a schedule that makes no sense is refused'

# As a client, which a server need not let in: then the answer says so.
is "$(sql -c "SELECT agg_schedule() ? 'note'" -c "SELECT agg_unschedule() ->> 'jobs_removed'")" $'f\n1' 'in workers of the server there is nothing to say'
server_stop
server_start fsync=off shared_preload_libraries=pg_cron cron.database_name=scheduled
like "$(sql -c 'SELECT agg_schedule()')" '"note": "pg_cron connects as a client does.*connection failed.*cron.use_background_workers = on' 'as a client it is told'
done_testing
