#!/bin/sh
# Every interoperability test: supercargo against real images, registries, signers and validators.
#
# usage: run.sh [WORK]
#        run.sh --prepare      peers and images only, which need no supercargo
#
# REKOR_V1=0 in the environment leaves out the part rekor-v1, whose peers take 170 CPU seconds more to build;
# VAULT_TRANSIT=1 adds the transit engine of Vault to the part signing, 40 CPU seconds; GITHUB=1 adds the part github,
# whose peers take 320.
#
# Builds the peers and the images when the cache has none (root; about ten minutes from nothing), then
# runs several chains of parts at once. One line per check; the last line counts
# them. The exit status is not 0 when a check failed. WORK takes the logs, a folder for each chain;
# lib.sh says what else can be set from outside.
part=run
case ${1:-} in
'' | --prepare) ;;
*) WORK=$1 ;;
esac
. "$(dirname "$0")/lib.sh"
[ "${1:-}" = --prepare ] || need_supercargo
rm -rf "$WORK"/*/results "$WORK/failed-parts" "$WORK"/*/one "$WORK"/*/eight

timed() { # NAME COMMAND...
    what=$1 began=$(date +%s)
    shift
    "$@"
    status=$?
    echo "-- $what: $(($(date +%s) - began)) s"
    return $status
}

# The longest come first. Without a network namespace of its own for each, only one Sigstore can run at a time.
chains() {
    [ "${REKOR_V1:-1}" = 0 ] || echo rekor-v1
    [ ! -x "$PEERS/bin/slsa-verifier" ] || echo github
    cat <<'CHAINS'
packages documents determinism memory
attested-images
signing
attestations
writers
records
lazy
CHAINS
}
# One more than there are cores, since signatures wait for the log.
at_once=1
! unshare --net true 2>/dev/null || at_once=$(($(nproc) + 1))

timed peers sh "$here/peers.sh" "$PEERS" || exit 2
timed images sh "$here/images.sh" "$IMAGES" || exit 2
[ "${1:-}" != --prepare ] || finish
[ "${REKOR_V1:-1}" != 0 ] || echo "-- rekor-v1: skipped, as REKOR_V1=0 says"
[ -x "$PEERS/bin/vault-transit" ] || echo "-- signing: keys in Vault are skipped; VAULT_TRANSIT=1 builds the engine"
[ -x "$PEERS/bin/slsa-verifier" ] || echo "-- github: skipped; GITHUB=1 builds gh and slsa-verifier"
chains | timed parts xargs -P "$at_once" -L 1 sh "$here/chain.sh"

cat "$WORK"/*/results >"$WORK/results"
passed=$(grep -c '^ok ' "$WORK/results")
failed=$(grep -c '^FAILED ' "$WORK/results")
if [ ! -s "$WORK/failed-parts" ] && [ "$failed" = 0 ] && [ "$passed" -gt 0 ]; then
    echo "$passed passed, 0 failed"
    finish
fi
echo "failed: $(tr '\n' ' ' <"$WORK/failed-parts")(logs in $WORK/*/log)"
echo "$passed passed, $failed failed"
exit 1
