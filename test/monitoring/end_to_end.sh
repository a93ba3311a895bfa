# From the database to an alert: Debian's exporter with our queries, Debian's Prometheus with our alerts, all on this machine alone. A task
# stalls, its alert fires; somebody runs it, the alert ends. Every query of the dashboard is executed.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../own_server.sh"

own_server fsync=off
sql -c 'CREATE EXTENSION aggregation' -c 'SELECT agg_setup()' >/dev/null
sql -f "$ROOT/test/pgtap/include/market.psql"
# A market whose feed ended forty minutes ago, and all of whose bars are made; an index, ticks, a consumer.
start="date_bin('5 minutes', now(), '2000-01-01 00:00+00') - interval '100 minutes'"
sql >/dev/null <<SQL
SELECT world.task(s, '5m', $start) FROM unnest('{DXY,EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}'::text[]) AS s;
SELECT world.minutes(s, $start, 60) FROM unnest('{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}'::text[]) AS s;
SELECT agg_set_freshness_target('EURUSD', '5m', 600);
CREATE TABLE trades (ts timestamptz, symbol text, price float8, size float8);
SELECT agg_add_tick_source('trades', 'ts', 'symbol', 'price', 'size');
SELECT agg_subscribe('charts');
CREATE ROLE monitor LOGIN;
SELECT agg_grant('monitor', 'monitor');
SQL
sql -c 'CALL agg_run()' >/dev/null 2>&1
sql -c 'SELECT agg_verify_sample(1)' >/dev/null

free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
exporter=127.0.0.1:$(free_port)
prometheus=127.0.0.1:$(free_port)
DATA_SOURCE_NAME="host=$PGHOST port=5432 user=monitor dbname=postgres sslmode=disable" prometheus-postgres-exporter \
	--web.listen-address="$exporter" --extend.query-path="$ROOT/monitoring/aggregation_queries.yaml" \
	--disable-default-metrics --disable-settings-metrics --no-collector.database --no-collector.bgwriter >exporter.log 2>&1 &
exporter_process=$!
# As shipped, but that nobody waits for minutes here.
sed -E 's/^( +for: ).*/\12s/' "$ROOT/monitoring/aggregation_alerts.yml" >alerts.yml
cat >prometheus.yml <<CONFIG
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [alerts.yml]
scrape_configs: [{job_name: postgres, static_configs: [{targets: ['$exporter']}]}]
CONFIG
prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="$prometheus" --log.level=warn >prometheus.log 2>&1 &
prometheus_process=$!
trap 'kill $exporter_process $prometheus_process 2>/dev/null; wait $exporter_process $prometheus_process 2>/dev/null; server_remove; rm -rf -- "$own_folder"' EXIT

ask() { /usr/bin/python3 "$ROOT/test/monitoring/ask.py" "http://$prometheus" "$@"; }

# becomes WANTED DESCRIPTION COMMAND… : within half a minute.
becomes() {
	local wanted=$1 description=$2 until=$((SECONDS + 30)) said
	shift 2
	while said=$("$@" 2>&1); [ "$said" != "$wanted" ] && [ $SECONDS -lt $until ]; do sleep 0.3; done
	is "$said" "$wanted" "$description"
}

becomes 0 'all is well' ask value 'aggregation_health_state'
is "$(ask rules)" '7 rules, all evaluated' 'the alerts are loaded'
sql -c 'SELECT agg_metrics()' >own
/usr/bin/python3 -c 'import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())' "http://$exporter/metrics" >exported
is "$(/usr/bin/python3 "$ROOT/test/monitoring/figures.py" differences own exported)" True 'the exporter gives the figures of agg_metrics()'
is "$(comm -13 <(sed -nE 's/^# HELP aggregation_[a-z_]+ //p' own | sort -u) <(sed -nE 's/^# HELP aggregation_[a-z_]+ //p' exported | sort -u))" '' 'in the same words'
is "$(grep '^pg_exporter_last_scrape_error ' exported)$(grep -E 'level=error' exporter.log)" 'pg_exporter_last_scrape_error 0' 'without an error'
becomes '' 'no alert' ask alerts

# The feed is back, and nobody runs.
sql >/dev/null <<SQL
SELECT world.minutes(s, $start + interval '1 hour', 40) FROM unnest('{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}'::text[]) AS s;
INSERT INTO trades SELECT now() - interval '30 minutes' + make_interval(secs => n), 'TICKS', n, 1 FROM generate_series(1, 300) AS n;
SQL
late() { ask alerts | grep -E '^AggregationRed late'; }
becomes 'AggregationRed late firing' 'a stalled task fires its alert' late
is "$(ask value 'aggregation_task_lag_seconds{symbol="EURUSD", timeframe="5m"} > bool 600')" 1 'the task is named, with its lag'
ask panels "$ROOT/monitoring/aggregation_dashboard.json" >stalled

sql -c 'CALL agg_run()' >/dev/null 2>&1
becomes '' 'recovery ends it' late
becomes 0 'all is well again' ask value 'aggregation_health_state'
becomes '' 'and silent' ask alerts
ask panels "$ROOT/monitoring/aggregation_dashboard.json" >recovered
is "$(cut -f 2 stalled recovered | sort | uniq -c | awk '$1 != 2')" '' 'every query of the dashboard is valid'
is "$(cat stalled recovered | awk -F '\t' '$1 > 0 { print $2 }' | sort -u | comm -13 - <(cut -f 2 stalled | sort -u))" '' 'and has data while a task is late, or after'
is "$(wc -l <stalled)" "$(grep -c '"expr":' "$ROOT/monitoring/aggregation_dashboard.json")" 'all of them were asked'

# The database is gone.
server_stop
silent() { ask alerts | grep -E '^AggregationSilent'; }
becomes 'AggregationSilent firing' 'silence fires, too' silent
done_testing
