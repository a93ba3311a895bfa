# Somebody who may make triggers makes one on a partition, in a transaction that is still open when rows are written. The writer waits for it, sees it
# then, and writes nothing. Looking without the lock it would have found nothing, and run the trigger.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

export PGDATABASE=stranger_race
psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE" -c "CREATE DATABASE $PGDATABASE" 2>/dev/null
psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
CREATE EXTENSION aggregation;
CREATE TABLE derived_data_bars (canonical_symbol text NOT NULL, timeframe text NOT NULL, ts_utc timestamptz NOT NULL, open float8 NOT NULL, high float8 NOT NULL, low float8 NOT NULL, close float8 NOT NULL, deleted_at timestamptz)
	PARTITION BY RANGE (ts_utc);
CREATE TABLE january PARTITION OF derived_data_bars FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2025-02-01 00:00+00');
SELECT * FROM agg_setup();
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
SELECT sync_agg_state_from_registry('prod', '2025-01-01');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT 'EURUSD', '1m', '2025-01-01 00:00+00'::timestamptz + n * interval '1 minute', 1, 3, 0.5, 1, 1 FROM generate_series(0, 99) AS n;
CREATE ROLE aggregation_racer;
CREATE SCHEMA theirs AUTHORIZATION aggregation_racer;
GRANT TRIGGER ON january TO aggregation_racer;
CREATE TABLE ran (who text);
GRANT ALL ON ran TO PUBLIC;
CREATE FUNCTION theirs.code() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.ran VALUES (current_user); RETURN NEW; END $$;
ALTER FUNCTION theirs.code() OWNER TO aggregation_racer;
SQL

for n in 1 2; do # with nothing known, and with a table that was found clean a moment ago, by the same session
	coproc RACER { psql -X -q -A -t 2>&1; }
	coproc RUNNER { psql -X -q -A -t 2>&1; }
	exec {answers}<&"${RUNNER[0]}" # bash closes its own as soon as the process ends
	if [ "$n" -eq 2 ]; then
		printf "SELECT catchup_aggregation_range('EURUSD', '5m', '2025-01-01 00:00+00', 3);\n\\\\echo ready\n" >&"${RUNNER[1]}"
		until read -r said <&"$answers" && [ "$said" = ready ]; do :; done
		psql -X -q -c "UPDATE data_bars SET high = 4 WHERE ts_utc = '2025-01-01 00:01+00'"
	fi
	printf 'BEGIN;\nSET ROLE aggregation_racer;\nCREATE TRIGGER code BEFORE INSERT OR UPDATE ON january FOR EACH ROW EXECUTE FUNCTION theirs.code();\n\\echo open\n' >&"${RACER[1]}"
	read -r said <&"${RACER[0]}"
	printf "SELECT catchup_aggregation_range('EURUSD', '5m', '2025-01-01 00:00+00', 100);\n\\\\q\n" >&"${RUNNER[1]}"
	tries=0
	until [ "$(psql -X -q -A -t -c "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'january'::regclass")" = 1 ] || [ "$tries" -gt 200 ]; do
		tries=$((tries + 1))
		sleep 0.05
	done
	is "$((tries <= 200))" 1 'the writer waits for the trigger'
	printf 'COMMIT;\n\\q\n' >&"${RACER[1]}"
	said=$(cat <&"$answers")
	exec {answers}<&-
	wait
	is "$(printf '%s' "$said" | head -n 1)" 'ERROR:  trigger "code" of table "january" runs a function of somebody who is not the table'\''s owner' 'and refuses it'
	is "$(psql -X -q -A -t -c 'SELECT count(*) FROM ran')" 0 'it has not run'
	psql -X -q -c 'DROP TRIGGER code ON january'
done
psql -X -q -d postgres -c "DROP DATABASE $PGDATABASE" -c 'DROP ROLE aggregation_racer'
done_testing
