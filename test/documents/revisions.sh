# docs/revisions.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/revisions.md

# The moment of the example is now.
sql -c "SELECT agg_set_keep_revisions('EURUSD', '5m', true)" >/dev/null
now=$(sql -c 'SELECT now()')
run as-it-was.1 "s/2025-07-01 14:30\+00/$now/"
is "$(grep -cE '^2025-07-01.*\|final\|' "$said")" 288 'the day as it was'
run how-long.1
like "$(cat "$said")" '"continue": false' 'nothing is old enough'
close_page
done_testing
