# What packagers take: META.json for PGXN, the files of debian/, make install and uninstall, and what a release archive holds.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$ROOT/scripts/source_tree.sh"

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
version=$(release_version "$ROOT")
like "$version" '^[0-9]+\.[0-9]+\.0$' 'the release has three numbers'

# META.json, against what https://pgxn.org/meta/spec.txt asks for.
is "$(python3 - "$ROOT" "$version" <<'PYTHON'
import json, os, re, sys

root, version = sys.argv[1:]
with open(os.path.join(root, "META.json")) as file:
    meta = json.load(file)
semantic = re.compile(r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[A-Za-z][0-9A-Za-z-]*)?$")
licenses = {"agpl_3", "apache_1_1", "apache_2_0", "artistic_1", "artistic_2", "bsd", "freebsd", "gfdl_1_2", "gfdl_1_3", "gpl_1", "gpl_2", "gpl_3",
            "lgpl_2_1", "lgpl_3_0", "mit", "mozilla_1_0", "mozilla_1_1", "openssl", "perl_5", "postgresql", "qpl_1_0", "ssleay", "sun", "zlib",
            "open_source", "restricted", "unrestricted", "unknown"}
for key in ("name", "abstract", "version", "maintainer", "license", "provides", "meta-spec"):
    if not meta.get(key):
        print("missing:", key)
if meta["version"] != version or not semantic.match(meta["version"]):
    print("version:", meta["version"])
if meta["license"] not in licenses:
    print("license:", meta["license"])
if meta["meta-spec"].get("version") != "1.0.0":
    print("meta-spec:", meta["meta-spec"])
if meta.get("release_status", "stable") not in ("stable", "testing", "unstable"):
    print("release_status:", meta["release_status"])
for name, provided in meta["provides"].items():
    if provided["version"] != version:
        print("provides:", name, provided["version"])
    for key in ("file", "docfile"):
        if not os.path.isfile(os.path.join(root, provided[key])):
            print("no file:", provided[key])
for phase, relations in meta.get("prereqs", {}).items():
    if phase not in ("configure", "build", "test", "runtime", "develop"):
        print("phase:", phase)
    for relation, packages in relations.items():
        if relation not in ("requires", "recommends", "suggests", "conflicts"):
            print("relation:", relation)
        for package, required in packages.items():
            if required != 0 and not semantic.match(required):
                print("prerequisite:", package, required)
for tag in meta.get("tags", []):
    if not tag or len(tag) > 256 or "/" in tag or "\\" in tag or any(ord(c) < 32 for c in tag):
        print("tag:", tag)
PYTHON
)" '' 'META.json is what PGXN asks for'

# What make install puts somewhere, make uninstall takes away.
make -C "$ROOT" -s install DESTDIR="$work/root" PG_CONFIG="$PG_CONFIG" >"$work/log" 2>&1
is "$(find "$work/root" -type f -name 'aggregation*' -not -path '*/doc/*' | sed 's|.*/||' | sort | paste -sd ' ')" \
	"$(cd "$ROOT" && ls src/sql/updates | sort | paste -sd ' ') aggregation--${version%.0}.sql aggregation.control aggregation.so" 'make install brings the library and the scripts'
is "$(find "$work/root" -path '*/doc/*' -name 'aggregation_*' | sed 's|.*/||' | LC_ALL=C sort | paste -sd ' ')" 'aggregation_alerts.yml aggregation_dashboard.json aggregation_queries.yaml' 'and what a monitoring system wants'
make -C "$ROOT" -s uninstall DESTDIR="$work/root" PG_CONFIG="$PG_CONFIG" >"$work/log" 2>&1
is "$(find "$work/root" -type f)" '' 'make uninstall leaves no file'

# An archive has the sources and nothing that was built, in a checkout and out of an archive.
copy_sources "$ROOT" "$work/first"
is "$(find "$work/first" -name '*.o' -o -name '*.so' -o -name build -o -name '.git' | head -n 3)" '' 'nothing that was built is in a release'
for file in Makefile META.json LICENSE README.md debian/control.in src/pg/aggregation.c src/sql/90_privileges.sql scripts/deb.sh; do
	is "$(cmp "$ROOT/$file" "$work/first/$file" 2>&1)" '' "a release has $file"
done
touch "$work/first/src/pg/aggregation.o" "$work/first/built_for" "$work/first/aggregation--${version%.0}.sql"
copy_sources "$work/first" "$work/second"
is "$(diff -rq "$work/first" "$work/second" | sed "s|$work/||" | sort)" "Only in first/src/pg: aggregation.o
Only in first: aggregation--${version%.0}.sql
Only in first: built_for" 'packed again from its archive it is the same'

is "$(grep -c '^Package: .*PGVERSION' "$ROOT/debian/control.in")" 1 'one Debian package for each PostgreSQL'
done_testing
