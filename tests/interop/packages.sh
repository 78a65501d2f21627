#!/bin/sh
# The packages found in every image are those that the installers list; see packages.py.
#
# usage: packages.sh, with the environment that lib.sh describes
part=packages
. "$(dirname "$0")/lib.sh"
need_supercargo

compare() {
    out=$WORK/one/$1
    one_thread "$1" || return 1
    python3 "$here/packages.py" "$1" "$IMAGES/$1.truth.tsv" "$here/differences.tsv" \
        "$out.cdx17.json" "$out.spdx.json" "$out.purl"
}

# both_platforms: one scan of an index gives what two scans of its platforms gave.
both_platforms() {
    [ -s "$WORK/one/multi@amd64.purl" ] && [ -s "$WORK/one/multi@arm64.purl" ] &&
        "$SUPERCARGO" scan "oci:$IMAGES/multi:1" --platform all -o "purl=$WORK/one/all.purl" &&
        cmp "$WORK/one/all.linux-amd64.purl" "$WORK/one/multi@amd64.purl" &&
        cmp "$WORK/one/all.linux-arm64.purl" "$WORK/one/multi@arm64.purl"
}

# known_targets: a line of differences.tsv about an image that is not there would never be looked at.
known_targets() {
    for target in $(awk -F '\t' '!/^#/ && NF { print $2 }' "$here/differences.tsv" | tr ',' '\n' | sort -u); do
        [ -e "$IMAGES/$target.truth.tsv" ] || { echo "differences.tsv names $target"; return 1; }
    done
}

for target in $(targets); do
    check "$target has what its installers list" compare "$target"
done
check "an index is scanned as its platforms are" both_platforms
check "differences.tsv names no unknown image" known_targets
finish
