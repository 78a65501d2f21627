#!/bin/sh
# Run parts one after the other in a folder of their own, and note how long each took and which failed.
#
# usage: chain.sh NAME..., for run.sh, which starts several chains at once; WORK is the folder of the whole run.
#
# Parts that look at the same scans share a chain; the others have one each, with its own keys, registries and Sigstore.
here=$(dirname "$0")
whole=$WORK
export WORK="$whole/$1"
mkdir -p "$WORK/log"
for name; do
    began=$(date +%s)
    sh "$here/$name.sh" || echo "$name" >>"$whole/failed-parts"
    echo "-- $name: $(($(date +%s) - began)) s"
done
