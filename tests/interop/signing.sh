#!/bin/sh
# Every way of signing, against cosign, softhsm, python-tuf and the private Sigstore.
#
# usage: signing.sh, with the environment that lib.sh describes
#
# Everything runs on loopback, in a network namespace of its own where the script is root.
part=signing
if [ -z "${INTEROP_ALONE:-}" ] && unshare --net true 2>/dev/null; then
    export INTEROP_ALONE=yes
    exec unshare --net sh -c 'python3 "$1" && exec sh "$2"' - "$(dirname "$0")/loopback.py" "$0"
fi
. "$(dirname "$0")/lib.sh"
need_supercargo
keys=$WORK/$part/keys
stack=$WORK/$part/sigstore
subject=apk
email=dev@example.test
module=/usr/lib/softhsm/libsofthsm2.so
signature=https://sigstore.dev/cosign/sign/v1
export COSIGN_PASSWORD=correct-horse COSIGN_YES=true DOCKER_CONFIG="$WORK/docker" XDG_CACHE_HOME="$WORK/cache"
export SOFTHSM2_CONF="$WORK/softhsm2.conf"

stop_all() {
    [ ! -d "$stack" ] || sh "$here/sigstore.sh" stop "$stack"
    [ ! -d "$WORK/registries" ] || sh "$here/registries.sh" stop "$WORK/registries"
    [ -z "${mirror_pid:-}" ] || kill "$mirror_pid"
    rm -rf "$WORK/registries"
}

push() { # REF
    skopeo copy --quiet --all --preserve-digests --dest-tls-verify=false "oci:$IMAGES/$subject:1" "docker://$1"
}

# fresh NAME: a new repository with the image in it.
fresh() {
    ref=$REG_TAGS/$1:1
    push "$ref"
}

# ---- who verifies ----

cosign_by_key() { # REF PUB
    cosign verify --key "$2" --insecure-ignore-tlog "$1"
}

cosign_by_identity() { # REF
    cosign verify --trusted-root "$TRUSTED_ROOT" --certificate-identity "$email" --certificate-oidc-issuer "$OIDC_URL" "$1"
}

we_by_identity() { # REF
    "$SUPERCARGO" verify "$1" --type "$signature" --trusted-root "$TRUSTED_ROOT" --identity "$email" --issuer "$OIDC_URL"
}

# ---- keys ----

# key_signs NAME KEY: both layouts, each verified by cosign alone; the bundle by us too.
key_signs() {
    "$SUPERCARGO" key public "$2" >"$keys/$1.pub" && cat "$keys/$1.pub" &&
        fresh "bundle-$1" && "$SUPERCARGO" sign "$ref" --key "$2" && cosign_by_key "$ref" "$keys/$1.pub" &&
        "$SUPERCARGO" verify "$ref" --key "$keys/$1.pub" --type "$signature" &&
        fresh "legacy-$1" && "$SUPERCARGO" sign "$ref" --key "$2" --legacy && cosign_by_key "$ref" "$keys/$1.pub"
}

# key_attests NAME KEY: the older layout of attestations.
key_attests() {
    fresh "att-$1" && "$SUPERCARGO" attest "$ref" --key "$2" --layout legacy &&
        cosign verify-attestation --key "$keys/$1.pub" --insecure-ignore-tlog --type cyclonedx "$ref"
}

# with_services NAME KEY: log and timestamp of the private instance; cosign needs both then.
with_services() {
    fresh "services-$1" &&
        "$SUPERCARGO" attest "$ref" --key "$2" --signing-config "$SIGNING_CONFIG" --trusted-root "$TRUSTED_ROOT" &&
        cosign verify-attestation --key "$keys/$1.pub" --trusted-root "$TRUSTED_ROOT" --type cyclonedx "$ref" &&
        "$SUPERCARGO" verify "$ref" --key "$keys/$1.pub" --trusted-root "$TRUSTED_ROOT" --type cyclonedx
}

two_signers() { # both signatures stay behind one tag
    fresh two-signers && "$SUPERCARGO" sign "$ref" --key "$keys/p256.key" --layout legacy &&
        cosign sign --key "$keys/cosign.key" --new-bundle-format=false --use-signing-config=false --tlog-upload=false "$ref" &&
        "$SUPERCARGO" sign "$ref" --key "$keys/rsa.key" --layout legacy &&
        for name in p256 cosign rsa; do cosign_by_key "$ref" "$keys/$name.pub" || return 1; done
}

