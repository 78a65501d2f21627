#!/bin/sh
# Every document is accepted by a validator that others wrote, and no reference in it dangles; see documents.py.
#
# usage: documents.sh, with the environment that lib.sh describes
part=documents
. "$(dirname "$0")/lib.sh"
need_supercargo

for target in $(targets); do
    out=$WORK/documents/$target
    [ -e "$out.table" ] || documents "$target" "$WORK/documents" >"$WORK/log/scan-$target.log" 2>&1
    check "$target: CycloneDX 1.6 is valid" "$PYTHON" "$here/documents.py" cyclonedx 1.6 "$out.cdx16.json"
    check "$target: CycloneDX 1.7 is valid" "$PYTHON" "$here/documents.py" cyclonedx 1.7 "$out.cdx17.json"
    check "$target: SPDX 2.3 is valid" "$PYTHON" "$here/documents.py" spdx 2.3 "$out.spdx.json"
done
finish
