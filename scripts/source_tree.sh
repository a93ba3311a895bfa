# What belongs to a release: the files that git knows, as they are now. Sourced.

# release_version ROOT : of aggregation.control, with the third number that PGXN and Debian ask for.
release_version() { sed -nE "s/^default_version = '(.*)'/\1.0/p" "$1/aggregation.control"; }

# source_files ROOT : their names, each with a zero byte after it.
source_files() {
	if git -C "$1" rev-parse --git-dir >/dev/null 2>&1; then
		git -C "$1" ls-files -z --cached --deduplicate |
			while IFS= read -r -d '' file; do
				if [ -e "$1/$file" ]; then printf '%s\0' "$file"; fi
			done
	else
		# An unpacked release: what a build leaves there has names that no source has.
		(cd -- "$1" && find . -name build -prune -o -type f ! -name '*.o' ! -name '*.d' ! -name '*.so' ! -name '*.bc' ! -name built_for \
			! -path "./aggregation--*.sql" -printf '%P\0')
	fi
}

# copy_sources ROOT FOLDER
copy_sources() {
	mkdir -p -- "$2"
	source_files "$1" | tar -C "$1" --null -T - -cf - | tar -C "$2" -xf -
}