token() {
    mkdir -p "$WORK/tokens" && echo "directories.tokendir = $WORK/tokens" >"$SOFTHSM2_CONF" &&
        softhsm2-util --init-token --free --label supercargo --so-pin 12345678 --pin 4321 && echo 4321 >"$keys/pin" &&
        pkcs11-tool --module $module --login --pin 4321 --keypairgen --key-type EC:prime256v1 --label ec --id 01 &&
        pkcs11-tool --module $module --login --pin 4321 --keypairgen --key-type rsa:2048 --label rsa --id 02
}

uri() { # LABEL
    echo "pkcs11:token=supercargo;object=$1?module-path=$module&pin-source=$keys/pin"
}

wrong_pin() {
    echo 9999 >"$keys/wrong-pin"
    "$SUPERCARGO" key public "$(uri ec)" --password-file "$keys/wrong-pin" >"$WORK/refused" 2>&1
    [ $? = 1 ] && cat "$WORK/refused" && grep -q 'refuses the PIN' "$WORK/refused" && ! grep -q 9999 "$WORK/refused"
}

# ---- identities ----

signs_as() { # NAME OPTION...
    name=$1
    shift
    fresh "$name" && "$SUPERCARGO" sign "$ref" --trusted-root "$TRUSTED_ROOT" --signing-config "$SIGNING_CONFIG" "$@" &&
        cosign_by_identity "$ref" && we_by_identity "$ref"
}

# follow PATTERN: waits for supercargo's line on stderr, and opens its page as a browser would.
follow() {
    for _ in $(seq 100); do
        page=$(sed -n "s/^$1 \(http[^ ]*\).*/\1/p" "$WORK/login" 2>/dev/null)
        [ -z "$page" ] || { curl -fsL "$page" && return 0; }
        sleep 0.1
    done
    return 1
}

logs_in() { # WHERE PATTERN
    fresh "login-$1" || return 1
    : >"$WORK/login"
    "$SUPERCARGO" sign "$ref" --login "$1" --no-progress --trusted-root "$TRUSTED_ROOT" --signing-config "$SIGNING_CONFIG" 2>"$WORK/login" &
    pid=$!
    follow "$2" && wait $pid && cosign_by_identity "$ref"
    status=$?
    cat "$WORK/login"
    return $status
}

several() { # one certificate for three predicates
    echo '{"x":1}' >"$WORK/x.json"
    fresh several && "$SUPERCARGO" attest "$ref" --identity-token "$(curl -fs "$TOKEN_URL?email=$email")" \
        --trusted-root "$TRUSTED_ROOT" --signing-config "$SIGNING_CONFIG" --also "openvex=$WORK/x.json" --also "test-result=$WORK/x.json" &&
        for type in cyclonedx openvex; do
            cosign verify-attestation --trusted-root "$TRUSTED_ROOT" --certificate-identity "$email" \
                --certificate-oidc-issuer "$OIDC_URL" --type $type "$ref" >"$WORK/envelope" || return 1
        done
}

without_log() {
    fresh no-log && "$SUPERCARGO" sign "$ref" --identity-token "$(curl -fs "$TOKEN_URL?email=$email")" \
        --trusted-root "$TRUSTED_ROOT" --signing-config "$SIGNING_CONFIG" --no-log &&
        cosign verify --insecure-ignore-tlog --use-signed-timestamps --trusted-root "$TRUSTED_ROOT" \
            --certificate-identity "$email" --certificate-oidc-issuer "$OIDC_URL" "$ref"
}

# ---- trust through TUF ----

tuf() { # VERSION
    "$TUF_PYTHON" "$here/tuf_repository.py" "$WORK/tuf" "$TRUSTED_ROOT" "$SIGNING_CONFIG" "$1"
}

through_tuf() {
    tuf_options="--tuf-root $WORK/tuf/root.json --tuf-mirror http://127.0.0.1:$mirror_port"
    # shellcheck disable=SC2086 # the options are words
    "$SUPERCARGO" trust update $tuf_options && fresh tuf &&
        "$SUPERCARGO" sign "$ref" $tuf_options --identity-token "$(curl -fs "$TOKEN_URL?email=$email")" &&
        cosign_by_identity "$ref" && "$SUPERCARGO" trust export $tuf_options -o "$WORK/exported.json" &&
        cmp "$WORK/exported.json" "$TRUSTED_ROOT"
}

