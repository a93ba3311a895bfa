# make deb in a Debian that has nothing; then the package in another one: installed, tested as autopkgtest would, upgraded beside a running
# server, removed.
source "${ROOT:?}/test/tap.sh"
source "$ROOT/scripts/source_tree.sh"

release=${AGGREGATION_DEBIAN:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
work=$(mktemp -d /tmp/aggregation-package.XXXXXX)
log=$work/log
mounts=()
cleanup() {
	local mount
	# A cluster that a failure left running lives in the chroot alone.
	chroot "$work/target" sh -c 'pg_lsclusters -h 2>/dev/null | while read -r version name _; do pg_ctlcluster -m immediate "$version" "$name" stop; done' >/dev/null 2>&1
	for mount in "${mounts[@]}"; do umount -l "$mount" 2>/dev/null; done
	rm -rf --one-file-system -- "$work"
}
trap cleanup EXIT

# system NAME : a copy of the clean Debian, in which no package starts a service.
system() {
	cp -a "$work/clean" "$work/$1"
	printf '#!/bin/sh\nexit 101\n' >"$work/$1/usr/sbin/policy-rc.d"
	chmod +x "$work/$1/usr/sbin/policy-rc.d"
	mount -t proc proc "$work/$1/proc" && mounts+=("$work/$1/proc")
	mkdir -p "$work/$1/dev/shm"
	mount -t tmpfs tmpfs "$work/$1/dev/shm" && mounts+=("$work/$1/dev/shm")
}
# inside NAME COMMAND… : what it says goes to the log.
inside() {
	local system=$1
	shift
	chroot "$work/$system" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@" 2>&1
}
succeeds() {
	local what=$1 status=0
	shift
	inside "$@" >"$log" || status=$?
	is "$status$([ "$status" = 0 ] || tail -n 30 "$log")" 0 "$what"
}

debootstrap --variant=minbase "$release" "$work/clean" >"$log" 2>&1
is "$([ -x "$work/clean/usr/bin/apt-get" ] || tail -n 5 "$log")" '' "a clean $release"

system builder
copy_sources "$ROOT" "$work/builder/src/aggregation"
succeeds 'it can install make' builder sh -c 'apt-get update -q && apt-get install -qy --no-install-recommends make'
succeeds 'make deb builds with nothing but make' builder make -C /src/aggregation deb
packages=("$work"/builder/src/aggregation/build/deb/postgresql-*-aggregation_*.deb)
is "$([ -e "${packages[0]}" ] && echo some)" some 'there are packages'
package=${packages[-1]}
name=$(basename -- "$package")
version=${name#postgresql-} version=${version%%-*}
is "$(dpkg-deb -c "$package" | grep -cE "lib/postgresql/$version/lib/aggregation\.so|/extension/aggregation\.control|/extension/aggregation--$(release_version "$ROOT" | sed 's/\.0$//')\.sql|/extension/aggregation--1\.0--")" 4 \
	'it has the library, the control file and both scripts'
succeeds 'lintian is installed' builder sh -c 'apt-get install -qy --no-install-recommends lintian'
# The address is whoever builds; there is no bug to close in Debian's tracker.
is "$(inside builder sh -c 'cd /src/aggregation/build/deb && lintian --allow-root --tag-display-limit 0 *.changes 2>/dev/null' | grep -E '^[EW]:' | grep -vE 'bogus-mail-host|initial-upload-closes-no-bugs')" '' 'lintian finds no fault'

system target
cp -- "$package" "$work/target/"
copy_sources "$ROOT" "$work/target/src/aggregation"
cp -- "$ROOT/debian/control.in" "$work/target/src/aggregation/debian/control"
succeeds 'apt installs it with what it needs' target sh -c "apt-get update -q && apt-get install -qy --no-install-recommends /$name make postgresql-server-dev-all"
for test in $(sed -n 's/^Tests: //p' "$ROOT/debian/tests/control"); do
	succeeds "autopkgtest $test" target sh -c "cd /src/aggregation && debian/tests/$test"
done

# A newer package comes while a server runs that has the old library loaded.
in_cluster() { inside target runuser -u postgres -- psql -p 5439 -X -q -A -t "$@"; }
succeeds 'a cluster' target sh -c "pg_createcluster $version try -p 5439 -o listen_addresses= >/dev/null && pg_ctlcluster $version try start"
in_cluster -c 'CREATE EXTENSION aggregation' -c 'SELECT count(*) FROM agg_setup()' \
	-c "INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD')" -c 'SELECT sync_agg_state_from_registry()' \
	-c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '1m', t, 1, 1, 1, 1 FROM generate_series('2025-07-01'::timestamptz, '2025-07-01 05:59', '1 minute') AS t" \
	-c 'CALL agg_run()' >"$log"
is "$(in_cluster -c 'SELECT count(*) FROM derived_data_bars')" 78 'bars are made'
dpkg-deb -R "$package" "$work/newer"
sed -i 's/^\(Version: .*\)$/\1+newer/' "$work/newer/DEBIAN/control"
dpkg-deb -b "$work/newer" "$work/target/newer.deb" >"$log"
succeeds 'a newer package comes' target sh -c 'apt-get install -qy /newer.deb'
is "$(in_cluster -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '1m', t, 1, 1, 1, 1 FROM generate_series('2025-07-01 06:00'::timestamptz, '2025-07-01 06:59', '1 minute') AS t" \
	-c 'CALL agg_run()' -c 'SELECT count(*) FROM derived_data_bars' -c 'SELECT count(*) FROM agg_verify()' | grep -v NOTICE)" $'91\n0' 'and bars go on being made'
succeeds 'the cluster goes' target sh -c "pg_dropcluster --stop $version try"
succeeds 'the package goes' target sh -c "apt-get remove -qy postgresql-$version-aggregation"
is "$(find "$work/target/usr" -name 'aggregation*' -not -path '*/doc/*')" '' 'and leaves nothing'
done_testing
