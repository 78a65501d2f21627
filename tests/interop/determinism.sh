#!/bin/sh
# The same image gives the same bytes in every format: with 1 and with 8 threads, in another time zone
# and language, and from a copy of the image in another folder.
#
# usage: determinism.sh, with the environment that lib.sh describes
part=determinism
. "$(dirname "$0")/lib.sh"
need_supercargo

variants() {
    one_thread "$1" && eight_threads "$1"
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
