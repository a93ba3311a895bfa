# The core and the operations without a server: GoogleTest, plainly built and once more
# under AddressSanitizer and UndefinedBehaviorSanitizer.

unit_compile() {
	local name=$1
	shift
	cmake -S "$ROOT" -B "$ROOT/build/$name" "$@" && cmake --build "$ROOT/build/$name" -j "$(nproc)"
}

unit_build() {
	local name=$1 log
	shift
	log=$(mktemp)
	if ! progress "$name: compile" "$log" unit_compile "$name" "$@"; then
		tail -n 60 "$log"
		echo "  NOT OK $name: did not build"
		count 0 1
		rm -f -- "$log"
		return
	fi
	local status=0 passed failed skipped
	progress "$name" "$log" ctest --test-dir "$ROOT/build/$name" -V || status=$?
	passed=$(grep -cE '^[0-9]+: \[ +OK \]' "$log" || true)
	failed=$(grep -cE '^[0-9]+: \[ +FAILED +\] .*\([0-9]+ ms\)' "$log" || true)
	skipped=$(grep -cE '^[0-9]+: \[ +SKIPPED +\] .*\([0-9]+ ms\)' "$log" || true)
	# A crash, or a sanitizer's finding, ends a program before it counts.
	if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
	if [ "$failed" -gt 0 ]; then
		echo "  NOT OK $name: $failed failed"
		grep -E '^[0-9]+:' "$log" | grep -vE ': (\[ +(RUN|OK|PASSED) +\]|\[[-=]{10}\]|Test (command|timeout)|Working Directory|Running main|Note:|$)' | head -n 200 | sed 's/^/    /'
	else
		printf '  ok     %s (%s)\n' "$name" "$passed"
	fi
	count "$passed" "$failed" "$skipped"
	rm -f -- "$log"
}

if compgen -G "$ROOT/test/unit/*.cpp" >/dev/null && [ -e "$ROOT/CMakeLists.txt" ]; then
	unit_build unit
	unit_build unit-sanitized -DAGGREGATION_SANITIZE=ON
fi
