#!/bin/sh
# Every image is attested in every registry, for each of its platforms: the packages are those of its layout, and
# cosign accepts it. From disk too.
#
# usage: attested-images.sh, with the environment that lib.sh describes
part=attested-images
. "$(dirname "$0")/stage.sh"

# every_image NAME REGISTRY: scanned there, attested with a key, verified by cosign.
every_image() {
    for image in $(targets | sed 's/@.*//' | sort -u); do
        ref=$2/all/$image:1
        check "$1: $image is pushed" push "$image" "$ref"
        for target in $(targets | grep -E "^$image(@|\$)"); do
            check "$1: $target is attested, cosign accepts" attested "$target" "$ref"
        done
    done
}

# attested TARGET REF: for its platform; the packages in what cosign verified are those that its layout gave.
attested() {
    case $1 in *@*) architecture=${1#*@} ;; *) architecture=amd64 ;; esac
    of_layout=$WORK/purls/$1
    [ -s "$of_layout" ] || scan "$1" -o "purl=$of_layout" || return 1
    pinned=$(crane digest --full-ref --platform "linux/$architecture" "$2") &&
        we_attest "$2" p256 --platform "linux/$architecture" && cosign_verifies "$pinned" p256 >"$WORK/envelope" &&
        jq -c '.payload | @base64d | fromjson' "$WORK/envelope" >"$WORK/statement" &&
        jq -r '.subject[].digest.sha256' "$WORK/statement" | grep -qx "${pinned##*sha256:}" &&
        jq -r '.predicate.components | .. | objects | select(.type != "operating-system") | .purl // empty' \
            "$WORK/statement" | LC_ALL=C sort -u >"$WORK/purls-attested" &&
        LC_ALL=C sort -u "$of_layout" | cmp - "$WORK/purls-attested"
}

# all_platforms REF: each manifest of the index gets its own SBOM, the index none.
all_platforms() {
    we_attest "$1" p256 --platform all || return 1
    for architecture in amd64 arm64; do
        pinned=$(crane digest --full-ref --platform "linux/$architecture" "$1") &&
            cosign_verifies "$pinned" p256 && oras_lists "$pinned" 1 || return 1
    done
    oras_lists "$1" 0
}

# fetched REF: the verified predicate is the document that a scan of the same reference gives.
fetched() {
    # shellcheck disable=SC2046
    "$SUPERCARGO" fetch "$1" $(trust p256 supercargo) --type cyclonedx -o "$WORK/fetched.json" &&
        "$SUPERCARGO" scan "$1" -o "cyclonedx-json=$WORK/scanned.json" && cmp "$WORK/fetched.json" "$WORK/scanned.json"
}

# on_disk: attested in a layout, listed and copied by oras, verified by cosign in a registry.
on_disk() {
    rm -rf "$WORK/layout" && cp -a "$IMAGES/$subject" "$WORK/layout" &&
        we_attest "oci:$WORK/layout:1" p256 && we_verify "oci:$WORK/layout:1" p256 --type cyclonedx &&
        "$SUPERCARGO" attached "oci:$WORK/layout:1" | grep cyclonedx &&
        oras discover --oci-layout --format json "$WORK/layout:1" >"$WORK/discovered" &&
        jq -e --arg type "$bundle_type" 'any(.referrers[]; .artifactType == $type)' "$WORK/discovered" &&
        oras cp -r --from-oci-layout --to-plain-http "$WORK/layout:1" "$REG_TAGS/from-disk:1" &&
        cosign_verifies "$REG_TAGS/from-disk:1" p256
}

set_stage
mkdir -p "$WORK/purls"
check "the image of two platforms is pushed" push multi "$REG_REFERRERS/platforms:1"
check "each platform of an index is attested" all_platforms "$REG_REFERRERS/platforms:1"
check "a layout on disk is attested, and oras takes it to a registry" on_disk
every_image "olareg with referrers" "$REG_REFERRERS"
every_image "olareg without referrers" "$REG_TAGS"
every_image "docker-registry" "$REG_DISTRIBUTION"
check "the fetched SBOM is the scanned one" fetched "$REG_DISTRIBUTION/all/$subject:1"
stop_all
finish
