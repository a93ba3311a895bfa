#!/usr/bin/env bash
# The archive that PGXN takes: build/dist/aggregation-VERSION.zip, with one folder of that name in it.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
ROOT=${here%/*}
source "$here/source_tree.sh"
source "$here/progress.sh"
source "$here/packages.sh"

need zip "packs the archive" have zip
install_missing

name=aggregation-$(release_version "$ROOT")
folder=$ROOT/build/dist
rm -rf -- "$folder"
copy_sources "$ROOT" "$folder/$name"
(cd -- "$folder" && zip -q -r "$name.zip" "$name")
rm -rf -- "${folder:?}/$name"
echo "$folder/$name.zip"
