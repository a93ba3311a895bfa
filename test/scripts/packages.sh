# Which PostgreSQL a command builds for, and which packages it asks for.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

# installed VERSION [headers] : a stand-in for an installed PostgreSQL.
installed() {
	local home=$PWD/lib/$1
	mkdir -p "$home/bin"
	cat >"$home/bin/pg_config" <<TEXT
#!/bin/sh
case \$1 in
--version) echo "PostgreSQL $1.4 (Debian $1.4-1)" ;;
--bindir) echo $home/bin ;;
--sharedir) echo $home/share ;;
--pgxs) echo $home/pgxs.mk ;;
esac
TEXT
	touch "$home/bin/initdb"
	chmod +x "$home"/bin/*
	if [ $# -gt 1 ]; then touch "$home/pgxs.mk"; fi
}

# choose SHELL-TEXT : what the text says after packages.sh, with our PostgreSQLs, and an apt that has the release's version.
release=17
mkdir programs
cat >programs/apt-cache <<'TEXT'
#!/bin/sh
case $1 in
depends) printf 'postgresql\n  Depends: postgresql-%s\n  Suggests: postgresql-doc\n' "$RELEASE" ;;
show) case $2 in *-cron) exit 100 ;; esac ;;
esac
TEXT
for name in apt-get pg_config; do printf '#!/bin/sh\nexit 1\n' >"programs/$name"; done
chmod +x programs/*
choose() {
	status=0
	said=$(
		unset PG_CONFIG
		export RELEASE=$release PATH=$PWD/programs:$PATH
		set -euo pipefail
		source "$ROOT/scripts/progress.sh"
		source "$ROOT/scripts/packages.sh"
		debian_postgresql=$PWD/lib debian_share=$PWD/share
		eval "$1" 2>&1
	) || status=$?
	said=${said//"$PWD"/}
}

show='choose_postgresql; echo "$PG_CONFIG"'
choose "$show"
is "$said" /lib/17/bin/pg_config "nothing is installed: the release's"
installed 15 headers
choose "$show"
is "$said" /lib/15/bin/pg_config 'one is installed: that one'
installed 9 headers
installed 16 headers
installed 18
choose "$show"
is "$said" /lib/16/bin/pg_config 'the newest that has headers'
installed 18 headers
installed 19 headers
choose "$show"
is "$said" /lib/18/bin/pg_config 'and is supported'
choose "PG_CONFIG=$PWD/lib/15/bin/pg_config; $show"
is "$said" /lib/15/bin/pg_config 'PG_CONFIG wins'
choose "PG_CONFIG=/nowhere/pg_config; $show"
like "$status $said" '^1 .*"/nowhere/pg_config", which cannot be run' 'even where there is none'

rm -r lib
release=14
choose "$show"
like "$status $said" '^1 .*packages PostgreSQL 14; versions 15 to 18 are supported' "a release's that is too old is refused"
release=18
names='choose_postgresql; need_build; need_tests; drop_unavailable >dropped; echo "${missing_packages[*]}"'
choose "$names"
like "$said" 'postgresql-server-dev-18 postgresql-18 postgresql-client-18 .*postgresql-18-pgtap' 'packages carry the version'
is "$(grep -c 'postgresql-18-cron' <<<"$said") $(grep -c 'no package postgresql-18-cron' dropped)" '0 1' 'what is not packaged for it is done without, and named'
installed 18 headers
mkdir elsewhere
mv lib/18 elsewhere/18
sed -i "s|$PWD/lib|$PWD/elsewhere|" elsewhere/18/bin/pg_config
choose "PG_CONFIG=$PWD/elsewhere/18/bin/pg_config; $names"
like "$status $said" "^1 .*lacks psql" "no package of Debian's goes into another PostgreSQL"
touch elsewhere/18/bin/psql
choose "PG_CONFIG=$PWD/elsewhere/18/bin/pg_config; $names"
is "$(grep -c 'postgresql-' <<<"$said")" 0 'nor do its pgTAP and pg_cron'

# Interrupted, apt-get may leave packages half installed: the last line says what to do.
printf '#!/bin/sh\ntouch works\nsleep 20\n' >programs/apt-get
for command in demo test bench; do
	cat >interrupted.sh <<TEXT
set -euo pipefail
source "$ROOT/scripts/progress.sh"
source "$ROOT/scripts/packages.sh"
$(sed -n '/^explain_interruption()/,/^}/p; /^trap .*INT/p' "$ROOT/scripts/$command.sh")
as_root=() missing_packages=(some-package)
logged_apt 'install it' apt_install
TEXT
	rm -f works
	PATH=$PWD/programs:$PATH perl -e 'setpgrp; $SIG{INT} = "DEFAULT"; exec @ARGV' bash interrupted.sh >interrupted 2>&1 &
	for _ in {1..200}; do [ -e works ] || sleep 0.05; done
	kill -INT -- -$!
	status=0
	wait $! || status=$?
	like "$status $(cat interrupted)" '^130 .*Interrupted while apt-get worked\. .*dpkg --configure -a$' "$command, interrupted while apt-get works: what to do, at the end"
	is "$(grep -c 'Nothing needs' interrupted)" 0 'and no promise'
done

# One range of versions, wherever it is said.
range=$(sed -nE 's/.*supports PostgreSQL ([0-9]+) to ([0-9]+).*/\1 \2/p' "$ROOT/src/pg/compat.h")
is "$(bash -c 'source "$ROOT/scripts/packages.sh"; echo "$oldest_postgresql $newest_postgresql"')" "$range" 'the commands know the versions that the source allows for'
is "$(sed -nE 's/.*"PostgreSQL": "([0-9]+)\..*/\1/p' "$ROOT/META.json")" "${range% *}" 'and so does META.json'
for file in README.md docs/operating.md; do
	like "$(cat "$ROOT/$file")" "PostgreSQL ${range% *} to ${range#* }" "and $file"
done
done_testing
