# The SQL surface, as "make installcheck" runs it: pg_regress on sql/ and expected/.

if compgen -G "$ROOT/sql/*.sql" >/dev/null; then
	log=$(mktemp)
	status=0
	# pg_regress writes results/ and its differences beside the input: only there, never elsewhere.
	rm -f -- "$ROOT/regression.diffs"
	make -C "$ROOT" installcheck PG_CONFIG="$PG_CONFIG" >"$log" 2>&1 </dev/null || status=$?
	# Since 16 it speaks TAP.
	passed=$(grep -cE '\.\.\. +ok|^ok [0-9]' "$log" || true)
	failed=$(grep -cE '\.\.\. +FAILED|^not ok [0-9]' "$log" || true)
	if [ "$failed" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$passed" -eq 0 ]; }; then failed=1; fi
	if [ "$failed" -gt 0 ]; then
		grep -vE '\.\.\. +ok|^ok [0-9]' "$log" | tail -n 40 | sed 's/^/    /'
		if [ -e "$ROOT/regression.diffs" ]; then
			head -n 300 "$ROOT/regression.diffs" | sed 's/^/    /'
		fi
		echo "  NOT OK regress: $failed failed"
	else
		printf '  ok     regress (%s)\n' "$passed"
	fi
	count "$passed" "$failed"
	rm -f -- "$log"
fi
