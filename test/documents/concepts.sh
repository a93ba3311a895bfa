# docs/concepts.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/concepts.md

run synthetic-indexes.1
sql -c 'CALL agg_run(p_max_windows => 100000)'
is "$(sql -c "SELECT count(*) > 1000 FROM data_bars WHERE canonical_symbol = 'EURJPY' AND timeframe = '1m'")" t 'the cross has minutes'
sql -c "DELETE FROM agg_indexes WHERE canonical_symbol = 'DXY'"
run synthetic-indexes.2
is "$(sql -c "SELECT array_length(components, 1), decimals, carry_minutes FROM agg_indexes WHERE canonical_symbol = 'DXY'")" '6|8|0' 'the row of DXY is back'
close_page
done_testing
