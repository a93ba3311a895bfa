# docs/events.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/events.md

late() { sql -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EURUSD', '1m', '$1', 1, 1, 1, 1) ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET high = extract(epoch FROM clock_timestamp())" -c 'CALL agg_run()'; }
run events-of-bars.1 's/, 1742\)/, 0)/'
sql -c "SELECT agg_subscribe('signals', ARRAY['EURUSD', 'GBPUSD'], ARRAY['5m', '1h'])" \
	-c 'CREATE TABLE signals (canonical_symbol text, timeframe text, ts_utc timestamptz, close float8)' >/dev/null
late '2025-07-01 10:04'
run once-and-only-once.1 '/watch/d; s/^(SELECT agg_ack.*)$/\1;/'
is "$(sql -c 'SELECT count(*) FROM signals' -c "SELECT count(*) FROM agg_poll('signals')")" $'2\n0' 'the events were kept and acknowledged'
late '2025-07-01 10:05'
# The loop of the example ends when it would wait for the next event.
run once-and-only-once.2 's/dbname=market user=signals//; s/^last = .*/last, seen = 0, []\nact = seen.append/; s/^( *)select\.select.*/\1print(len(seen)); break/'
is "$(cat "$said" | tail -n 1)" 2 'the consumer in Python has seen the events'
run a-consumer-that-is-gone.1
run a-consumer-that-is-gone.2
sql -c 'CREATE ROLE signals'
run who-may.1
sql -c 'DROP OWNED BY signals' -c 'DROP ROLE signals'
close_page
done_testing
