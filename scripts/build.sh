# Builds the extension and puts it into the PostgreSQL that PG_CONFIG names. Sourced.
#
# make never runs as another user than the one who called us: where PostgreSQL's
# folders need root, the finished files are staged first and only copied through
# sudo, so no file of the checkout ends up owned by root.

# build_and_install ROOT
build_and_install() {
	local root=$1 log stage libraries extensions
	libraries=$("$PG_CONFIG" --pkglibdir) extensions=$("$PG_CONFIG" --sharedir)/extension
	if [ ! -w "$root" ]; then
		echo "$(id -un) cannot write to $root, where the extension is built." >&2
		echo "Hint: copy the checkout to a folder of your own, and run this there." >&2
		exit 1
	fi
	local through=nothing
	if [ -w "$libraries" ] && [ -w "$extensions" ]; then
		through=root
	elif sudo -n true 2>/dev/null; then
		through=sudo
	elif [ ! -e "$libraries/aggregation.so" ]; then
		needs_root "$root" "$libraries"
	fi

	log=$(mktemp)
	stage=$(mktemp -d)
	if ! progress compile "$log" build_and_stage "$root" "$stage"; then
		cat "$log" >&2
		echo "The extension did not build (see above)." >&2
		exit 1
	fi
	give_back "$root"

	local copy=(cp -RT --remove-destination --no-preserve=all "$stage" /)
	if already_installed "$stage"; then
		echo "The extension is built and installed already."
	elif [ "$through" = nothing ]; then
		needs_root "$root" "$libraries"
	else
		if [ -e "$libraries/aggregation.so" ]; then
			echo "It replaces another build in $libraries: every server that uses that one gets this one."
		fi
		if [ "$through" = root ]; then
			umask 022
			"${copy[@]}"
		else
			echo "Installing the extension through sudo: $libraries needs it."
			sudo -n sh -c 'umask 022; exec "$@"' sh "${copy[@]}"
		fi
	fi
	rm -rf -- "$stage"
}

build_and_stage() {
	make -C "$1" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" && make -C "$1" install DESTDIR="$2" PG_CONFIG="$PG_CONFIG"
}

# needs_root ROOT LIBRARIES : what somebody does who has neither root nor sudo.
needs_root() {
	echo "The extension goes into $2, which needs root, and sudo is not there or wants a password." >&2
	echo "Hint: have root run \"make install PG_CONFIG=$PG_CONFIG\" once in $1, then try again." >&2
	exit 1
}

# already_installed STAGE : whether every staged file is in its place with the same bytes.
already_installed() (
	cd "$1" || exit 1
	find . -type f -print0 | while IFS= read -r -d '' file; do
		cmp -s -- "$file" "/$file" || exit 1
	done
)

# give_back ROOT : root working in somebody else's checkout hands over what it made there.
give_back() {
	if [ "$(id -u)" -eq 0 ] && [ "$(stat -c %u -- "$1")" -ne 0 ]; then
		find "$1" -user root -exec chown -h --reference="$1" -- {} +
	fi
}
