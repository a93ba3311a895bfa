# docs/questions/: what people ask first.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"

open_page docs/questions/late-data.md
run late-data.1
like "$(cat "$said")" '5m\|2025-07-01 10:00:00\+00\|pending' 'the proof says that the bar waits'
is "$(tail -n 5 "$said" | cut -d '|' -f 1,3,4 | sort | paste -sd ' ')" '15m|999|2 1d|999|2 1h|999|2 4h|999|2 5m|999|2' 'and every timeframe follows'
close_page

open_page docs/questions/weekends.md
run weekends-holidays-sessions.1
is "$(grep -E '^2025-07-0[0-9]\|.*\|0$' "$said" | cut -d '|' -f 1 | paste -sd ' ')" '2025-07-05 2025-07-06' 'Saturday and Sunday are closed'
is "$(sql -c 'SELECT count(*) FROM agg_verify()')" 0 'all bars are those of the new days'
close_page

open_page docs/questions/time-zones.md
run time-zones.1
is "$(head -n 4 "$said" | paste -sd ' ')" '2025-07-01 09:00:00+09|100 2025-07-02 09:00:00+09|100 2025-07-01 00:00:00+00|100 2025-07-02 00:00:00+00|100' 'the same bars in every zone'
run time-zones.2
is "$(sql -c 'SELECT count(*) FROM agg_verify()')" 0 'all bars are where their minutes are'
close_page

open_page docs/questions/duplicates.md
run duplicates.1
is "$(sql -c "SELECT count(*) FROM data_bars WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 10:00'" -c 'SELECT count(*) FROM agg_verify()')" $'1\n0' 'one minute, and true bars'
sql -c 'ALTER TABLE data_bars DROP CONSTRAINT IF EXISTS data_bars_unique_idx' -c 'DROP INDEX IF EXISTS data_bars_unique_idx' \
	-c "INSERT INTO data_bars SELECT * FROM data_bars WHERE canonical_symbol = 'EURUSD' AND ts_utc < '2025-07-01 01:00'"
like "$(sql -c "SELECT action, detail FROM agg_setup(true)")" 'duplicate|unique' 'without its key the table is found wanting'
run duplicates.2
sql -c 'CALL agg_run()'
is "$(sql -c 'SELECT count(*) FROM agg_setup(true)' -c "SELECT count(*) FROM data_bars WHERE canonical_symbol = 'EURUSD' AND ts_utc < '2025-07-01 01:00'" -c 'SELECT count(*) FROM agg_verify()')" $'0\n60\n0' 'each minute is there once again'
close_page

open_page docs/questions/retention.md
run retention.1
is "$(sql -c "SELECT count(*) FROM data_bars WHERE ts_utc < '2025-07-02'" -c "SELECT count(*) FROM derived_data_bars WHERE ts_utc < '2025-07-02' AND timeframe = '1d' AND deleted_at IS NULL" -c 'SELECT count(*) FROM agg_verify()')" $'0\n4\n0' 'minutes are gone, bars are there, and the proof is content'
close_page
done_testing
