# docs/truth.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/truth.md

seq 0 99 | awk '{ printf "XAUUSD,1m,2016-01-04 %02d:%02d+00,1,2,0.5,1,10\n", $1 / 60, $1 % 60 }' >"$blocks/eurusd.csv"
chmod 644 "$blocks/eurusd.csv"
run loading-years-at-once.1 "s|/data/eurusd.csv|$blocks/eurusd.csv|"
is "$(sql -c "SELECT count(*) FROM data_bars WHERE canonical_symbol = 'XAUUSD'")" 100 'the rows are there'
run bars-that-must-not-change.1
run proof.1
run why-is-this-bar-here-or-not.1
like "$(cat "$said")" '^[a-z_]+\|' 'a state and its explanation'
close_page
done_testing
