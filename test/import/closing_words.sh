# What an import says at its end: the zone, the tasks that will read the bars or will not, and of a wrong format what the file looks like.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

for i in {0..29}; do printf '20230601 00%02d00;1.1;1.2;1.0;1.1;0\n' "$i"; done >histdata.csv
for format in mt4 dukascopy csv; do
	import --format "$format" --symbol WRONG histdata.csv
	like "$status $said" '^1 .*looks like histdata: --format histdata' "$format: what the file looks like"
	is "$(grep -c ', line ' <<<"$said")" 0 'instead of twenty lines'
done
import --format histdata --symbol ' EURUSD' histdata.csv
like "$status $said" '^2 .*has blanks around it.*--symbol EURUSD' 'a symbol with blanks around it'

import --format histdata --symbol OLDPAIR histdata.csv
like "$status $said" '^0 .*stamps were read as UTC-5 all year' 'the zone that was assumed'
like "$said" 'no task makes bars of it yet' 'a symbol without a task'
grep -A2 'no task makes' <<<"$said" | tail -n 2 | sql >/dev/null
is "$(sql -c 'SELECT agg_run_batch() ->> '"'bars_created'")" 6 'what it says to do makes bars of them'
import --format histdata --timezone UTC-4 --symbol OLDPAIR histdata.csv
like "$said" 'stamps were read in UTC-4' 'another zone'

sql -c "INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('LATER', '{\"agg\": {\"optional\": [\"15m\"]}}')" -c 'SELECT sync_agg_state_from_registry()' >/dev/null
import --format histdata --symbol LATER histdata.csv
like "$said" 'its tasks make no bars before 2025-07-01 00:00 UTC' 'bars before the start'
grep -A2 'its tasks make' <<<"$said" | tail -n 2 | sql >/dev/null
sql -c 'SELECT agg_run_batch()' >/dev/null
is "$(sql -c "SELECT count(*) FROM derived_data_bars WHERE canonical_symbol = 'LATER'")" 8 'what it says to do makes them'
is "$(sql -c "SELECT metadata FROM core_asset_registry_all WHERE canonical_symbol = 'LATER'")" '{"agg": {"optional": ["15m"], "start_utc": "first_bar"}}' 'and keeps the rest of the metadata'
import --format histdata --symbol LATER histdata.csv
is "$(grep -c 'its tasks make\|no task' <<<"$said")" 0 'then there is nothing to say'

printf 'time;open;high;low;close\n2025-07-01 00:00;1,08;1,09;1,07;1,08\n' >comma.csv
import --format csv --symbol COMMA comma.csv
like "$status $said" '^1 .*a price with a decimal comma' 'decimal commas'
printf 'time,open,high,low,close\n2025-07-01 00:00,"1,08","1,09","1,07","1,08"\n' >quoted.csv
import --format csv --symbol COMMA quoted.csv
like "$status $said" '^1 .*a quoted number with a comma' 'in quotes, between commas'
done_testing
