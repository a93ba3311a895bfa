# Who cannot install is told before anything is built; who cannot write into the checkout, too.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
chmod 711 .

mkdir -p programs share/extension libraries checkout
cat >programs/pg_config <<TEXT
#!/bin/sh
case \$1 in --pkglibdir) echo $PWD/libraries ;; --sharedir) echo $PWD/share ;; esac
TEXT
printf '#!/bin/sh\nexit 1\n' >programs/sudo
printf '#!/bin/sh\necho "it is built"\nexit 1\n' >programs/make
cp "$ROOT"/scripts/*.sh programs
chmod -R a+rx programs
chmod 555 libraries share/extension

# build : as somebody who may not write there.
build() {
	cat >programs/try.sh <<TEXT
set -euo pipefail
cd $PWD
export PATH=$PWD/programs:$PATH PG_CONFIG=$PWD/programs/pg_config TMPDIR=/tmp
source programs/progress.sh
source programs/build.sh
scratch_folder
build_and_install $PWD/checkout
TEXT
	status=0
	if [ "$(id -u)" -eq 0 ]; then
		said=$(runuser -u nobody -- bash "$PWD/programs/try.sh" 2>&1) || status=$?
	else
		said=$(bash programs/try.sh 2>&1) || status=$?
	fi
}

chmod 777 checkout
build
like "$status $said" '^1 .*needs root, and sudo is not there.*make install' 'without sudo: a word'
is "$(grep -c 'it is built' <<<"$said")" 0 'before the build'
touch libraries/aggregation.so 2>/dev/null || { chmod 755 libraries && touch libraries/aggregation.so && chmod 555 libraries; }
build
like "$status $said" '^1 .*it is built' 'where a build is installed that may be this one it is built to see'
chmod 555 checkout
build
like "$status $said" '^1 .*cannot write to .*checkout.*copy the checkout' 'a checkout that is read only'

if [ "$(id -u)" -eq 0 ]; then
	mkdir -m 700 closed
	status=0
	said=$(AGGREGATION_DEMO=$PWD/closed/demo "$AGGREGATION_RUN" demo 2>&1) || status=$?
	like "$status $said" '^1 .*"postgres", who cannot enter .*closed.*AGGREGATION_DEMO' 'root and a folder that the server cannot reach'
	is "$(grep -c Building <<<"$said")" 0 'is told before the build, too'
fi
chmod 755 libraries share/extension checkout

# The same sources give the same bytes wherever they are: a second checkout is installed already, and needs no root.
for folder in one "another's folder"; do
	mkdir "$folder"
	tar -C "$ROOT" --exclude='*.o' -cf - Makefile aggregation.control src | tar -C "$folder" -xf -
	make -s -C "$folder" PG_CONFIG="$PG_CONFIG" src/pg/wake.o src/core/spelling.o >made 2>&1
	is "$(cat made)" '' "compiled in the folder $folder"
done
for file in src/pg/wake.o src/core/spelling.o; do
	is "$(cmp "one/$file" "another's folder/$file" 2>&1)" '' "$file has the same bytes in both"
done
done_testing
