# The stage of a part: three registries and a private Sigstore on loopback; sourced first, after setting `part`.
#
# As root the script begins again in a network namespace that has nothing but loopback: this shows that no step needs
# more, and lets parts run side by side. The servers end with the script.
if [ -z "${INTEROP_ALONE:-}" ] && unshare --net true 2>/dev/null; then
    export INTEROP_ALONE=yes
    exec unshare --net sh -c 'python3 "$1" && exec sh "$2"' - "$(dirname "$0")/loopback.py" "$0"
fi
. "$(dirname "$0")/lib.sh"
need_supercargo
keys=$WORK/$part/keys
stack=$WORK/$part/sigstore
registries=$WORK/$part/registries
subject=apk # the image that most checks are about
bundle_type=application/vnd.dev.sigstore.bundle.v0.3+json
email=dev@example.test
workflow=https://github.com/org/app/.github/workflows/release.yml@refs/heads/main
export COSIGN_PASSWORD=correct-horse SUPERCARGO_PASSWORD=correct-horse COSIGN_YES=true
export DOCKER_CONFIG="$WORK/docker" XDG_CACHE_HOME="$WORK/cache"

# set_stage [REKOR]: the keys cosign (of cosign, encrypted) and p256 (a plain one), a small predicate, and the servers;
# REKOR is the version of the log.
set_stage() {
    mkdir -p "$keys" "$DOCKER_CONFIG"
    trap stop_all EXIT
    trap 'exit 130' INT TERM
    sh "$here/registries.sh" start "$registries" && . "$registries/env" || exit 2
    sh "$here/sigstore.sh" start "$stack" "${1:-2}" && . "$stack/env" || exit 2
    new_key p256 && cosign generate-key-pair --output-key-prefix "$keys/cosign" 2>"$WORK/log/cosign-key" || exit 2
    echo '{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}' >"$WORK/predicate.json"
}

# stop_all: also removes what the registries stored, which is large.
stop_all() {
    [ ! -d "$stack" ] || sh "$here/sigstore.sh" stop "$stack"
    [ ! -d "$registries" ] || sh "$here/registries.sh" stop "$registries"
    [ -z "${mirror_pid:-}" ] || kill "$mirror_pid"
    mirror_pid=
    rm -rf "$registries"
}

# new_key NAME: a P-256 key without a password, and its public half.
new_key() {
    openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$keys/$1.key" &&
        openssl pkey -in "$keys/$1.key" -pubout -out "$keys/$1.pub"
}

token() { # of the e-mail identity
    curl -fs "$TOKEN_URL?email=$email"
}

# ---- the two sides, in one of three modes: key, email, workflow; or with a key of that name ----

# trust MODE WHO: the options by which supercargo or cosign verifies.
trust() {
    case $1-$2 in
    key-*) trust cosign "$2" ;;
    email-supercargo) echo "--trusted-root $TRUSTED_ROOT --identity $email --issuer $OIDC_URL" ;;
    workflow-supercargo) echo "--trusted-root $TRUSTED_ROOT --identity $workflow --issuer $CI_ISSUER" ;;
    email-cosign) echo "--trusted-root $TRUSTED_ROOT --certificate-identity $email --certificate-oidc-issuer $OIDC_URL" ;;
    workflow-cosign) echo "--trusted-root $TRUSTED_ROOT --certificate-identity $workflow --certificate-oidc-issuer $CI_ISSUER" ;;
    *-supercargo) echo "--key $keys/$1.pub" ;;
    *-cosign) echo "--key $keys/$1.pub --insecure-ignore-tlog" ;;
    esac
}

# signer MODE WHO: the options by which they sign.
signer() {
    services="--signing-config $SIGNING_CONFIG --trusted-root $TRUSTED_ROOT"
    case $1-$2 in
    key-*) signer cosign "$2" ;;
    email-*) echo "--identity-token $(token) $services" ;;
    workflow-*) echo "--identity-token $(curl -fs "$CI_TOKEN_URL") $services" ;;
    *-supercargo) echo "--key $keys/$1.key" ;;
    *-cosign) echo "--key $keys/$1.key --use-signing-config=false --tlog-upload=false" ;;
    esac
}

# shellcheck disable=SC2046 # the options are words
we_attest() { # REF MODE OPTION...
    on=$1 as=$2
    shift 2
    "$SUPERCARGO" attest "$on" $(signer "$as" supercargo) "$@"
}

# shellcheck disable=SC2046
we_verify() { # REF MODE OPTION...
    on=$1 as=$2
    shift 2
    "$SUPERCARGO" verify "$on" $(trust "$as" supercargo) "$@"
}

# shellcheck disable=SC2046
cosign_attests() { # REF MODE OPTION...
    on=$1 as=$2
    shift 2
    cosign attest $(signer "$as" cosign) --type cyclonedx --predicate "$WORK/predicate.json" "$@" "$on"
}

# shellcheck disable=SC2046
cosign_verifies() { # REF MODE OPTION...
    on=$1 as=$2
    shift 2
    cosign verify-attestation $(trust "$as" cosign) --type cyclonedx "$@" "$on"
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

# bundle_manifest REF: the manifest of the one bundle that hangs on the image.
bundle_manifest() {
    oras_lists "$1" 1 >/dev/null && crane manifest "${1%:*}@$(jq -r '.referrers[0].digest' "$WORK/discovered")"
}

# bundle_of REF FILE: that bundle.
bundle_of() {
    layer=$(bundle_manifest "$1" | jq -r '.layers[0].digest') && crane blob "${1%:*}@$layer" >"$2"
}
