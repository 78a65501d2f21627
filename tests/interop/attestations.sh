#!/bin/sh
# Attestations go both ways between supercargo, cosign and sigstore-python, through three registries.
#
# usage: attestations.sh, with the environment that lib.sh describes
#
# Everything runs on loopback. As root the script moves into a network namespace that has nothing but
# loopback, which shows that no step needs more. The servers end with the script.
part=attestations
if [ -z "${INTEROP_ALONE:-}" ] && unshare --net true 2>/dev/null; then
    export INTEROP_ALONE=yes
    exec unshare --net sh -c 'python3 "$1" && exec sh "$2"' - "$(dirname "$0")/loopback.py" "$0"
fi
. "$(dirname "$0")/lib.sh"
need_supercargo
keys=$WORK/$part/keys
stack=$WORK/$part/sigstore
subject=apk # the image of the matrix
bundle_type=application/vnd.dev.sigstore.bundle.v0.3+json
email=dev@example.test
workflow=https://github.com/org/app/.github/workflows/release.yml@refs/heads/main
export COSIGN_PASSWORD=correct-horse SUPERCARGO_PASSWORD=correct-horse COSIGN_YES=true DOCKER_CONFIG="$WORK/docker"

# stop_all: also removes what the registries stored, which is large.
stop_all() {
    [ ! -d "$stack" ] || sh "$here/sigstore.sh" stop "$stack"
    [ ! -d "$WORK/registries" ] || sh "$here/registries.sh" stop "$WORK/registries"
    rm -rf "$WORK/registries"
}

# ---- the two sides, in one of three modes: key, email, workflow ----

# trust MODE WHO: the options by which supercargo or cosign verifies.
trust() {
    case $1-$2 in
    key-supercargo) echo "--key $keys/cosign.pub" ;;
    key-cosign) echo "--key $keys/cosign.pub --insecure-ignore-tlog" ;;
    email-supercargo) echo "--trusted-root $TRUSTED_ROOT --identity $email --issuer $OIDC_URL" ;;
    workflow-supercargo) echo "--trusted-root $TRUSTED_ROOT --identity $workflow --issuer $CI_ISSUER" ;;
    email-cosign) echo "--trusted-root $TRUSTED_ROOT --certificate-identity $email --certificate-oidc-issuer $OIDC_URL" ;;
    workflow-cosign) echo "--trusted-root $TRUSTED_ROOT --certificate-identity $workflow --certificate-oidc-issuer $CI_ISSUER" ;;
    esac
}

# signer MODE WHO: the options by which they sign.
signer() {
    services="--signing-config $SIGNING_CONFIG --trusted-root $TRUSTED_ROOT"
    case $1-$2 in
    key-supercargo) echo "--key $keys/cosign.key" ;;
    key-cosign) echo "--key $keys/cosign.key --use-signing-config=false --tlog-upload=false" ;;
    email-*) echo "--identity-token $(curl -fs "$TOKEN_URL?email=$email") $services" ;;
    workflow-*) echo "--identity-token $(curl -fs "$CI_TOKEN_URL") $services" ;;
    esac
}

# shellcheck disable=SC2046 # the options are words
we_attest() { # REF MODE OPTION...
    ref=$1 mode=$2
    shift 2
    "$SUPERCARGO" attest "$ref" $(signer "$mode" supercargo) "$@"
}

# shellcheck disable=SC2046
we_verify() { # REF MODE OPTION...
    ref=$1 mode=$2
    shift 2
    "$SUPERCARGO" verify "$ref" $(trust "$mode" supercargo) "$@"
}

# shellcheck disable=SC2046
cosign_attests() { # REF MODE
    cosign attest $(signer "$2" cosign) --type cyclonedx --predicate "$WORK/predicate.json" "$1"
}

# shellcheck disable=SC2046
cosign_verifies() { # REF MODE
    cosign verify-attestation $(trust "$2" cosign) --type cyclonedx "$1"
}

