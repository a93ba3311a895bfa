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

# The versions that src/pg/compat.h allows for, and where Debian puts them.
oldest_postgresql=15
newest_postgresql=18
debian_postgresql=/usr/lib/postgresql
debian_share=/usr/share/postgresql

# postgresql_major PG_CONFIG : the first number of its version.
postgresql_major() { "$1" --version 2>/dev/null | sed -nE 's/^[^0-9]*([0-9]+).*/\1/p'; }

supported_postgresql() { [ "${1:-0}" -ge "$oldest_postgresql" ] && [ "$1" -le "$newest_postgresql" ]; }

# installed_servers [PG_CONFIG…] : of these (default: where servers usually are) those that an extension can be built for,
# each as "MAJOR PG_CONFIG", the newest first.
installed_servers() {
	local config major
	if [ $# -eq 0 ]; then
		set -- "$debian_postgresql"/*/bin/pg_config /usr/pgsql-*/bin/pg_config "$(command -v pg_config || true)"
	fi
	for config in "$@"; do
		[ -x "$config" ] || continue
		major=$(postgresql_major "$config")
		if supported_postgresql "$major" && [ -e "$("$config" --pgxs)" ] && [ -x "$("$config" --bindir)/initdb" ]; then
			echo "$major $config"
		fi
	done | sort -s -k 1,1nr
}

# The newest installed server that an extension can be built for: prints its pg_config.
installed_postgresql() { installed_servers | sed -n '1s/^[0-9]* //p'; }

# The version that the system's own release packages (Debian 12: 15, Debian 13: 17).
release_postgresql() { apt-cache depends postgresql 2>/dev/null | sed -nE '1,/Depends/s/^ *Depends: postgresql-([0-9]+)$/\1/p'; }

# The PostgreSQL to build for: PG_CONFIG when set, else the newest that is installed, else the release's.
choose_postgresql() {
	if [ -n "${PG_CONFIG:-}" ]; then
		command -v "$PG_CONFIG" >/dev/null || {
			echo "PG_CONFIG names \"$PG_CONFIG\", which cannot be run." >&2
			echo "Hint: give the path of a pg_config, for example /usr/lib/postgresql/17/bin/pg_config." >&2
			exit 1
		}
		PG_CONFIG=$(command -v "$PG_CONFIG")
	else
		PG_CONFIG=$(installed_postgresql)
		if [ -z "$PG_CONFIG" ]; then PG_CONFIG=$(packaged_postgresql) || exit 1; fi
	fi
	export PG_CONFIG
}

# Where the pg_config of the release's PostgreSQL will be once it is installed.
packaged_postgresql() {
	local major
	if ! have apt-get >/dev/null; then
		echo "There is no PostgreSQL $oldest_postgresql to $newest_postgresql with server headers here, and no apt-get to install one." >&2
		echo "Hint: install a server and its headers; set PG_CONFIG when its pg_config is not on the PATH." >&2
		return 1
	fi
	major=$(release_postgresql)
	if [ -z "$major" ]; then
		refresh_packages || return 1
		major=$(release_postgresql)
	fi
	if ! supported_postgresql "$major"; then
		echo "This system packages PostgreSQL ${major:-of no version}; versions $oldest_postgresql to $newest_postgresql are supported." >&2
		echo "Hint: install one of them with its server headers (apt.postgresql.org has them), and set PG_CONFIG." >&2
		return 1
	fi
	echo "$debian_postgresql/$major/bin/pg_config"
}

# chosen_major : the version of PG_CONFIG, installed or not yet.
chosen_major() {
	local major
	major=$(postgresql_major "$PG_CONFIG" || true)
	if [ -z "$major" ]; then major=$(sed -nE "s|^$debian_postgresql/([0-9]+)/.*|\1|p" <<<"$PG_CONFIG"); fi
	echo "$major"
}

# Where PG_CONFIG's installation keeps things; Debian's places while it is not installed yet.
bin_dir() { "$PG_CONFIG" --bindir 2>/dev/null || dirname -- "$PG_CONFIG"; }
share_dir() { "$PG_CONFIG" --sharedir 2>/dev/null || echo "$debian_share/$(chosen_major)"; }
pgxs_file() { "$PG_CONFIG" --pgxs 2>/dev/null || echo "$debian_postgresql/$(chosen_major)/lib/pgxs/src/makefiles/pgxs.mk"; }

# need_of_postgresql PACKAGE WHY CHECK… : the same for what comes with PostgreSQL. Where PG_CONFIG names one that is not Debian's,
# no package of Debian's puts it there.
need_of_postgresql() {
	if [[ $PG_CONFIG == "$debian_postgresql"/* ]]; then
		need "$@"
	elif ! "${@:3}" >/dev/null 2>&1; then
		echo "The PostgreSQL of $PG_CONFIG lacks $2." >&2
		echo "Hint: install it there, or leave PG_CONFIG out." >&2
		exit 1
	fi
}

# want_of_postgresql PACKAGE WHY CHECK… : what the tests can do without: where there is no package of it, they say what they skip.
want_of_postgresql() {
	[[ $PG_CONFIG == "$debian_postgresql"/* ]] || return 0
	need "$@"
	optional_packages+=("$1")
}
optional_packages=()

need_build() {
	need g++ "compiles the extension" have g++
	need make "builds the extension" have make
	local major
	major=$(chosen_major)
	need_of_postgresql "postgresql-server-dev-$major" "PostgreSQL's headers and extension makefiles" have_file "$(pgxs_file)"
	need_of_postgresql "postgresql-$major" "the server of the private PostgreSQL" have_file "$(bin_dir)/initdb"
	need_of_postgresql "postgresql-client-$major" "psql" have_file "$(bin_dir)/psql"
}

need_archives() {
	need gzip "reads .gz files" have gzip
	need unzip "reads .zip files" have unzip
}

need_tests() {
	local major
	major=$(chosen_major)
	need cmake "builds the unit tests" have cmake
	need libgtest-dev "the unit tests' framework" have_file /usr/include/gtest/gtest.h
	want_of_postgresql "postgresql-$major-pgtap" "the behaviour tests' framework" have_file "$(share_dir)/extension/pgtap.control"
	want_of_postgresql "postgresql-$major-cron" "pg_cron, which the tests have call the runner" have_file "$(share_dir)/extension/pg_cron.control"
	need python3-psycopg "the worker in Python that examples/ shows" /usr/bin/python3 -c 'import psycopg'
	need libtap-parser-sourcehandler-pgtap-perl "pg_prove, which runs them" have pg_prove
}

# Only for the suite of that name.
need_fuzz() {
	need clang "builds the parsers' fuzzer" have clang++
	need libclang-rt-dev "the fuzzer itself" compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer*'
	need sqlsmith "writes random queries" have sqlsmith
}

apt_install() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing_packages[@]}"; }

# become_root COMMAND : how apt-get is called; where nobody may, says which COMMAND to run.
become_root() {
	as_root=()
	[ "$(id -u)" -ne 0 ] || return 0
	if ! sudo -n true 2>/dev/null; then
		echo "This needs root, and sudo is not there or wants a password. Run this once, then try again:" >&2
		echo "  sudo $1" >&2
		return 1
	fi
	as_root=(sudo -n)
}

# The last words of a command that was interrupted while apt-get worked; fails where it did not.
apt_works=no
interrupted_apt() {
	[ "$apt_works" = yes ] || return 1
	echo
	echo "Interrupted while apt-get worked. Run the same command again. If it says that dpkg was interrupted, run this as root first:"
	echo "  dpkg --configure -a"
}

# logged_apt WHAT COMMAND… : keeps what apt-get said where it failed.
logged_apt() {
	local log kept status=0
	log=$(mktemp)
	apt_works=yes
	progress packages "$log" "${@:2}" || status=$?
	apt_works=no
	[ "$status" -ne 0 ] || return 0
	kept=$(mktemp /tmp/aggregation-packages.XXXXXX)
	cp -- "$log" "$kept"
	tail -n 30 "$kept" >&2
	echo "apt-get could not $1 (its last lines are above, all of them in $kept)" >&2
	return 1
}

# The lists of packages, which a fresh system does not have.
refresh_packages() {
	local as_root
	become_root "apt-get update" && logged_apt "fetch the lists of packages" "${as_root[@]}" apt-get update
}

# Drops from what is missing the optional packages that this system does not have.
drop_unavailable() {
	local i
	for i in "${!missing_packages[@]}"; do
		case " ${optional_packages[*]} " in
		*" ${missing_packages[i]} "*)
			if ! apt-cache show "${missing_packages[i]}" >/dev/null 2>&1; then
				echo "There is no package ${missing_packages[i]} here: it is done without (${missing_reasons[i]})."
				unset "missing_packages[i]" "missing_reasons[i]"
			fi
			;;
		esac
	done
}

# Installs what need() found missing, or says what to do.
install_missing() {
	[ ${#missing_packages[@]} -gt 0 ] || return 0

	if ! have apt-get >/dev/null; then
		echo "These packages are missing: ${missing_packages[*]}" >&2
		echo "There is no apt-get here: install their equivalents by hand and run this again." >&2
		echo "Hint: set PG_CONFIG when PostgreSQL's pg_config is not on the PATH." >&2
		exit 1
	fi
	# Where there are lists already, an optional package that they do not have is no reason to fetch them.
	if [ -n "$(release_postgresql)" ]; then drop_unavailable; fi
	[ ${#missing_packages[@]} -gt 0 ] || return 0

	local i as_root
	echo "These packages are missing:"
	for i in "${!missing_packages[@]}"; do
		printf '  %-40s %s\n' "${missing_packages[i]}" "${missing_reasons[i]}"
	done
	become_root "apt-get install -y --no-install-recommends ${missing_packages[*]}" || exit 1
	echo "Installing them with apt-get${as_root[*]:+ through sudo}. (A server's package may create a cluster"
	echo "\"main\": it is neither used nor changed here.)"
	logged_apt "fetch the lists of packages" "${as_root[@]}" apt-get update || exit 1
	drop_unavailable
	if [ ${#missing_packages[@]} -gt 0 ]; then
		logged_apt "install ${missing_packages[*]}" apt_install || exit 1
	fi
	missing_packages=()
	missing_reasons=()
}
