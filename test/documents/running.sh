# docs/running.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/running.md

leave the-background-worker.1 'the suite worker sets up a server in this way'
sql -c "UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'EURUSD'"
before=$(sql -c "SELECT sum(total_runs) FROM data_agg_state WHERE canonical_symbol = 'EURUSD'")
run a-worker-outside-the-database.1
is "$(sql -c "SELECT sum(total_runs) > $before FROM data_agg_state WHERE canonical_symbol = 'EURUSD'")" t 'the worker has done what was due'
close_page
done_testing
