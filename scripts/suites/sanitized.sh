# The extension under AddressSanitizer and UndefinedBehaviorSanitizer inside a server: the behaviour tests, and random calls. The library is
# installed over the ordinary one for as long as the suite runs, and a server of its own preloads the sanitizer. AGGREGATION_SANITIZED_FILES
# names some of test/pgtap's files (default: all).

sanitizer_build=$ROOT/build/sanitized
sanitizer_library=$("$PG_CONFIG" --pkglibdir)/aggregation.so

sanitizer_restore() {
	server_stop || true
	unset LD_PRELOAD
	cp --remove-destination --no-preserve=all -- "$ROOT/aggregation.so" "$sanitizer_library"
}

sanitizer_build() {
	mkdir -p -- "$sanitizer_build"
	cp -ru -- "$ROOT/src" "$ROOT/Makefile" "$ROOT/aggregation.control" "$sanitizer_build/"
	# What an earlier build or the ordinary one left has other flags or is older.
	if [ ! -e "$sanitizer_build/.own" ]; then
		find "$sanitizer_build/src" -name '*.[od]' -delete
		touch "$sanitizer_build/.own"
	fi
	local flags="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
	make -C "$sanitizer_build" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" CC="gcc $flags" CXX="g++ $flags" aggregation.so
}

log=$(mktemp)
if ! sanitizer_build >"$log" 2>&1; then
	tail -n 60 "$log"
	echo "  NOT OK sanitized: did not build"
	count 0 1
else
	trap sanitizer_restore EXIT
	cp --remove-destination --no-preserve=all -- "$sanitizer_build/aggregation.so" "$sanitizer_library"
	# The server's own allocations are contexts that end with the process: leaks are looked for in the unit tests.
	export ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0:handle_segv=0:log_path=$folder/sanitizer"
	export UBSAN_OPTIONS="print_stacktrace=1:abort_on_error=1:log_path=$folder/sanitizer"
	LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so) $(gcc -print-file-name=libstdc++.so)"
	server_make "$folder/sanitized-server"
	export LD_PRELOAD
	chmod 1777 "$folder"
	server_start fsync=off synchronous_commit=off max_connections=50 max_stack_depth=4MB
	unset LD_PRELOAD
	files=()
	for file in "$ROOT"/test/pgtap/*.sql; do
		case " ${AGGREGATION_SANITIZED_FILES:-$(basename -- "$file" .sql)} " in
		*" $(basename -- "$file" .sql) "*) files+=("$file") ;;
		esac
	done
	pgtap_files "${files[@]}"
	found=$(find "$folder" -maxdepth 1 -name 'sanitizer.*' | wc -l)
	crashed=$(grep -cE 'was terminated by signal|PANIC' "$server_folder/log" || true)
	if [ "$found" -gt 0 ] || [ "$crashed" -gt 0 ]; then
		echo "  NOT OK sanitized: $found reports, $crashed crashes"
		find "$folder" -maxdepth 1 -name 'sanitizer.*' -exec head -n 40 {} \; | head -n 200 | sed 's/^/    /'
		grep -E 'was terminated by signal|Failed process was running' "$server_folder/log" | head -n 20 | sed 's/^/    /'
		count 0 1
	else
		echo "  ok     no sanitizer has said anything"
		count 1 0
	fi
	server_remove
fi
rm -f -- "$log"