rolled_back() { # the mirror falls back to an earlier release
    cp -r "$WORK/tuf/mirror" "$WORK/tuf/old" && tuf 2 && "$SUPERCARGO" trust update $tuf_options &&
        cp "$WORK/tuf/old/timestamp.json" "$WORK/tuf/mirror/timestamp.json" || return 1
    "$SUPERCARGO" trust update $tuf_options >"$WORK/refused" 2>&1
    [ $? = 1 ] && cat "$WORK/refused" && grep -q 'went back: expected version 2 or newer, found 1' "$WORK/refused"
}

# ---- size ----

# large: an SBOM of 100 MB is attested in 400 MB, and what goes to the log stays under 10 KB.
large() {
    python3 - "$WORK/large.json" <<'PYTHON'
import sys
with open(sys.argv[1], "w") as out:
    out.write('{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[')
    n = 0
    while out.tell() < 100_000_000:
        out.write(("," if n else "") + '{"type":"library","name":"component-%d","version":"1.%d"}' % (n, n))
        n += 1
    out.write("]}")
PYTHON
    fresh large && /usr/bin/time -v "$SUPERCARGO" attest "$ref" --key "$keys/p256.key" --predicate "$WORK/large.json" \
        --bundle "$WORK/large.bundle" --signing-config "$SIGNING_CONFIG" --trusted-root "$TRUSTED_ROOT" 2>"$WORK/time"
    status=$?
    cat "$WORK/time"
    peak=$(sed -n 's/.*Maximum resident set size (kbytes): //p' "$WORK/time")
    entry=$(jq -c '.verificationMaterial.tlogEntries' "$WORK/large.bundle" | wc -c)
    rm -f "$WORK/large.json" "$WORK/large.bundle"
    echo "peak $peak KiB, log entry $entry bytes"
    [ $status = 0 ] && [ "$peak" -lt 400000 ] && [ "$entry" -lt 10000 ]
}

mkdir -p "$keys" "$DOCKER_CONFIG"
trap stop_all EXIT
trap 'exit 130' INT TERM
sh "$here/registries.sh" start "$WORK/registries" && . "$WORK/registries/env" || exit 2
sh "$here/sigstore.sh" start "$stack" && . "$stack/env" || exit 2
cosign generate-key-pair --output-key-prefix "$keys/cosign" 2>"$WORK/log/cosign-key" || exit 2
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$keys/p256.key"
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$keys/rsa.key"
openssl genpkey -quiet -algorithm ED25519 -out "$keys/ed25519.key"

for name in p256 rsa ed25519 cosign; do
    check "$name key: cosign accepts bundle and tag, we the bundle" key_signs $name "$keys/$name.key"
done
check "p256 key: cosign accepts the older form of an attestation" key_attests p256 "$keys/p256.key"
for name in p256 rsa; do
    check "$name key with log and timestamp: cosign and we accept" with_services $name "$keys/$name.key"
done
check "three signers behind one tag, cosign among them" two_signers
check "a token of softhsm is made" token
check "token, EC: cosign accepts bundle and tag, we the bundle" key_signs token-ec "$(uri ec)"
check "token, RSA: cosign accepts bundle and tag, we the bundle" key_signs token-rsa "$(uri rsa)"
check "token, EC, with log and timestamp: cosign and we accept" with_services token-ec "$(uri ec)"
check "a wrong PIN is refused and not shown" wrong_pin
check "identity: cosign and we accept" signs_as identity --identity-token "$(curl -fs "$TOKEN_URL?email=$email")"
check "a browser logs in: cosign accepts" logs_in browser 'log in at'
check "a device logs in: cosign accepts" logs_in device open
check "several predicates with one certificate: cosign accepts each" several
check "without a log: cosign accepts by timestamp" without_log
if TUF_PYTHON=${TUF_PYTHON:-$PYTHON} && "$TUF_PYTHON" -c 'import tuf, securesystemslib' 2>/dev/null; then
    tuf 1 || exit 2
    mirror_port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
    python3 -m http.server --bind 127.0.0.1 --directory "$WORK/tuf/mirror" "$mirror_port" >"$WORK/log/mirror" 2>&1 &
    mirror_pid=$!
    sleep 1
    check "a repository of python-tuf gives services and root: cosign accepts" through_tuf
    check "a repository that goes back is refused" rolled_back
fi
check "an SBOM of 100 MB: under 400 MB of memory, under 10 KB for the log" large
stop_all
finish
