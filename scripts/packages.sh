# Which programs a command needs, and how Debian provides them. Sourced.
#
# Every requirement is checked by the thing itself (a program, a header), not by
# the package's name, so a machine that has everything needs neither apt nor a
# network, and a PostgreSQL that did not come from Debian is fine too.

# need PACKAGE WHY CHECK… : notes PACKAGE as missing unless the command CHECK succeeds.
missing_packages=()
missing_reasons=()
need() {
	local package=$1 why=$2
	shift 2
	"$@" >/dev/null 2>&1 && return
	missing_packages+=("$package")
	missing_reasons+=("$why")
}

have() { command -v "$1"; }

# pgTAP and the compilers' headers have no program to ask for.
have_file() { [ -e "$1" ]; }

# The PostgreSQL to build for: PG_CONFIG when set, else Debian's PostgreSQL 15.
choose_postgresql() {
	if [ -n "${PG_CONFIG:-}" ]; then
		command -v "$PG_CONFIG" >/dev/null || {
			echo "PG_CONFIG names \"$PG_CONFIG\", which cannot be run." >&2
			echo "Hint: give the path of a pg_config, for example /usr/lib/postgresql/15/bin/pg_config." >&2
			exit 1
		}
		PG_CONFIG=$(command -v "$PG_CONFIG")
	else
		PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config
	fi
	export PG_CONFIG
}

# Where PG_CONFIG's installation keeps things; Debian's places while it is not installed yet.
bin_dir() { "$PG_CONFIG" --bindir 2>/dev/null || echo /usr/lib/postgresql/15/bin; }
share_dir() { "$PG_CONFIG" --sharedir 2>/dev/null || echo /usr/share/postgresql/15; }
pgxs_file() { "$PG_CONFIG" --pgxs 2>/dev/null || echo /usr/lib/postgresql/15/lib/pgxs/src/makefiles/pgxs.mk; }

need_build() {
	need g++ "compiles the extension" have g++
	need make "builds the extension" have make
	need postgresql-server-dev-15 "PostgreSQL's headers and extension makefiles" have_file "$(pgxs_file)"
	need postgresql-15 "the server of the private PostgreSQL" have_file "$(bin_dir)/initdb"
	need postgresql-client-15 "psql" have_file "$(bin_dir)/psql"
}

need_archives() {
	need gzip "reads .gz files" have gzip
	need unzip "reads .zip files" have unzip
}

need_tests() {
	need cmake "builds the unit tests" have cmake
	need libgtest-dev "the unit tests' framework" have_file /usr/include/gtest/gtest.h
	need postgresql-15-pgtap "the behaviour tests' framework" have_file "$(share_dir)/extension/pgtap.control"
	need postgresql-15-cron "pg_cron, which the tests have call the runner" have_file "$(share_dir)/extension/pg_cron.control"
	need libtap-parser-sourcehandler-pgtap-perl "pg_prove, which runs them" have pg_prove
}

# Only for the suite of that name.
need_fuzz() {
	need clang "builds the parsers' fuzzer" have clang++
	need libclang-rt-14-dev "the fuzzer itself" compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer*'
	need sqlsmith "writes random queries" have sqlsmith
}

apt_install() {
	"${as_root[@]}" apt-get update &&
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing_packages[@]}"
}

# Installs what need() found missing, or says what to do.
install_missing() {
	[ ${#missing_packages[@]} -gt 0 ] || return 0

	local i as_root=()
	echo "These packages are missing:"
	for i in "${!missing_packages[@]}"; do
		printf '  %-40s %s\n' "${missing_packages[i]}" "${missing_reasons[i]}"
	done

	if ! command -v apt-get >/dev/null; then
		echo "There is no apt-get here: install their equivalents by hand and run this again." >&2
		echo "Hint: set PG_CONFIG when PostgreSQL does not live in /usr/lib/postgresql/15." >&2
		exit 1
	fi
	if [ "$(id -u)" -ne 0 ]; then
		if ! sudo -n true 2>/dev/null; then
			echo "Installing them needs root, and sudo is not there or wants a password. Run this once, then try again:" >&2
			echo "  sudo apt-get install -y --no-install-recommends ${missing_packages[*]}" >&2
			exit 1
		fi
		as_root=(sudo -n)
	fi

	echo "Installing them with apt-get${as_root[*]:+ through sudo}. (Debian's postgresql-15 may make a cluster"
	echo "\"main\" of its own: it is neither used nor touched here.)"
	local log kept
	log=$(mktemp)
	if ! progress packages "$log" apt_install; then
		kept=$(mktemp /tmp/aggregation-packages.XXXXXX)
		cp -- "$log" "$kept"
		tail -n 30 "$kept" >&2
		echo "apt-get could not install: ${missing_packages[*]} (its last lines are above, all of them in $kept)" >&2
		exit 1
	fi
	missing_packages=()
	missing_reasons=()
}
