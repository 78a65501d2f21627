#!/bin/sh
# Every document is accepted by a validator that others wrote, and no reference in it dangles; see documents.py.
#
# usage: documents.sh, with the environment that lib.sh describes
part=documents
. "$(dirname "$0")/lib.sh"
need_supercargo

validate() {
    for target in $(targets); do
        out=$WORK/one/$target
        one_thread "$target" >"$WORK/log/scan-$target.log" 2>&1
        echo "cyclonedx 1.5 $out.cdx15.json"
        echo "cyclonedx 1.6 $out.cdx16.json"
        echo "cyclonedx 1.7 $out.cdx17.json"
        echo "spdx 2.3 $out.spdx.json"
    done | "$PYTHON" "$here/documents.py"
}

valid() { # FILE
    cat "$1.log" && [ "$(cat "$1.status")" = 0 ]
}

rm -f "$WORK"/one/*.status
validate
for target in $(targets); do
    out=$WORK/one/$target
    check "$target: CycloneDX 1.5 is valid" valid "$out.cdx15.json"
    check "$target: CycloneDX 1.6 is valid" valid "$out.cdx16.json"
    check "$target: CycloneDX 1.7 is valid" valid "$out.cdx17.json"
    check "$target: SPDX 2.3 is valid" valid "$out.spdx.json"
done
finish
