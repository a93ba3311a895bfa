# docs/calendars.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/calendars.md

run market-calendars.1
like "$(cat "$said")" 'fx.*2025-12-24' 'the days of fx are shown'
run the-rules.1
is "$(cut -d '|' -f 1,4 "$said" | paste -sd ' ')" '2025-12-22|510 2025-12-23|510 2025-12-24|0 2025-12-25|510 2025-12-26|510' 'the example has a week without its Wednesday'
run what-is-missing.1
run when-rules-change.1
is "$(sql -c "SELECT day_start, (SELECT count(*) FROM agg_calendar_sessions WHERE calendar = 'fx' AND opens = '16:00') FROM agg_calendars WHERE calendar = 'fx'")" '16:00:00|5' 'fx begins at four'
run when-rules-change.2
close_page
done_testing
