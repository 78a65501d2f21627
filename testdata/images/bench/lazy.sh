#!/bin/sh
# Put tables of contents (eStargz) into the layers of images that build.sh has built.
#
# usage: lazy.sh DIR NAME...
#
#   DIR/NAME.lazy.oci  the same image with eStargz layers and the annotations that name their tables
#
# Needs Go and a module proxy. About as long as packing the image with gzip; kept until DIR/NAME.oci is newer.
set -eu

[ $# -ge 2 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
dir=$(cd "$1" && pwd)
shift
scratch=
trap 'rm -rf "$scratch"' EXIT

tool() { # the packer, built once per run
    [ -z "$scratch" ] || return 0
    scratch=$(mktemp -d)
    cp "$here/lazy/main.go" "$scratch/"
    (cd "$scratch" && go mod init bench/lazy && go get github.com/containerd/stargz-snapshotter/estargz@v0.16.3 &&
        go build -mod=mod -o lazy .) >"$scratch/log" 2>&1 || { tail -n 5 "$scratch/log" >&2; exit 1; }
}

for name; do
    if [ "$dir/$name.lazy.oci/index.json" -nt "$dir/$name.oci/index.json" ]; then
        echo "$name with tables of contents kept"
        continue
    fi
    tool
    rm -rf "$dir/$name.lazy.oci"
    "$scratch/lazy" "$dir/$name.oci" "$dir/$name.lazy.oci"
    echo "$name: $(du -sm "$dir/$name.lazy.oci" | cut -f 1) MB with tables of contents"
done
