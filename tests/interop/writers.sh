#!/bin/sh
# Twenty writers at once on one image lose nothing, in each layout and registry that a client can make safe.
#
# usage: writers.sh, with the environment that lib.sh describes
part=writers
. "$(dirname "$0")/stage.sh"

# at_once LAYOUT REF: each writer has a predicate type of its own.
at_once() {
    layout=$1 at=$2 writers= lost=0
    push $subject "$at" || return 1
    for n in $(seq 20); do
        we_attest "$at" p256 --type "https://example.org/type/$n" --predicate "$WORK/predicate.json" --layout "$layout" \
            >"$WORK/log/writer-$layout-$n" 2>&1 &
        writers="$writers $!"
    done
    for pid in $writers; do wait "$pid" || lost=$((lost + 1)); done
    [ $lost = 0 ] || { echo "$lost of 20 failed"; tail -n 2 "$WORK/log/writer-$layout"-*; return 1; }
}

referrers() { # REF
    at_once bundle "$1" && oras_lists "$1" 20 && all_verify "$1"
}

# attestations REF: behind the tag .att.
attestations() {
    at_once legacy "$1" && behind_tag "$1" att 20 && all_verify "$1" &&
        [ "$(cosign download attestation "$1" | wc -l)" = 20 ]
}

all_verify() { # REF
    "$SUPERCARGO" verify "$1" --key "$keys/p256.pub" --json >"$WORK/verdicts" || return 1
    [ "$(grep -o 'https://example.org/type/[0-9]*' "$WORK/verdicts" | sort -u | wc -l)" = 20 ]
}

# signatures REF: behind the tag .sig, of twenty keys, each of which cosign or we accept.
signatures() {
    push $subject "$1" || return 1
    writers= lost=0
    for n in $(seq 20); do new_key "writer-$n"; done
    for n in $(seq 20); do
        "$SUPERCARGO" sign "$1" --key "$keys/writer-$n.key" --legacy >"$WORK/log/writer-sig-$n" 2>&1 &
        writers="$writers $!"
    done
    for pid in $writers; do wait "$pid" || lost=$((lost + 1)); done
    [ $lost = 0 ] || { echo "$lost of 20 failed"; tail -n 2 "$WORK"/log/writer-sig-*; return 1; }
    behind_tag "$1" sig 20 || return 1
    for n in $(seq 20); do we_verify "$1" "writer-$n" || return 1; done
    cosign verify --key "$keys/writer-1.pub" --insecure-ignore-tlog "$1"
}

behind_tag() { # REF SUFFIX COUNT
    crane manifest "${1%:*}:$(crane digest "$1" | tr : -).$2" >"$WORK/behind" &&
        found=$(jq '.layers | length' "$WORK/behind") && { [ "$found" = "$3" ] || { echo "$found of $3 are there"; return 1; }; }
}

set_stage
# Not on olareg with referrers: its own list of referrers loses writers, oras' as well (6 to 13 of 20 were left).
check "docker-registry: twenty referrers at once" referrers "$REG_DISTRIBUTION/referrers:1"
check "olareg without referrers: twenty referrers at once" referrers "$REG_TAGS/referrers:1"
for registry in "docker-registry $REG_DISTRIBUTION" "olareg without referrers $REG_TAGS"; do
    check "${registry% *}: twenty signatures behind .sig at once" signatures "${registry##* }/signatures:1"
    check "${registry% *}: twenty attestations behind .att at once" attestations "${registry##* }/attestations:1"
done
stop_all
finish
