# docs/ticks.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/ticks.md

run ticks-to-1-minute-bars.1
sql -c "INSERT INTO trades SELECT '2025-07-01'::timestamptz + i * interval '7 seconds', 'BTCUSD', 100 + i % 9, 1, CASE i % 10 WHEN 0 THEN 'X' END FROM generate_series(0, 999) AS i" -c 'CALL agg_run()'
is "$(sql -c "SELECT count(*) FROM data_bars WHERE canonical_symbol = 'BTCUSD'")" 117 'minutes come of ticks'
# What the second block adds, it removes: the proof wants the source, and its conditions.
run ticks-to-1-minute-bars.2
is "$(sql -c "SELECT count(*) FROM v_aggregation_tick_sources")" 0 'the source is gone, and its bars stay'
sql -c "SELECT agg_add_tick_source('trades', p_condition => 'cond', p_excluded => ARRAY['X', 'Z'], p_from => '2025-01-01')" -c 'CALL agg_run()' >/dev/null
run the-bar-of-a-minute.1
sql -c 'CALL agg_run()'
run the-bar-of-a-minute.2
is "$(cat "$said")" '' 'the proof finds nothing'
sql -c "UPDATE data_bars SET close = close + 1 WHERE canonical_symbol = 'BTCUSD' AND ts_utc = '2025-07-01 00:10'"
run the-bar-of-a-minute.2
like "$(cat "$said")" '2025-07-01 00:10' 'and a bar that is not what its ticks say'
close_page
done_testing
