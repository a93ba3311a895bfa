#!/usr/bin/env bash
# Debian packages of this checkout, one for each PostgreSQL that this Debian has: build/deb/postgresql-*-aggregation_*.deb.
#
#   DEB_REVISION            the package's revision, default 1
#   DEBFULLNAME, DEBEMAIL   who answers for the packages
#   DEB_BUILD_OPTIONS       as Debian defines it, for example nocheck; parallel=N defaults to the number of processors
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
ROOT=${here%/*}
source "$here/source_tree.sh"
source "$here/progress.sh"
source "$here/packages.sh"

need build-essential "compiles the extension, and what dpkg-buildpackage takes for granted" dpkg-query -W build-essential
need debhelper "builds packages" have dh
need postgresql-server-dev-all "PostgreSQL's headers, and Debian's way to build extensions" have_file /usr/share/perl5/Debian/Debhelper/Buildsystem/pgxs_loop.pm
install_missing
# The tests that the build runs need the servers.
for version in $(PGVERSIONS= /usr/share/postgresql-common/supported-versions); do
	need "postgresql-$version" "runs the extension's tests against the package" have_file "$debian_postgresql/$version/bin/initdb"
done
install_missing

version=$(release_version "$ROOT")
folder=$ROOT/build/deb
tree=$folder/aggregation-$version
rm -rf -- "$folder"
copy_sources "$ROOT" "$tree"
tar -C "$folder" --exclude=./debian --exclude="aggregation-$version/debian" -cJf "$folder/aggregation_$version.orig.tar.xz" "aggregation-$version"

cd -- "$tree"
maintainer="${DEBFULLNAME:-the aggregation authors} <${DEBEMAIL:-aggregation@localhost}>"
control=$(<debian/control.in)
printf '%s\n' "${control/MAINTAINER/"$maintainer"}" >debian/control.in
{
	printf 'aggregation (%s-%s) unstable; urgency=medium\n\n' "$version" "${DEB_REVISION:-1}"
	printf '  * CHANGELOG.md says what is new.\n\n'
	printf ' -- %s  %s\n' "$maintainer" "$(date -R -r "$ROOT/CHANGELOG.md")"
} >debian/changelog
{
	printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: aggregation\n\n'
	printf 'Files: *\n%s\nLicense: PostgreSQL\n' "$(sed -n 's/^Copyright (c) /Copyright: /p' LICENSE | tr -d ,)"
	sed -e '1,/^Copyright/d' LICENSE | sed -e '/./,$!d' -e 's/^$/./' -e 's/^/ /'
} >debian/copyright
pg_buildext updatecontrol

export DEB_BUILD_OPTIONS="parallel=$(nproc) ${DEB_BUILD_OPTIONS-}"
dpkg-buildpackage -us -uc "$@"
cd -- "$folder"
rm -rf -- "$tree"
ls -1 -- "$folder"/*.deb
