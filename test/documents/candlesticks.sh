# docs/candlesticks.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/candlesticks.md

sql -c 'CREATE TABLE ticks (ts timestamptz, symbol text, price float8, size float8)' \
	-c "INSERT INTO ticks SELECT '2025-07-05'::timestamptz + i * interval '20 seconds', 'BTCUSD', 100 + i % 7, 1 FROM generate_series(0, 9999) AS i"
run candlesticks-in-your-own-sql.1
is "$(wc -l <"$said")" 667 'a row for each five minutes'
run candlesticks-in-your-own-sql.2
run bars-as-they-are-stored.1
run vwap-from-an-anchor-and-of-a-session.1
run vwap-from-an-anchor-and-of-a-session.2
run vwap-from-an-anchor-and-of-a-session.3
run a-column-of-candlesticks.1
run ticks-to-1-minute-bars.1
is "$(sql -c "SELECT count(*), sum(vol) FROM data_bars WHERE canonical_symbol = 'BTCUSD'")" '3334|10000' 'the minutes of all ticks are there'
close_page
done_testing
