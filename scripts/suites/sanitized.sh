# The behaviour tests with the extension under AddressSanitizer and UndefinedBehaviorSanitizer inside a server. The library is installed over
# the ordinary one for as long as the suite runs. AGGREGATION_SANITIZED_FILES names some of test/pgtap's files (default: all).

sanitized_build=$ROOT/build/sanitized
sanitized_library=$("$PG_CONFIG" --pkglibdir)/aggregation.so

sanitized_restore() {
	server_remove
	cp --remove-destination --no-preserve=all -- "$ROOT/aggregation.so" "$sanitized_library"
}

# What is not newer than before is not built again.
sanitized_make() {
	local flags="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
	mkdir -p -- "$sanitized_build" &&
		if [ ! -e "$sanitized_build/src" ]; then
			cp -r -- "$ROOT/src" "$sanitized_build/" && find "$sanitized_build/src" -name '*.[od]' -delete
		fi &&
		(cd "$ROOT" && find src -type f ! -name '*.[od]' -exec cp -u --parents -- {} "$sanitized_build/" \;) &&
		cp -u -- "$ROOT/Makefile" "$ROOT/aggregation.control" "$sanitized_build/" &&
		cp -u -- "$ROOT/test/fuzz/sanitizer_options.c" "$sanitized_build/src/pg/" &&
		make -C "$sanitized_build" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" CC="gcc $flags" CXX="g++ $flags" aggregation.so &&
		gcc -shared -fPIC -O1 -o "$folder/sanitizer_jumps.so" "$ROOT/test/fuzz/sanitizer_jumps.c"
}

# sanitized_result PASSED WHAT [DETAIL]
sanitized_result() {
	if [ "$1" = yes ]; then
		echo "  ok     $2"
		count 1 0
	else
		echo "  NOT OK $2"
		count 0 1
	fi
}

log=$(mktemp)
if ! sanitized_make >"$log" 2>&1; then
	tail -n 60 "$log"
	sanitized_result no 'sanitized: did not build'
else
	trap sanitized_restore EXIT
	cp --remove-destination --no-preserve=all -- "$sanitized_build/aggregation.so" "$sanitized_library"
	server_make "$folder/sanitized-server"
	LD_PRELOAD="$folder/sanitizer_jumps.so" server_start fsync=off synchronous_commit=off max_connections=50
	files=()
	for file in "$ROOT"/test/pgtap/*.sql; do
		name=$(basename -- "$file" .sql)
		case " ${AGGREGATION_SANITIZED_FILES:-$name} " in
		*" $name "*) files+=("$file") ;;
		esac
	done
	pgtap_files "${files[@]}"
	# Where the server has started again, the end of its log before that says why.
	reports=$(grep -cE 'runtime error:|ERROR: AddressSanitizer|AddressSanitizer: CHECK' "$server_folder/log" || true)
	crashes=$(server_crashes)
	if [ "$reports" -gt 0 ] || [ -n "$crashes" ]; then
		grep -A 30 -E 'runtime error:|ERROR: AddressSanitizer|AddressSanitizer: CHECK|Failed process was running' "$server_folder/log" | head -n 200 | sed 's/^/    /'
	fi
	sanitized_result "$([ "$reports" -eq 0 ] && [ -z "$crashes" ] && echo yes)" "$reports reports and ${crashes:-no crash}"
	# Silence means something only where they can speak.
	for canary in 'address AddressSanitizer: stack-buffer-overflow' 'undefined runtime error: shift exponent'; do
		psql -X -q -d postgres -c "CREATE FUNCTION canary(int) RETURNS int LANGUAGE c AS '\$libdir/aggregation', 'aggregation_canary_${canary%% *}'" \
			-c 'SELECT canary(4)' >"$log" 2>&1 || true
		sanitized_result "$(grep -qs -- "${canary#* }" "$server_folder/log" && echo yes)" "a canary makes them speak: ${canary%% *}"
		for _ in $(seq 300); do
			psql -X -q -d postgres -c 'DROP FUNCTION IF EXISTS canary(int)' >/dev/null 2>&1 && break
			sleep 0.1
		done
	done
fi
rm -f -- "$log"
