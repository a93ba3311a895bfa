# docs/import.md
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/import.md

leave importing-1-minute-bars.1 'the suite import runs all five formats'
sql -c "DELETE FROM core_asset_registry_all WHERE canonical_symbol = 'EURUSD'"
run after-an-import.1
close_page
done_testing
