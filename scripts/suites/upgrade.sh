# From 1.0 to this release: the update, a restored dump, an old library, pg_upgrade. On copies of the servers' programs, so that nothing of it is left behind.

(
	release_1_0=5a3a5cbbd0388adf35b950d9e5755101aa681a32
	upgrade_tree=$(mktemp -d /tmp/aggregation-upgrade.XXXXXX)
	trap 'rm -rf -- "$upgrade_tree"' EXIT
	chmod 755 "$upgrade_tree"

	# copy_of CONFIG : copies a server's programs, with 1.0's script beside this release's, and prints the copy's pg_config.
	copy_of() {
		local folder
		for folder in --bindir --pkglibdir --sharedir; do
			tar -C / --exclude=bitcode --exclude=locale --exclude=man -cf - ".$("$1" $folder)"
		done | tar -C "$upgrade_tree" -xif -
		cp --remove-destination "$ROOT/test/upgrade/aggregation--1.0.sql" "$upgrade_tree$("$1" --sharedir)/extension/"
		echo "$upgrade_tree$("$1" --bindir)/pg_config"
	}

	# library_of NAME CONFIG : builds the sources in a folder of the tree for a server; prints the library, or why there is none.
	library_of() {
		if make -C "$upgrade_tree/$1" -j2 PG_CONFIG="$2" aggregation.so >"$upgrade_tree/$1.log" 2>&1; then
			echo "$upgrade_tree/$1/aggregation.so"
		else
			tail -n 5 "$upgrade_tree/$1.log" >&2
		fi
	}

	# sources_of_1_0 NAME : fails where the history does not reach back so far.
	sources_of_1_0() {
		git -C "$ROOT" cat-file -e "$release_1_0^{commit}" 2>/dev/null || return
		mkdir "$upgrade_tree/$1"
		git -C "$ROOT" archive "$release_1_0" | tar -C "$upgrade_tree/$1" -xf -
	}

	# another_postgresql : the pg_config of an installed server of another major version: OTHER_PG_CONFIG, or what is in its usual place.
	another_postgresql() {
		installed_servers ${OTHER_PG_CONFIG:+"$OTHER_PG_CONFIG"} | grep -v "^$(postgresql_major "$PG_CONFIG") " | sed -n '1s/^[0-9]* //p'
	}

	OLD_LIBRARY=
	if sources_of_1_0 1.0; then OLD_LIBRARY=$(library_of 1.0 "$PG_CONFIG"); fi

	# The other server gets this release, too: from the older of the two pg_upgrade goes to the newer one.
	OTHER_PG_CONFIG=$(another_postgresql)
	OTHER_OLD_LIBRARY='' OTHER_LIBRARY=''
	if [ -n "$OTHER_PG_CONFIG" ]; then
		mkdir "$upgrade_tree/other"
		cp -r "$ROOT/Makefile" "$ROOT/aggregation.control" "$ROOT/src" "$upgrade_tree/other/"
		find "$upgrade_tree/other" -name '*.o' -delete
		OTHER_LIBRARY=$(library_of other "$OTHER_PG_CONFIG")
		if sources_of_1_0 other_1.0; then OTHER_OLD_LIBRARY=$(library_of other_1.0 "$OTHER_PG_CONFIG" 2>/dev/null); fi
		copy=$(copy_of "$OTHER_PG_CONFIG")
		if [ -n "$OTHER_LIBRARY" ]; then
			make -C "$upgrade_tree/other" PG_CONFIG="$OTHER_PG_CONFIG" install DESTDIR="$upgrade_tree" >>"$upgrade_tree/other.log" 2>&1
		fi
		OTHER_PG_CONFIG=$copy
	fi
	PG_CONFIG=$(copy_of "$PG_CONFIG")
	export OLD_LIBRARY PG_CONFIG OTHER_PG_CONFIG OTHER_OLD_LIBRARY OTHER_LIBRARY
	shell_files "$ROOT"/test/upgrade/*_test.sh
)
