#!/bin/sh
# Every interoperability test: supercargo against real images, registries, signers and validators.
#
# usage: run.sh [WORK]
#
# Builds the peers and the images when the cache has none (root; about ten minutes from nothing), then
# runs the parts one after the other. One line per check; the last line counts them. The exit status is
# not 0 when a check failed. WORK takes the logs; lib.sh says what else can be set from outside.
part=run
[ $# = 0 ] || WORK=$1
. "$(dirname "$0")/lib.sh"
need_supercargo
rm -f "$WORK/results" "$WORK/failed-parts"

timed() { # NAME COMMAND...
    what=$1 began=$(date +%s)
    shift
    "$@"
    status=$?
    echo "-- $what: $(($(date +%s) - began)) s"
    return $status
}

timed peers sh "$here/peers.sh" "$PEERS" || exit 2
timed images sh "$here/images.sh" "$IMAGES" || exit 2
for name in packages documents determinism memory attestations signing; do
    timed $name sh "$here/$name.sh" || echo "$name" >>"$WORK/failed-parts"
done

passed=$(grep -c '^ok ' "$WORK/results")
failed=$(grep -c '^FAILED ' "$WORK/results")
if [ ! -s "$WORK/failed-parts" ] && [ "$failed" = 0 ] && [ "$passed" -gt 0 ]; then
    echo "$passed passed, 0 failed"
    finish
fi
echo "failed: $(tr '\n' ' ' <"$WORK/failed-parts")(logs in $WORK/log)"
echo "$passed passed, $failed failed"
exit 1
