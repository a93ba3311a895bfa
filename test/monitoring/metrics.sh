# agg_metrics(): the text is what the standard wants, by two parsers of others; each figure of the view is in it, whatever symbols are called;
# it stays short; who may call it. The rules and the queries of monitoring/ are checked with Prometheus's own tool.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../own_server.sh"

figures() { /usr/bin/python3 "$ROOT/test/monitoring/figures.py" "$@"; }

own_server fsync=off
psql -X -q -c 'CREATE EXTENSION aggregation' >/dev/null
sql -c 'SELECT agg_setup()' >/dev/null
sql -f "$ROOT/test/pgtap/include/market.psql"
is "$(sql -c 'SELECT agg_metrics()' | figures openmetrics | grep -vc ' 0$')" 0 'without tasks nothing is wrong'

sql >/dev/null <<'SQL'
SELECT world.task(s, '5m', date_bin('5 minutes', now(), '2000-01-01 00:00+00') - interval '2 hours') FROM unnest(ARRAY['EURUSD', 'US"D', 'back\slash', E'two\nlines', 'Zürich={x},y']) AS s;
SELECT world.minutes(s, date_bin('5 minutes', now(), '2000-01-01 00:00+00') - interval '2 hours', 90) FROM unnest(ARRAY['EURUSD', 'US"D', 'back\slash', E'two\nlines', 'Zürich={x},y']) AS s;
SELECT agg_set_freshness_target(canonical_symbol, '5m', 60) FROM data_agg_state;
SQL
sql -c 'SELECT agg_metrics()' >text
is "$(tail -c 6 text)" $'# EOF' 'the text ends as the standard says'
is "$(figures families <text | grep -vE '^aggregation_[a-z_]+ (gauge|counter) (seconds)? ?documented$')" '' 'each family has a type and a help text'
is "$(figures families <text | awk '$1 ~ /_seconds$/ && $3 != "seconds"')" '' 'and its unit'
is "$(figures openmetrics <text | wc -l)" "$(sql -c 'SELECT count(*) FROM v_aggregation_metrics')" 'each figure of the view is there'
is "$(figures openmetrics <text | sed -nE "s/^aggregation_task_target_seconds\{symbol=(.*),timeframe='5m'\} 60$/\1/p" | sort)" "$(
	printf '%s\n' "'EURUSD'" "'US\"D'" "'Zürich={x},y'" "'back\\\\slash'" "'two\\nlines'" | sort
)" 'symbols with quotes, backslashes and line feeds'
is "$(promtool check metrics <text 2>&1 | grep -iE 'error|parse|invalid')" '' 'promtool can read it, too'
is "$(figures openmetrics <text | grep -E 'health|alarms|tasks')" "$(
	cat <<'FIGURES'
aggregation_alarms_active{alarm='late',severity='red'} 5
aggregation_health_state{} 2
aggregation_tasks{status='idle',timeframe='5m',verdict='LATE'} 5
FIGURES
)" 'five tasks are late'
sql -c 'CALL agg_run()' 2>/dev/null
is "$(sql -c 'SELECT agg_metrics()' | figures openmetrics | grep -E 'health|tasks|lag|bars|streak|late')" "$(
	cat <<'FIGURES'
aggregation_fail_streak{status='idle',timeframe='5m',verdict='OK'} 0
aggregation_health_state{} 0
aggregation_lag_seconds{status='idle',timeframe='5m',verdict='OK'} 0
aggregation_tasks{status='idle',timeframe='5m',verdict='OK'} 5
aggregation_truth_late_ranges{} 0
aggregation_truth_late_wait_seconds{} 0
aggregation_work_bars_total{timeframe='5m'} 90
aggregation_work_late_rows_total{timeframe='5m'} 0
aggregation_work_poor_bars_total{timeframe='5m'} 0
FIGURES
)" 'after a run none is, and its work is counted'
is "$(sql -c 'SELECT value > extract(epoch FROM now()) - 60 FROM v_aggregation_metrics WHERE topic = $$runner$$')" t 'the runner was there'
is "$(sql -c 'SELECT string_agg(DISTINCT (CASE value WHEN array_position(ARRAY[$$green$$, $$yellow$$, $$red$$], status) - 1 THEN $$same$$ END), $$$$) FROM v_aggregation_metrics, agg_health() WHERE topic = $$health$$')" same 'agg_health() says the same'

# Ten thousand tasks that have failed: the text does not grow with them.
sql >/dev/null <<'SQL'
INSERT INTO core_asset_registry_all (canonical_symbol) SELECT 'S' || n FROM generate_series(1, 5000) AS n;
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, hard_fail_streak) SELECT 'S' || n, tf, '1m', n % 3 + 1 FROM generate_series(1, 5000) AS n, unnest('{5m,15m}'::text[]) AS tf;
SQL
is "$(sql -c 'SELECT agg_metrics()' | figures openmetrics | grep -c '^aggregation_task_lag')" 100 'a hundred tasks have series of their own'
is "$(sql -c "SELECT sum(value) FROM v_aggregation_metrics WHERE metric = 'aggregation_tasks'")" 10005 'all are counted'
is "$(sql -c "SELECT length(agg_metrics()) < 100000")" t 'and the text is short'

sql -c 'CREATE ROLE monitor LOGIN' -c 'CREATE ROLE stranger LOGIN' -c "SELECT agg_grant('monitor', 'monitor')" >/dev/null
is "$(sql -U monitor -c 'SET default_transaction_read_only = on' -c "SELECT agg_metrics() LIKE '%# EOF', count(*) > 100 FROM v_aggregation_metrics")" 't|t' 'a role that may do nothing else may ask, in a transaction that only reads'
is "$(sql -U stranger -c 'SELECT agg_metrics()' 2>&1)" 'ERROR:  permission denied for function agg_metrics' 'others may not'
psql -X -q -c 'BEGIN' -c 'LOCK data_agg_state, data_bars, agg_change_log IN EXCLUSIVE MODE' -c '\! psql -X -q -A -t -c "SET lock_timeout = 1" -c "SELECT right(agg_metrics(), 5)" >beside 2>&1' -c 'ROLLBACK'
is "$(cat beside)" $'# EOF' 'it waits for nobody who writes'

cp "$ROOT/monitoring/aggregation_alerts.yml" "$ROOT/test/monitoring/alerts_test.yml" .
is "$(promtool check rules aggregation_alerts.yml 2>&1 | grep -c SUCCESS)" 1 'the alerts are valid'
is "$(promtool test rules alerts_test.yml 2>&1 | grep -vE '^$|Unit Testing|SUCCESS')" '' 'and come and go when they should'
is "$(sed -nE 's/^ +- alert: //p' aggregation_alerts.yml | while read -r alert; do grep -q "alertname: $alert" alerts_test.yml || echo "$alert"; done)" '' 'each has a test'
is "$(grep -oE '\baggregation_[a-z_]+' "$ROOT"/monitoring/aggregation_{alerts.yml,dashboard.json} | sed 's/.*://' | sort -u | while read -r name; do grep -qE "^# TYPE ${name%_total} " text || echo "$name"; done)" '' 'alerts and dashboard name figures that exist'
is "$(sed -nE 's/^# TYPE ([a-z_]+) (counter|gauge)$/\1 \2/p' text | sed 's/ counter/_total/; s/ gauge//' | while read -r name; do grep -q "^| .$name. |" "$ROOT/docs/operating.md" || echo "$name"; done)" '' 'docs/operating.md lists each figure'
done_testing
