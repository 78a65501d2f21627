#!/bin/sh
# Layers in eStargz and zstd:chunked, and beside a SOCI index, written by others, are read in parts from a registry: the same packages as of the
# whole layer and as the installer's, fewer bytes, and a damaged byte in a wanted chunk is not believed.
#
# usage: lazy.sh, with the environment that lib.sh describes
part=lazy
. "$(dirname "$0")/stage.sh"
formats='debian-estargz debian-zstd-chunked debian-soci'
out=$WORK/lazy

start() {
    mkdir -p "$DOCKER_CONFIG" "$out"
    trap stop_proxy EXIT
    trap 'exit 130' INT TERM
    # shellcheck disable=SC2086 # one word per image
    sh "$here/images.sh" "$IMAGES" $formats || exit 2
    sh "$here/registries.sh" start "$registries" && . "$registries/env" || exit 2
    dir=$out
    . "$here/servers.sh"
    proxy=127.0.0.1:$(free_ports 1)
    launch proxy python3 "$here/lazy_proxy.py" "${proxy#*:}" "$REG_DISTRIBUTION" "$out"
    wait_http proxy "http://$proxy/v2/"
}

stop_proxy() {
    [ ! -e "$out/proxy.pid" ] || (dir=$out && stop_servers)
    stop_all
}

# layer_of IMAGE: what its manifest says of its only layer.
layer_of() {
    listed=$IMAGES/$1/index.json
    while digest=$(jq -r '.manifests[0].digest // empty' "$listed") && [ -n "$digest" ]; do
        listed=$IMAGES/$1/blobs/sha256/${digest#sha256:}
    done
    jq '.layers[0]' "$listed"
}

# ztoc_bytes IMAGE: of its zTOC, which is fetched too and lies beside the layer.
ztoc_bytes() {
    case $1 in
    *soci) stat -c %s "$IMAGES/$1/blobs/sha256"/* | sort -n | tail -n 2 | head -n 1 ;;
    *) echo 0 ;;
    esac
}

# read_image IMAGE NAME OPTION...: its documents in out/NAME.*, what was said in out/NAME.said, what the proxy sent of the
# layer in `served`.
read_image() {
    image=$1 name=$out/$2
    shift 2
    : >"$out/served"
    /usr/bin/time -f '%U %S' -o "$name.cpu" "$SUPERCARGO" scan "$proxy/$image:1" --platform linux/amd64 --verbose "$@" -o "cyclonedx-json@1.7=$name.cdx17.json" \
        -o "spdx-json@2.3=$name.spdx.json" -o "purl=$name.purl" >"$name.said" 2>&1
    status=$?
    cat "$name.said"
    layer=$(layer_of "$image" | jq -r .digest)
    grep "^$layer " "$out/served" >"$name.served"
    served=$(awk '{ sum += $3 } END { print sum + 0 }' "$name.served")
    echo "$image$*: the registry served $served bytes of the layer in $(wc -l <"$name.served") answers; $(tr '\n' ' ' <"$name.cpu")CPU seconds"
    return $status
}

is_the_truth() { # NAME: of the documents
    python3 "$here/packages.py" debian "$IMAGES/debian.truth.tsv" "$here/differences.tsv" \
        "$out/$1.cdx17.json" "$out/$1.spdx.json" "$out/$1.purl"
}

# lazily IMAGE: only parts travel, as the report says, and they have all packages.
lazily() {
    oras cp --from-oci-layout --to-plain-http --no-tty "$IMAGES/$1:1" "$REG_DISTRIBUTION/$1:1" && read_image "$1" "$1" || return 1
    size=$(layer_of "$1" | jq .size)
    [ "$served" -gt 0 ] && [ "$served" -lt "$size" ] || { echo "the layer has $size bytes"; return 1; }
    fetched=$((served + $(ztoc_bytes "$1")))
    grep -q "1 of 1 layers were read through their table of contents.*fetched $fetched of $size bytes" "$out/$1.said" ||
        { echo "the report says something else"; return 1; }
    [ "$(jq '.metadata.properties // [] | map(select(.name == "supercargo:coverage:layers-by-table-of-contents").value) | .[]' \
        "$out/$1.cdx17.json")" = '"1"' ] && is_the_truth "$1"
}

# whole IMAGE: all of it travels once, its digests are right, and the packages are the truth.
whole() {
    read_image "$1" "$1.full" --full || return 1
    [ "$served" = "$(layer_of "$1" | jq .size)" ] && is_the_truth "$1.full"
}

# no_padding IMAGE: skopeo 1.9 leaves the zeros at the end of the archive out, so that the diff ID is not that of the bytes.
no_padding() {
    read_image "$1" "$1.full" --full && return 1
    grep -q 'diff ID mismatch' "$out/$1.full.said"
}

# same IMAGE: nothing in the documents tells lazy from whole but the identity and what is said about completeness.
same() {
    for name in "$1" "$1.full"; do
        jq 'del(.serialNumber, .metadata.properties, .compositions)' "$out/$name.cdx17.json" >"$out/$name.plain" || return 1
    done
    cmp "$out/$1.plain" "$out/$1.full.plain" && cmp "$out/$1.purl" "$out/$1.full.purl"
}

# damaged IMAGE: a byte in the middle of the first part that was fetched (table and footer lie behind all chunks). The
# chunk is found out; then the whole layer is read as well, and that has the wrong digest.
damaged() {
    sort -n -k 2 "$out/$1.served" | awk 'NR == 1 { print $1, $2 + int($3 / 2) }' | tee "$out/flip"
    read_image "$1" "$1.damaged"
    status=$?
    rm "$out/flip"
    [ $status = 3 ] && [ "$served" -gt "$(layer_of "$1" | jq .size)" ] &&
        grep -q "layer $layer: digest mismatch" "$out/$1.damaged.said"
}

# referrer: the image debian, on which oras hangs the zTOC of its layer as an index of version 1. It counts when asked for.
referrer() {
    table=$(ls -S "$IMAGES/debian-soci/blobs/sha256" | sed -n 2p)
    cp "$IMAGES/debian-soci/blobs/sha256/$table" "$out/ztoc"
    jq -n --arg layer "$(layer_of debian | jq -r .digest)" '{ztoc: {"com.amazon.soci.image-layer-digest": $layer}}' >"$out/notes.json"
    oras cp --from-oci-layout --to-plain-http --no-tty "$IMAGES/debian:1" "$REG_DISTRIBUTION/debian:1" || return 1
    (cd "$out" && oras attach --plain-http --no-tty --artifact-type application/vnd.amazon.soci.index.v1+json \
        --annotation-file notes.json "$REG_DISTRIBUTION/debian:1" ztoc:application/octet-stream) || return 1
    size=$(layer_of debian | jq .size)
    read_image debian debian && [ "$served" = "$size" ] && is_the_truth debian || return 1
    read_image debian debian.soci --soci && [ "$served" -lt "$size" ] && is_the_truth debian.soci
}

start
for image in $formats; do
    check "$image is read in parts, and has what its installer lists" lazily "$image"
    case $image in
    *zstd*) check "$image as a whole is refused: skopeo wrote a wrong diff ID" no_padding "$image" ;;
    *)
        check "$image is the same as a whole" whole "$image"
        check "$image: the same documents" same "$image"
        ;;
    esac
    check "$image with a damaged chunk is refused" damaged "$image"
done
check "a SOCI index that hangs on the image is used with --soci, and only then" referrer
stop_proxy
finish
