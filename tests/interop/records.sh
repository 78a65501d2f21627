#!/bin/sh
# Records of layers in a registry: they count when the key or identity that is named has signed them, and never else.
#
# usage: records.sh, with the environment that lib.sh describes
part=records
. "$(dirname "$0")/stage.sh"
image=debian-npm # has several layers

# knows REF PLACE COUNT OPTION...: so many of its layers come from the records at PLACE, and the packages are the same.
knows() {
    ref=$1 place=$2 known=$3
    shift 3
    "$SUPERCARGO" scan "$ref" --layer-cache "$place" "$@" -v -o "purl=$WORK/known" >"$WORK/notes" 2>&1 || { cat "$WORK/notes"; return 1; }
    cat "$WORK/notes"
    cmp "$WORK/plain" "$WORK/known" || return 1
    case $known in
    0) ! grep -q 'layers came from the cache' "$WORK/notes" ;;
    *) grep -q "note: $known of $layers layers came from the cache" "$WORK/notes" ;;
    esac
}

plain() { # REF
    push $image "$1" && layers=$(crane manifest "$1" | jq '.layers | length') && [ "$layers" -gt 1 ] &&
        "$SUPERCARGO" scan "$1" -o "purl=$WORK/plain"
}

by_key() { # REF PLACE
    knows "$1" "$2" 0 --layer-cache-push --layer-cache-signing-key "$keys/p256.key" &&
        knows "$1" "$2" "$layers" --layer-cache-key "$keys/p256.pub"
}

# shellcheck disable=SC2086 # the options are words
by_identity() { # REF PLACE
    (
        SIGSTORE_ID_TOKEN=$(token)
        export SIGSTORE_ID_TOKEN
        knows "$1" "$2" 0 $identity --layer-cache-push --layer-cache-signing-config "$SIGNING_CONFIG"
    ) && knows "$1" "$2" "$layers" $identity
}

refused() { # WORDS REF PLACE OPTION...
    words=$1
    shift
    ref=$1 place=$2
    shift 2
    knows "$ref" "$place" 0 "$@" && grep -q "does not count: $words" "$WORK/notes"
}

# moved REF PLACE: the record of one layer under the tag of another.
moved() {
    crane ls "$2" | grep '^layer-' >"$WORK/tags" && first=$(sed -n 1p "$WORK/tags") && second=$(sed -n 2p "$WORK/tags") &&
        no_image_record "$2" && oras tag --plain-http "$2:$first" "$second" &&
        knows "$1" "$2" $((layers - 1)) --layer-cache-key "$keys/p256.pub" &&
        grep -q "does not count: expected a statement about the record $second, found one about $first" "$WORK/notes"
}

# no_image_record PLACE: without the record of the whole image, those of its layers are asked for.
no_image_record() {
    whole=$(crane ls "$1" | grep '^image-') && crane delete "$1@$(crane digest "$1:$whole")"
}

# shellcheck disable=SC2046
by_cosign() { # PLACE: what signs a record is a bundle like any other
    tag=$(crane ls "$1" | grep '^layer-' | head -n 1) && crane manifest "$1:$tag" >"$WORK/record" &&
        crane blob "$1@$(jq -r '.layers[1].digest' "$WORK/record")" >"$WORK/record.bundle" &&
        cosign verify-blob-attestation $(trust email cosign) --type urn:supercargo:record:v1 --bundle "$WORK/record.bundle" \
            --digest "$(jq -r '.layers[0].digest' "$WORK/record" | cut -d : -f 2)" --digestAlg sha256
}

set_stage
identity="--layer-cache-trusted-root $TRUSTED_ROOT --layer-cache-identity $email --layer-cache-issuer $OIDC_URL"
of_key=$REG_REFERRERS/records/key of_identity=$REG_DISTRIBUTION/records/identity ref=$REG_TAGS/app:1
check "an image of several layers is scanned" plain "$REG_TAGS/app:1"
check "records signed with a key are found again" by_key "$REG_TAGS/app:1" "$of_key"
check "records signed by an identity are found again" by_identity "$REG_TAGS/app:1" "$of_identity"
check "cosign accepts the signature of a record" by_cosign "$of_identity"
sh "$here/sigstore.sh" stop "$stack"
check "records are found again, stack stopped" knows "$REG_TAGS/app:1" "$of_identity" "$layers" $identity
check "records signed with another key do not count" \
    refused "signature mismatch" "$REG_TAGS/app:1" "$of_key" --layer-cache-key "$keys/cosign.pub"
check "records signed by another identity do not count" refused "identity mismatch" "$REG_TAGS/app:1" "$of_identity" \
    --layer-cache-trusted-root "$TRUSTED_ROOT" --layer-cache-identity other@example.test --layer-cache-issuer "$OIDC_URL"
check "records signed by an identity of another issuer do not count" refused "issuer mismatch" "$REG_TAGS/app:1" "$of_identity" \
    --layer-cache-trusted-root "$TRUSTED_ROOT" --layer-cache-identity $email --layer-cache-issuer "$OIDC_URL/other"
check "records signed with a key do not count as an identity's" \
    refused "signer mismatch" "$REG_TAGS/app:1" "$of_key" $identity
check "the record of another layer does not count" moved "$REG_TAGS/app:1" "$of_key"
stop_all
finish
