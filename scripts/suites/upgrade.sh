# From 1.0 to this release: the update, a restored dump, an old library. On a copy of the server's programs, so that nothing of it is left behind.

(
	release_1_0=5a3a5cbbd0388adf35b950d9e5755101aa681a32
	upgrade_tree=$(mktemp -d /tmp/aggregation-upgrade.XXXXXX)
	trap 'rm -rf -- "$upgrade_tree"' EXIT
	chmod 755 "$upgrade_tree"
	for folder in --bindir --pkglibdir --sharedir; do
		tar -C / --exclude=bitcode --exclude=locale --exclude=man -cf - ".$("$PG_CONFIG" $folder)"
	done | tar -C "$upgrade_tree" -xif -
	rm -f "$upgrade_tree$("$PG_CONFIG" --sharedir)"/extension/aggregation--1.0.sql
	cp "$ROOT/test/upgrade/aggregation--1.0.sql" "$upgrade_tree$("$PG_CONFIG" --sharedir)/extension/"

	# 1.0's library, where the history is at hand.
	OLD_LIBRARY=
	if git -C "$ROOT" cat-file -e "$release_1_0^{commit}" 2>/dev/null; then
		mkdir "$upgrade_tree/1.0"
		git -C "$ROOT" archive "$release_1_0" | tar -C "$upgrade_tree/1.0" -xf -
		if make -C "$upgrade_tree/1.0" -j2 PG_CONFIG="$PG_CONFIG" aggregation.so >"$upgrade_tree/1.0.log" 2>&1; then
			OLD_LIBRARY=$upgrade_tree/1.0/aggregation.so
		else
			tail -n 5 "$upgrade_tree/1.0.log"
		fi
	fi
	export OLD_LIBRARY
	PG_CONFIG=$upgrade_tree$("$PG_CONFIG" --bindir)/pg_config
	export PG_CONFIG
	shell_files "$ROOT"/test/upgrade/*_test.sh
)
