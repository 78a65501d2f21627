# Shared by the scripts of this folder; source it after setting `part` to the script's name.
#
# Folders, each can be set from outside:
#   SUPERCARGO        the binary under test (default: target/release/supercargo)
#   SUPERCARGO_CACHE  built peers and images, kept between runs (default ~/.cache/supercargo)
#   WORK              logs, registries, keys: everything of one run (default: a new folder,
#                     removed at the end unless a check failed)
#
# A check is one line, `ok PART: NAME` or `FAILED PART: NAME`; the output of its command is
# in WORK/log, and a failed one shows its last lines. WORK/results collects the lines, and
# WORK/seconds how long each took.

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
: "${SUPERCARGO_CACHE:=$HOME/.cache/supercargo}"
PEERS=$SUPERCARGO_CACHE/peers
IMAGES=$SUPERCARGO_CACHE/images
PYTHON=$PEERS/venv/bin/python
PATH=$PEERS/bin:$PATH
export SUPERCARGO_CACHE PATH

SUPERCARGO=${SUPERCARGO:-$root/target/release/supercargo}
export SUPERCARGO

if [ -z "${WORK:-}" ]; then
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/supercargo-interop.XXXXXX")
    own_work=yes
fi
mkdir -p "$WORK/log"
export WORK
checks=0
failures=0

# check NAME COMMAND...: the command must succeed.
check() {
    checked=$1
    shift
    checks=$((checks + 1))
    log=$WORK/log/$part-$checks.log
    began=$(date +%s%N)
    if "$@" >"$log" 2>&1 </dev/null; then
        report ok "$checked"
    else
        echo "exit status $?" >>"$log"
        failures=$((failures + 1))
        report FAILED "$checked" "$(tail -n 12 "$log" | cut -c 1-400 | sed 's/^/    /')"
    fi
}

# report STATE NAME [TEXT]: in one piece, since parts run side by side.
report() {
    echo "$1 $part: $2${3:+
$3}"
    echo "$1 $part: $2" >>"$WORK/results"
    echo "$((($(date +%s%N) - began) / 1000000)) ms $part: $2" >>"$WORK/seconds"
}

# not_accepted WHAT COMMAND...: the command must fail as refusals.tsv says of WHAT: exit code and words.
not_accepted() {
    what=$1
    shift
    expected=$(awk -F '\t' -v what="$what" '$1 == what { print $2 }' "$here/refusals.tsv")
    words=$(awk -F '\t' -v what="$what" '$1 == what { print $3 }' "$here/refusals.tsv")
    [ -n "$words" ] || { echo "refusals.tsv has no line for $what"; return 1; }
    "$@" >"$WORK/refused" 2>&1
    status=$?
    cat "$WORK/refused"
    [ $status = "$expected" ] || { echo "exit code $status, expected $expected"; return 1; }
    grep -E -i -q -e "$words" "$WORK/refused" || { echo "refused without a word of: $words"; return 1; }
}

need_supercargo() {
    [ -x "$SUPERCARGO" ] || { echo "$part: no binary at $SUPERCARGO; build it, or set SUPERCARGO" >&2; exit 2; }
    # Every layer is read: no test rests on what an earlier run kept in the user's cache folder.
    case $SUPERCARGO in */uncached) return ;; esac
    printf '#!/bin/sh\nexec "%s" --no-cache "$@"\n' "$SUPERCARGO" >"$WORK/uncached"
    chmod +x "$WORK/uncached"
    SUPERCARGO=$WORK/uncached
}

# finish: the exit status of a script; a folder of our own goes when all went well.
finish() {
    if [ "$failures" -gt 0 ]; then
        echo "$part: logs in $WORK/log" >&2
        exit 1
    fi
    [ -z "${own_work:-}" ] || rm -rf "$WORK"
    exit 0
}

# targets: every image, and IMAGE@ARCH for each platform of an image with several.
targets() {
    for file in "$IMAGES"/*.truth.tsv; do
        basename "$file" .truth.tsv
    done
}

# scan TARGET OPTION...: runs the binary on the layout of a target.
scan() {
    target=$1
    shift
    case $target in
    *@*) set -- --platform "linux/${target#*@}" "$@" ;;
    *) set -- --platform linux/amd64 "$@" ;;
    esac
    "$SUPERCARGO" scan "oci:${layouts:-$IMAGES}/${target%@*}:1" "$@"
}

# documents TARGET DIR OPTION...: every format of one scan, into DIR/TARGET.*, and the peak of memory in kB into
# DIR/TARGET.peak. What is there already is kept.
documents() {
    target=$1 out=$2/$1
    [ ! -s "$out.peak" ] || return 0
    shift 2
    mkdir -p "$(dirname "$out")"
    measured=$SUPERCARGO
    printf '#!/bin/sh\nexec /usr/bin/time -f %%M -o "%s" "%s" "$@"\n' "$out.measured" "$measured" >"$out.sh"
    chmod +x "$out.sh"
    (
        SUPERCARGO=$out.sh
        scan "$target" "$@" -o "cyclonedx-json@1.5=$out.cdx15.json" -o "cyclonedx-json@1.6=$out.cdx16.json" \
            -o "cyclonedx-json@1.7=$out.cdx17.json" -o "spdx-json@2.3=$out.spdx.json" -o "purl=$out.purl" -o "table=$out.table"
    ) && mv "$out.measured" "$out.peak"
}

# one_thread TARGET, eight_threads TARGET: two scans under opposite conditions, into WORK/one and WORK/eight. The parts
# packages, documents, determinism and memory look at the same ones when they have the same WORK.
one_thread() {
    (export TZ=Pacific/Kiritimati LC_ALL=C && cd / && documents "$1" "$WORK/one" --threads 1)
}

eight_threads() {
    copy=$WORK/copy/of/images
    mkdir -p "$copy"
    [ -e "$copy/${1%@*}" ] || cp -al "$IMAGES/${1%@*}" "$copy/" 2>/dev/null || cp -a "$IMAGES/${1%@*}" "$copy/"
    (export TZ=America/St_Johns LC_ALL=C.UTF-8 layouts="$copy" && cd "$WORK" && documents "$1" "$WORK/eight" --threads 8)
}
