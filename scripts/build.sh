# Builds the extension and puts it into the PostgreSQL that PG_CONFIG names. Sourced.
#
# make never runs as another user than the one who called us: where PostgreSQL's
# folders need root, the finished files are staged first and only copied through
# sudo, so no file of the checkout ends up owned by root.

# build_and_install ROOT
build_and_install() {
	local root=$1 log stage
	log=$(mktemp)
	stage=$(mktemp -d)
	if ! make -C "$root" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" >"$log" 2>&1 ||
		! make -C "$root" install DESTDIR="$stage" PG_CONFIG="$PG_CONFIG" >>"$log" 2>&1; then
		cat "$log" >&2
		rm -rf -- "$log" "$stage"
		echo "The extension did not build (see above)." >&2
		exit 1
	fi
	rm -f -- "$log"
	give_back "$root"

	local copy=(cp -RT --remove-destination --no-preserve=all "$stage" /)
	if already_installed "$stage"; then
		echo "The extension is built and installed already."
	elif [ -w "$("$PG_CONFIG" --pkglibdir)" ] && [ -w "$("$PG_CONFIG" --sharedir)/extension" ]; then
		umask 022
		"${copy[@]}"
	elif sudo -n true 2>/dev/null; then
		echo "Installing the extension through sudo: $("$PG_CONFIG" --pkglibdir) needs it."
		sudo -n sh -c 'umask 022; exec "$@"' sh "${copy[@]}"
	else
		rm -rf -- "$stage"
		echo "The extension is built, but $("$PG_CONFIG" --pkglibdir) needs root, and sudo is not there or wants a password." >&2
		echo "Hint: run \"sudo make install PG_CONFIG=$PG_CONFIG\" in $root once, then try again." >&2
		exit 1
	fi
	rm -rf -- "$stage"
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
