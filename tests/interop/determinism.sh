#!/bin/sh
# The same image gives the same bytes in every format: with 1 and with 8 threads, in another time zone
# and language, and from a copy of the image in another folder.
#
# usage: determinism.sh, with the environment that lib.sh describes
part=determinism
. "$(dirname "$0")/lib.sh"
need_supercargo

# variants TARGET: two sets of documents under opposite conditions.
variants() {
    mkdir -p "$WORK/copy/of/images"
    rm -rf "$WORK/copy/of/images/${1%@*}"
    cp -al "$IMAGES/${1%@*}" "$WORK/copy/of/images/" 2>/dev/null || cp -a "$IMAGES/${1%@*}" "$WORK/copy/of/images/"
    (export TZ=Pacific/Kiritimati LC_ALL=C && cd / && documents "$1" "$WORK/one" --threads 1) &&
        (export TZ=America/St_Johns LC_ALL=C.UTF-8 layouts="$WORK/copy/of/images" && cd "$WORK" &&
            documents "$1" "$WORK/eight" --threads 8)
}

same() { # TARGET FORMAT
    [ -s "$WORK/one/$1.$2" ] && cmp "$WORK/one/$1.$2" "$WORK/eight/$1.$2"
}

for target in $(targets); do
    check "$target is scanned twice" variants "$target"
    for format in cdx16.json cdx17.json spdx.json purl table; do
        check "$target: same bytes in $format" same "$target" "$format"
    done
done
finish
