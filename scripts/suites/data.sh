# Real market data beside the checkout, where there is any: our bars against its publisher's.
# The tests call ./run import themselves.

AGGREGATION_DATA=${AGGREGATION_DATA:-$ROOT/../shared/data}
if [ ! -d "$AGGREGATION_DATA/mt4" ]; then
	echo "  skipped: there is no real data in $AGGREGATION_DATA (AGGREGATION_DATA names its folder)"
	count 0 0 "$(find "$ROOT/test/data" -name '*.sql' | wc -l)"
else
	AGGREGATION_DATA=$(readlink -f -- "$AGGREGATION_DATA")
	export AGGREGATION_DATA AGGREGATION_RUN=$ROOT/run
	pgtap_files "$ROOT"/test/data/*.sql
fi
