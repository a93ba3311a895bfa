# The core's parsers under libFuzzer, with AddressSanitizer and UndefinedBehaviorSanitizer. AGGREGATION_FUZZ_SECONDS (default 10) says for how
# long; what it finds is kept in AGGREGATION_FUZZ_KEEP, if that is set.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

seconds=${AGGREGATION_FUZZ_SECONDS:-10}
seed=${AGGREGATION_SEED:-$((RANDOM * 32768 + RANDOM + 1))}
echo "# AGGREGATION_SEED=$seed AGGREGATION_FUZZ_SECONDS=$seconds"
built=yes
clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I"$ROOT/src" -I"$ROOT/test/fuzz" "$ROOT/test/fuzz/parsers_fuzzer.cpp" \
	"$ROOT"/src/core/*.cpp "$ROOT/src/ops/boundary/json.cpp" -o parsers >build.log 2>&1 || built=$(tail -n 20 build.log)
is "$built" yes 'the fuzzer is built'
mkdir -p corpus
printf '\0\0\0\0\0\0\0\0%s' 5m >corpus/timeframe
printf '2025-07-01T00:00:00.5+02:30' >corpus/time
status=0
./parsers -seed="$seed" -max_total_time="$seconds" -max_len=512 -print_final_stats=1 corpus >said 2>&1 || status=$?
grep -E 'stat::number_of_executed_units' said | sed 's/stat::number_of_executed_units: */# inputs: /'
if [ "$status" -ne 0 ]; then
	grep -vE '^#[0-9]+' said | head -n 40 | sed 's/^/# /'
	if [ -n "${AGGREGATION_FUZZ_KEEP:-}" ]; then cp -- crash-* "$AGGREGATION_FUZZ_KEEP"/; fi
fi
is "$status" 0 'all properties hold'
done_testing