# python_attests REF: with the e-mail identity; sigstore-python signs, oras attaches.
python_attests() {
    digest=$(crane digest "$1")
    "$PYTHON" "$here/attest.py" "$TRUST_CONFIG" "$(curl -fs "$TOKEN_URL?email=$email")" "${digest#sha256:}" \
        https://cyclonedx.org/bom "$WORK/predicate.json" "$WORK/python.json" || return 1
    (cd "$WORK" && oras attach --plain-http --artifact-type "$bundle_type" \
        -a dev.sigstore.bundle.content=dsse-envelope \
        -a dev.sigstore.bundle.predicateType=https://cyclonedx.org/bom "$1" "python.json:$bundle_type")
}

# ---- registries ----

# push IMAGE REF: unchanged, all platforms.
push() {
    skopeo copy --quiet --all --preserve-digests --dest-tls-verify=false "oci:$IMAGES/$1:1" "docker://$2" &&
        [ "$(crane digest "$2")" = "$(jq -r '.manifests[0].digest' "$IMAGES/$1/index.json")" ]
}

oras_lists() { # REF COUNT
    oras discover --plain-http --format json "$1" >"$WORK/discovered" && cat "$WORK/discovered" &&
        [ "$(jq --arg type "$bundle_type" '[.referrers[]? | select(.artifactType == $type)] | length' "$WORK/discovered")" = "$2" ]
}

copies() { # REF
    rm -rf "$WORK/copied"
    skopeo copy --quiet --preserve-digests --src-tls-verify=false "docker://$1" "oci:$WORK/copied:1" &&
        [ "$(jq -r '.manifests[0].digest' "$WORK/copied/index.json")" = "$(crane digest "$1")" ]
}

# ---- the checks ----

matrix() { # NAME REGISTRY
    for mode in key email workflow; do
        ours=$2/ours-$mode:1 theirs=$2/cosign-$mode:1
        check "$1, $mode: the image is pushed" push $subject "$ours"
        check "$1, $mode: the image is pushed again" push $subject "$theirs"
        check "$1, $mode: we attest" we_attest "$ours" $mode
        check "$1, $mode: cosign accepts ours" cosign_verifies "$ours" $mode
        check "$1, $mode: we accept ours" we_verify "$ours" $mode --type cyclonedx
        check "$1, $mode: oras lists ours" oras_lists "$ours" 1
        check "$1, $mode: skopeo still copies the image" copies "$ours"
        check "$1, $mode: cosign attests" cosign_attests "$theirs" $mode
        check "$1, $mode: we accept cosign's" we_verify "$theirs" $mode --type cyclonedx
    done
    check "$1: the image is pushed for sigstore-python" push $subject "$2/python:1"
    check "$1: sigstore-python attests" python_attests "$2/python:1"
    check "$1: we accept sigstore-python's" we_verify "$2/python:1" email --type cyclonedx
}

stopped() { # NAME REGISTRY
    for mode in key email workflow; do
        check "$1, $mode: we accept ours, stack stopped" we_verify "$2/ours-$mode:1" $mode --type cyclonedx
        check "$1, $mode: we accept cosign's, stack stopped" we_verify "$2/cosign-$mode:1" $mode --type cyclonedx
    done
    check "$1: we accept sigstore-python's, stack stopped" we_verify "$2/python:1" email --type cyclonedx
}

refusals() { # NAME REF-PREFIX, without a running stack
    for by in ours cosign; do
        ref=$2/$by-email:1
        check "$1, $by: another identity is refused" \
            not_accepted identity keyless "$ref" "$TRUSTED_ROOT" other@example.test "$OIDC_URL"
        check "$1, $by: another issuer is refused" \
            not_accepted issuer keyless "$ref" "$TRUSTED_ROOT" "$email" "$OIDC_URL/other"
        for thing in ct-key log-key authority timestamps; do
            check "$1, $by: a trusted root with other $thing is refused" \
                not_accepted $thing keyless "$ref" "$WORK/other-$thing.json" "$email" "$OIDC_URL"
        done
        check "$1, $by: another type is refused" not_accepted type we_verify "$ref" email --type spdx
        check "$1, $by: another key is refused" \
            not_accepted key "$SUPERCARGO" verify "$2/$by-key:1" --key "$keys/other.pub"
    done
}

keyless() { # REF TRUSTED_ROOT IDENTITY ISSUER
    "$SUPERCARGO" verify "$1" --trusted-root "$2" --identity "$3" --issuer "$4"
}

# other_roots: trusted roots in which one thing is another's.
other_roots() {
    openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | openssl pkey -pubout -out "$keys/other-ct.pub"
    openssl genpkey -quiet -algorithm ED25519 | openssl pkey -pubout -out "$keys/other-log.pub"
    python3 "$here/trust.py" key "$TRUSTED_ROOT" ctlogs "$keys/other-ct.pub" "$WORK/other-ct-key.json"
    python3 "$here/trust.py" key "$TRUSTED_ROOT" tlogs "$keys/other-log.pub" "$WORK/other-log-key.json"
    python3 "$here/trust.py" chain "$TRUSTED_ROOT" certificateAuthorities timestampAuthorities "$WORK/other-authority.json"
    python3 "$here/trust.py" chain "$TRUSTED_ROOT" timestampAuthorities certificateAuthorities "$WORK/other-timestamps.json"
}

# every_image NAME REGISTRY: scanned there, attested with a key, verified by cosign.
every_image() {
    for file in "$IMAGES"/*/index.json; do
        image=$(basename "$(dirname "$file")")
        ref=$2/all/$image:1
        check "$1: $image is pushed" push "$image" "$ref"
        for target in $(targets | grep -E "^$image(@|\$)"); do
            check "$1: $target is attested, cosign accepts" attested "$target" "$ref"
        done
    done
}

# attested TARGET REF: for its platform; the packages are those that its layout gave.
attested() {
    case $1 in *@*) architecture=${1#*@} ;; *) architecture=amd64 ;; esac
    pinned=$(crane digest --full-ref --platform "linux/$architecture" "$2") || return 1
    "$SUPERCARGO" scan "$2" --platform "linux/$architecture" -o "purl=$WORK/purl" &&
        scan "$1" -o "purl=$WORK/purl-of-layout" && cmp "$WORK/purl" "$WORK/purl-of-layout" &&
        we_attest "$2" key --platform "linux/$architecture" && cosign_verifies "$pinned" key >"$WORK/envelope" &&
        jq -r '.payload | @base64d | fromjson | .subject[].digest.sha256' "$WORK/envelope" | grep -qx "${pinned##*sha256:}"
}

# all_platforms REF: each manifest of the index gets its own SBOM, the index none.
all_platforms() {
    we_attest "$1" key --platform all || return 1
    for architecture in amd64 arm64; do
        pinned=$(crane digest --full-ref --platform "linux/$architecture" "$1") &&
            cosign_verifies "$pinned" key && oras_lists "$pinned" 1 || return 1
    done
    oras_lists "$1" 0
}

# concurrent REF: twenty writers at once, each with a type of its own.
concurrent() {
    writers=
    for n in $(seq 20); do
        we_attest "$1" key --type "https://example.org/type/$n" --predicate "$WORK/predicate.json" >"$WORK/log/writer-$n" 2>&1 &
        writers="$writers $!"
    done
    lost=0
    for pid in $writers; do wait "$pid" || lost=$((lost + 1)); done
    [ $lost = 0 ] || { echo "$lost of 20 failed"; tail -n 2 "$WORK"/log/writer-*; return 1; }
    oras_lists "$1" 20 || return 1
    for n in $(seq 20); do we_verify "$1" key --type "https://example.org/type/$n" || return 1; done
}

# fetched REF: the verified predicate is the document that a scan of the same reference gives.
fetched() {
    # shellcheck disable=SC2046
    "$SUPERCARGO" fetch "$1" $(trust key supercargo) --type cyclonedx -o "$WORK/fetched.json" &&
        "$SUPERCARGO" scan "$1" -o "cyclonedx-json=$WORK/scanned.json" && cmp "$WORK/fetched.json" "$WORK/scanned.json"
}

# on_disk: attested in a layout, listed and copied by oras, verified by cosign in a registry.
on_disk() {
    rm -rf "$WORK/layout" && cp -a "$IMAGES/$subject" "$WORK/layout" &&
        we_attest "oci:$WORK/layout:1" key && we_verify "oci:$WORK/layout:1" key --type cyclonedx &&
        "$SUPERCARGO" attached "oci:$WORK/layout:1" | grep cyclonedx &&
        oras discover --oci-layout --format json "$WORK/layout:1" >"$WORK/discovered" &&
        jq -e --arg type "$bundle_type" 'any(.referrers[]; .artifactType == $type)' "$WORK/discovered" &&
        oras cp -r --from-oci-layout --to-plain-http "$WORK/layout:1" "$REG_TAGS/from-disk:1" &&
        cosign_verifies "$REG_TAGS/from-disk:1" key
}

generated_key() { # REF
    "$SUPERCARGO" key generate --output-key-prefix "$keys/ours" &&
        cosign attest --key "$keys/ours.key" --use-signing-config=false --tlog-upload=false \
            --type cyclonedx --predicate "$WORK/predicate.json" "$1" &&
        cosign verify-attestation --key "$keys/ours.pub" --insecure-ignore-tlog --type cyclonedx "$1" &&
        "$SUPERCARGO" verify "$1" --key "$keys/ours.pub" --type cyclonedx
}

wrong_password() { # REF
    (export SUPERCARGO_PASSWORD=wrong COSIGN_PASSWORD=wrong && not_accepted password we_attest "$1" key)
}

mkdir -p "$keys" "$DOCKER_CONFIG"
trap stop_all EXIT
trap 'exit 130' INT TERM
sh "$here/registries.sh" start "$WORK/registries" && . "$WORK/registries/env" || exit 2
sh "$here/sigstore.sh" start "$stack" && . "$stack/env" || exit 2
for name in cosign other; do
    cosign generate-key-pair --output-key-prefix "$keys/$name" 2>"$WORK/log/$name-key" || exit 2
done
echo '{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}' >"$WORK/predicate.json"
other_roots || exit 2

matrix "olareg with referrers" "$REG_REFERRERS"
matrix "olareg without referrers" "$REG_TAGS"
matrix "docker-registry" "$REG_DISTRIBUTION"

sh "$here/sigstore.sh" stop "$stack"
stopped "olareg with referrers" "$REG_REFERRERS"
stopped "olareg without referrers" "$REG_TAGS"
stopped "docker-registry" "$REG_DISTRIBUTION"
refusals "docker-registry" "$REG_DISTRIBUTION"
check "a wrong password is refused" wrong_password "$REG_TAGS/ours-key:1"
check "cosign uses a key that we made" generated_key "$REG_REFERRERS/python:1"
check "the image of two platforms is pushed" push multi "$REG_REFERRERS/platforms:1"
check "each platform of an index is attested" all_platforms "$REG_REFERRERS/platforms:1"
check "a layout on disk is attested, and oras takes it to a registry" on_disk
check "the fetched SBOM is the scanned one" fetched "$REG_DISTRIBUTION/ours-key:1"
# Not on olareg with referrers: its own list of referrers loses writers, oras' as well (6 to 13 of 20 were left).
check "the image is pushed for twenty writers" push $subject "$REG_DISTRIBUTION/concurrent:1"
check "docker-registry: twenty writers at once lose nothing" concurrent "$REG_DISTRIBUTION/concurrent:1"
check "the image is pushed for twenty more" push $subject "$REG_TAGS/concurrent:1"
check "olareg without referrers: twenty writers at once lose nothing" concurrent "$REG_TAGS/concurrent:1"
every_image "olareg with referrers" "$REG_REFERRERS"
every_image "olareg without referrers" "$REG_TAGS"
every_image "docker-registry" "$REG_DISTRIBUTION"
stop_all
finish
