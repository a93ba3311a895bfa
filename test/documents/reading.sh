# docs/reading.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/reading.md

run reading-bars.1
is "$(grep -cE '^2025-07-01.*\|135\|2\|final\|' "$said")" 32 'a timeframe that nobody stores has its bars'
run on-a-terminal.1
like "$(cat "$said")" 'EURUSD' 'a chart is drawn'
sql -c 'CREATE ROLE reader'
run who-may-read.1
sql -c 'DROP OWNED BY reader' -c 'DROP ROLE reader'
leave a-page-to-look-at.1 'the suite report writes and looks at pages'
close_page
done_testing
