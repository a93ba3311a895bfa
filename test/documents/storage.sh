# docs/storage.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/storage.md

run retention.1
is "$(sql -c 'SELECT canonical_symbol, timeframe, keep FROM v_aggregation_retention ORDER BY 1')" "EURUSD|1m|720 days
|1m|90 days" 'policies are set, and one is removed'
sql -c 'DELETE FROM agg_retention'
close_page
done_testing
