#!/bin/sh
# Build the test images with real installers, and write down what each installer says it installed.
#
# usage: images.sh DIR [NAME...]
#
#   DIR/NAME                   an OCI layout with tag 1
#   DIR/NAME.truth.tsv         ecosystem, name, version: the installer's own listing
#   DIR/NAME@ARCH.truth.tsv    the same for one platform of an image with several
#   DIR/NAME.key               SHA-256 of the recipes that NAME was built from
#
# Each image is described by images/NAME.sh, which runs in an empty folder and ends with `layout`
# (or `index`) and `truth`. An image whose key still fits is kept. Needs root, the peers (peers.sh)
# and the usual package registries.
set -eu

[ $# -ge 1 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
shift
: "${SUPERCARGO_CACHE:=$HOME/.cache/supercargo}"
peers=$SUPERCARGO_CACHE/peers
PATH=$peers/bin:$PATH
umask 022

# both "NAME..." "NAME...": two rows side by side, each in its order.
both() {
    # shellcheck disable=SC2086 # one word per image
    sh "$0" "$dir" $1 &
    first=$!
    status=0
    # shellcheck disable=SC2086
    sh "$0" "$dir" $2 || status=$?
    wait $first || status=$?
    return $status
}

# Later ones use earlier ones.
if [ $# = 0 ]; then
    both debian "rpm-sqlite rpm-bdb apk multi"
    both "debian-pip debian-npm" "debian-jars debian-binaries"
    set -- everything
fi

# key NAME: a digest of the recipe, of the files that it names, of the recipes that it comes after.
key() {
    recipe=$here/images/$1.sh
    {
        cat "$recipe" "$here/images.sh" "$here/layout.py"
        for used in $(sed -n 's/.*"$here\/\([A-Za-z_./-]*\)".*/\1/p' "$recipe" | sort -u); do cat "$here/$used"; done
        for earlier in $(sed -n 's/^# after: //p' "$recipe"); do cat "$dir/$earlier.key"; done
    } | sha256sum | cut -d ' ' -f 1
}

# build NAME: in a scratch folder, which is then removed.
build() {
    image=$1
    scratch=$dir/.build-$image
    rm -rf "$scratch" "$dir/$image" "$dir/$image".* "$dir/$image"@*
    mkdir "$scratch"
    cd "$scratch"
    . "$here/images/$image.sh"
    cd "$dir"
    rm -rf "$scratch"
}

# pack ROOT: the tree as a tar stream, as image builders write it.
pack() {
    tar --create --numeric-owner --sort=name --one-file-system --directory "$1" .
}

# layout LAYER...: the finished image of one platform.
layout() {
    python3 "$here/layout.py" "$dir/$image" linux/amd64 "$@"
}

# truth ECOSYSTEM [SUFFIX]: adds lines of name, tab, version from standard input.
truth() {
    awk -v ecosystem="$1" -v OFS='\t' 'NF { print ecosystem, $0 }' | LC_ALL=C sort -u >>"$dir/$image${2:-}.truth.tsv"
}

for name; do
    key=$(key "$name")
    if [ "$(cat "$dir/$name.key" 2>/dev/null)" = "$key" ]; then
        echo "$name kept"
        continue
    fi
    began=$(date +%s)
    set +e # errexit does not work inside a condition, so the status is taken by hand
    (set -e; build "$name") >"$dir/$name-build.log" 2>&1
    status=$?
    set -e
    if [ $status != 0 ]; then
        tail -n 20 "$dir/$name-build.log" >&2
        echo "images.sh: $name could not be built; the whole log is $dir/$name-build.log" >&2
        exit 1
    fi
    echo "$key" >"$dir/$name.key"
    echo "$name built in $(($(date +%s) - began)) s: $(cat "$dir/$name"*.truth.tsv 2>/dev/null | wc -l) packages," \
        "$(du -sm "$dir/$name" | cut -f 1) MB"
done
