#!/bin/sh
# The packages found in every image are those that the installers list; see packages.py.
#
# usage: packages.sh, with the environment that lib.sh describes
part=packages
. "$(dirname "$0")/lib.sh"
need_supercargo

compare() {
    out=$WORK/documents/$1
    documents "$1" "$WORK/documents" || return 1
    python3 "$here/packages.py" "$1" "$IMAGES/$1.truth.tsv" "$here/differences.tsv" \
        "$out.cdx17.json" "$out.spdx.json" "$out.purl"
}

for target in $(targets); do
    check "$target has what its installers list" compare "$target"
done
finish
