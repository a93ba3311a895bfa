# docs/clusters.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/clusters.md

leave from-one-machine-to-many.1 'Citus is tried by the suite citus'
leave from-one-machine-to-many.2 'Citus is tried by the suite citus'
leave another-node.1 'Citus is tried by the suite citus'
like "$(sql -c "SELECT * FROM agg_distribute(dry_run => true)" 2>&1 || true)" 'Citus is not installed in this database' 'without Citus it says so'
close_page
done_testing
