#!/bin/sh
# Build the large images that `make bench` measures, with real installers.
#
# usage: build.sh DIR [NAME...]
#
#   DIR/NAME.oci         an OCI layout, tagged `latest`
#   DIR/NAME.docker.tar  the same image as a Docker archive
#   DIR/NAME.truth.tsv   what is in it, told by the installers and not by a scanner: name, version, ecosystem,
#                        evidence, path
#   DIR/NAME.key         SHA-256 of the recipe that NAME was built from; while it fits, NAME is kept
#   DIR/.inputs          what several recipes use (base system, npm tree, jars, programs); can be removed
#   DIR/log              what the installers printed
#
# Without NAME all seven: about half an hour on two cores and 35 GB while they are built, 17 GB afterwards.
# debian-slim and many-layers alone take five minutes and 2 GB. Needs root and an overlay file system, Debian 12,
# Python 3.11, node with npm, Go, cargo, and the usual package registries. Versions are those of the day, so sizes
# and truth differ a little from one build to the next.
set -eu

[ $# -ge 1 ] || { sed -n '2,19s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/log" "$1/.inputs"
dir=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- debian-slim many-layers node-app binaries java-app python-app big
[ "$(id -u)" = 0 ] || { echo "build.sh: needs root, for debootstrap and overlay mounts" >&2; exit 2; }
umask 022
. "$here/lib.sh"
. "$here/inputs.sh"

key() { # key NAME: a digest of all that the image is made from
    cat "$here/$1.sh" "$here/lib.sh" "$here/inputs.sh" "$here/layer.py" "$here/truth.py" |
        sha256sum | cut -d ' ' -f 1
}

tools >"$dir/log/tools.log" 2>&1 || { tail -n 5 "$dir/log/tools.log" >&2; exit 1; }
for name; do
    [ -f "$here/$name.sh" ] || { echo "build.sh: there is no recipe $name.sh" >&2; exit 2; }
    if [ "$(cat "$dir/$name.key" 2>/dev/null)" = "$(key "$name")" ]; then
        echo "$name kept"
        continue
    fi
    began=$(date +%s)
    rm -rf "$dir/$name".*
    set +e # errexit does not work inside a condition, so the status is taken by hand
    (set -e; . "$here/$name.sh") >"$dir/log/$name.log" 2>&1
    status=$?
    set -e
    unmount
    if [ $status != 0 ]; then
        tail -n 12 "$dir/log/$name.log" >&2
        echo "build.sh: $name could not be built; the whole log is $dir/log/$name.log" >&2
        exit 1
    fi
    key "$name" >"$dir/$name.key"
    echo "$name built in $(($(date +%s) - began)) s: $(size_line)"
done
