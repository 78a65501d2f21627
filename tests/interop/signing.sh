#!/bin/sh
# Every way of signing, against cosign, softhsm, python-tuf and the private Sigstore.
#
# usage: signing.sh, with the environment that lib.sh describes
part=signing
. "$(dirname "$0")/stage.sh"
module=/usr/lib/softhsm/libsofthsm2.so
signature=https://sigstore.dev/cosign/sign/v1
export SOFTHSM2_CONF="$WORK/softhsm2.conf"

# fresh NAME: a new repository with the image in it.
fresh() {
    ref=$REG_TAGS/$1:1
    push $subject "$ref"
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

# key_signs NAME KEY: both layouts, each verified by cosign and by us.
key_signs() {
    "$SUPERCARGO" key public "$2" >"$keys/$1.pub" && cat "$keys/$1.pub" &&
        fresh "bundle-$1" && "$SUPERCARGO" sign "$ref" --key "$2" && cosign_by_key "$ref" "$keys/$1.pub" &&
        we_verify "$ref" "$1" --type "$signature" &&
        fresh "legacy-$1" && "$SUPERCARGO" sign "$ref" --key "$2" --legacy && cosign_by_key "$ref" "$keys/$1.pub" &&
        we_verify "$ref" "$1" --type "$signature"
}

# key_attests NAME KEY: the older layout of attestations.
key_attests() {
    fresh "att-$1" && "$SUPERCARGO" attest "$ref" --key "$2" --layout legacy && cosign_verifies "$ref" "$1" &&
        we_verify "$ref" "$1" --type cyclonedx
}

# older REF: what cosign leaves behind the tags .sig and .att, and both layouts of ours side by side. Where there is a
# bundle, cosign looks behind the tags only when told so.
older() {
    push $subject "$1" && cosign sign --key "$keys/cosign.key" --new-bundle-format=false --use-signing-config=false --tlog-upload=false "$1" &&
        cosign_attests "$1" key --new-bundle-format=false && we_verify "$1" key --type "$signature" &&
        we_verify "$1" key --type cyclonedx && we_attest "$1" p256 --layout bundle,legacy --predicate "$WORK/predicate.json" &&
        cosign_verifies "$1" p256 && cosign_verifies "$1" p256 --new-bundle-format=false &&
        cosign_verifies "$1" key --new-bundle-format=false && we_verify "$1" p256 && we_verify "$1" key &&
        not_accepted key we_verify "$1" rsa
}

# shellcheck disable=SC2046,SC2086 # the options are words
# older_keyless REF: certificates in the older layout; without a Rekor v1 log a timestamp vouches for the time.
older_keyless() {
    by_timestamp="--insecure-ignore-tlog --use-signed-timestamps"
    push $subject "$1/ours:1" && push $subject "$1/theirs:1" &&
        "$SUPERCARGO" sign "$1/ours:1" --legacy $(signer email supercargo) &&
        cosign verify $(trust email cosign) $by_timestamp "$1/ours:1" && we_verify "$1/ours:1" email --logs-min 0 &&
        cosign sign --identity-token "$(token)" --new-bundle-format=false --use-signing-config=false --tlog-upload=false \
            --fulcio-url "$(service caUrls)" --timestamp-server-url "$(service tsaUrls)" --trusted-root "$TRUSTED_ROOT" "$1/theirs:1" &&
        cosign verify $(trust email cosign) $by_timestamp "$1/theirs:1" && we_verify "$1/theirs:1" email --logs-min 0 &&
        not_accepted logs we_verify "$1/theirs:1" email &&
        not_accepted identity we_verify "$1/theirs:1" workflow --logs-min 0
}

service() { # KIND
    jq -r ".$1[0].url" "$SIGNING_CONFIG"
}

# shellcheck disable=SC2086 # the options are words
# rotated: a policy trusts one key until a moment, and another from then on.
rotated() {
    services="--signing-config $SIGNING_CONFIG --trusted-root $TRUSTED_ROOT --predicate $WORK/predicate.json"
    new_key old && new_key new && fresh rotated-before && we_attest "$ref" old $services || return 1
    end=$(($(date +%s) + 5))
    moment=$(date -u -d "@$end" +%Y-%m-%dT%H:%M:%SZ)
    cat >"$WORK/rotation.toml" <<TOML
[[require]]
name = "sbom"
type = "cyclonedx"
signer = [
  { name = "old", not-after = "$moment", key = """$(cat "$keys/old.pub")""" },
  { name = "new", not-before = "$moment", key = """$(cat "$keys/new.pub")""" },
]
TOML
    fresh rotated-too-early && we_attest "$ref" new $services || return 1
    while [ "$(date +%s)" -le $end ]; do sleep 0.2; done
    fresh rotated-too-late && we_attest "$ref" old $services &&
        fresh rotated-undated && we_attest "$ref" old --predicate "$WORK/predicate.json" &&
        fresh rotated-after && we_attest "$ref" new $services || return 1
    for name in before after; do by_policy $name || return 1; done
    for name in too-early too-late undated; do not_accepted key-window by_policy $name || return 1; done
}

by_policy() { # NAME
    "$SUPERCARGO" verify "$REG_TAGS/rotated-$1:1" --policy "$WORK/rotation.toml" --trusted-root "$TRUSTED_ROOT"
}

# with_services NAME KEY: log and timestamp of the private instance; cosign needs both then.
with_services() {
    fresh "services-$1" &&
        "$SUPERCARGO" attest "$ref" --key "$2" --signing-config "$SIGNING_CONFIG" --trusted-root "$TRUSTED_ROOT" &&
        cosign verify-attestation --key "$keys/$1.pub" --trusted-root "$TRUSTED_ROOT" --type cyclonedx "$ref" &&
        "$SUPERCARGO" verify "$ref" --key "$keys/$1.pub" --trusted-root "$TRUSTED_ROOT" --type cyclonedx
}

# beside_notation REF: notation's signatures and our attestations on one image; each tool sees its own.
beside_notation() {
    # Where a registry has the referrers API, notation must be told not to write the referrers tag.
    case $1 in "$REG_REFERRERS"*) api=--force-referrers-tag=false ;; *) api= ;; esac
    push $subject "$1" && we_attest "$1" p256 --predicate "$WORK/predicate.json" &&
        notation sign --insecure-registry $api "$1" &&
        we_attest "$1" p256 --type openvex --predicate "$WORK/predicate.json" && notation verify --insecure-registry "$1" &&
        we_verify "$1" p256 --type cyclonedx && we_verify "$1" p256 --type openvex &&
        "$SUPERCARGO" attached "$1" >"$WORK/tree" && cat "$WORK/tree" && [ "$(grep -c 'bundle http' "$WORK/tree")" = 2 ] &&
        grep -q 'application/vnd.cncf.notary.signature' "$WORK/tree"
}

notation_trust() {
    export XDG_CONFIG_HOME="$WORK/notation"
    cat >"$WORK/notation.json" <<'JSON'
{"version": "1.0", "trustPolicies": [{"name": "test", "registryScopes": ["*"], "signatureVerification": {"level": "strict"},
  "trustStores": ["ca:test.invalid"], "trustedIdentities": ["*"]}]}
JSON
    notation cert generate-test --default test.invalid && notation policy import "$WORK/notation.json"
}

two_signers() { # both signatures stay behind one tag
    fresh two-signers && "$SUPERCARGO" sign "$ref" --key "$keys/p256.key" --layout legacy &&
        cosign sign --key "$keys/cosign.key" --new-bundle-format=false --use-signing-config=false --tlog-upload=false "$ref" &&
        "$SUPERCARGO" sign "$ref" --key "$keys/rsa.key" --layout legacy &&
        for name in p256 cosign rsa; do cosign_by_key "$ref" "$keys/$name.pub" || return 1; done
}

make_token() {
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

# ---- the transit engine of Vault ----

start_vault() {
    vault_port=$(. "$here/servers.sh" && free_ports 1)
    export VAULT_ADDR="http://127.0.0.1:$vault_port" VAULT_TOKEN=token-of-the-engine
    vault-transit "127.0.0.1:$vault_port" >"$WORK/log/vault" 2>&1 &
    vault_pid=$!
    trap 'kill $vault_pid; stop_all' EXIT
    curl -s --retry 60 --retry-delay 1 --retry-connrefused -o "$WORK/answer" "$VAULT_ADDR/v1/transit/keys/none"
}

vault_key() { # NAME ACTION [JSON]
    curl -sS --fail-with-body -H "X-Vault-Token: $VAULT_TOKEN" -d "${3:-{\}}" "$VAULT_ADDR/v1/transit/keys/$1$2"
}

# vault_rotates: the newest version signs; what the one before has signed verifies by its public half.
vault_rotates() {
    "$SUPERCARGO" key public hashivault://ecdsa-p256 >"$keys/vault-old.pub" && fresh vault-old &&
        "$SUPERCARGO" sign "$ref" --key hashivault://ecdsa-p256 && vault_key ecdsa-p256 /rotate && cosign_by_key "$ref" "$keys/vault-old.pub" &&
        key_signs vault-new hashivault://ecdsa-p256 && ! cmp "$keys/vault-old.pub" "$keys/vault-new.pub" &&
        not_accepted key we_verify "$ref" vault-old
}

# Nobody but us verifies what a P-384 key signs with SHA-384.
vault_p384() {
    "$SUPERCARGO" key public hashivault://ecdsa-p384 >"$keys/vault-p384.pub" && fresh vault-p384 &&
        "$SUPERCARGO" sign "$ref" --key hashivault://ecdsa-p384 && we_verify "$ref" vault-p384 --type "$signature"
}

cosign_with_vault() {
    fresh vault-cosign && cosign sign --key hashivault://rsa-3072 --use-signing-config=false --tlog-upload=false "$ref" &&
        "$SUPERCARGO" key public hashivault://rsa-3072 >"$keys/vault-rsa.pub" && we_verify "$ref" vault-rsa --type "$signature"
}

vault_refuses() { # NAME WORDS
    "$SUPERCARGO" key public "hashivault://$1" >"$WORK/refused" 2>&1
    status=$?
    cat "$WORK/refused"
    [ $status != 0 ] && grep -q "$2" "$WORK/refused" && ! grep -q "$VAULT_TOKEN" "$WORK/refused"
}

wrong_token() {
    (VAULT_TOKEN=another-token && vault_refuses ecdsa-p256 'answered 403: permission denied')
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
    fresh several && "$SUPERCARGO" attest "$ref" --identity-token "$(token)" \
        --trusted-root "$TRUSTED_ROOT" --signing-config "$SIGNING_CONFIG" --also "openvex=$WORK/x.json" --also "test-result=$WORK/x.json" &&
        for type in cyclonedx openvex; do
            cosign verify-attestation --trusted-root "$TRUSTED_ROOT" --certificate-identity "$email" \
                --certificate-oidc-issuer "$OIDC_URL" --type $type "$ref" >"$WORK/envelope" || return 1
        done
}

without_log() {
    fresh no-log && "$SUPERCARGO" sign "$ref" --identity-token "$(token)" \
        --trusted-root "$TRUSTED_ROOT" --signing-config "$SIGNING_CONFIG" --no-log &&
        cosign verify --insecure-ignore-tlog --use-signed-timestamps --trusted-root "$TRUSTED_ROOT" \
            --certificate-identity "$email" --certificate-oidc-issuer "$OIDC_URL" "$ref"
}

# ---- files ----

# blob MODE OPTION...: a file that cosign signed is verified by its bytes and by its digest, and another is refused.
# shellcheck disable=SC2046 # the options are words
blob() {
    mode=$1
    shift
    head -c 100000 /dev/urandom >"$WORK/blob" && head -c 100000 /dev/urandom >"$WORK/other-blob" &&
        cosign sign-blob $(signer "$mode" cosign) "$@" --bundle "$WORK/blob.json" "$WORK/blob" || return 1
    for artifact in "$WORK/blob" "sha256:$(sha256sum <"$WORK/blob" | cut -d ' ' -f 1)"; do
        verify_blob "$artifact" || return 1
    done
    not_accepted blob verify_blob "$WORK/other-blob"
}

# shellcheck disable=SC2046
verify_blob() {
    "$SUPERCARGO" verify --artifact "$1" --bundle "$WORK/blob.json" $(trust "$mode" supercargo)
}

# ---- trust through TUF ----

tuf() { # VERSION
    "$TUF_PYTHON" "$here/tuf_repository.py" "$WORK/tuf" "$TRUSTED_ROOT" "$SIGNING_CONFIG" "$1"
}

through_tuf() {
    tuf_options="--tuf-root $WORK/tuf/root.json --tuf-mirror http://127.0.0.1:$mirror_port"
    # shellcheck disable=SC2086 # the options are words
    "$SUPERCARGO" trust update $tuf_options && fresh tuf &&
        "$SUPERCARGO" sign "$ref" $tuf_options --identity-token "$(token)" &&
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

set_stage
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$keys/rsa.key"
openssl genpkey -quiet -algorithm ED25519 -out "$keys/ed25519.key"

for name in p256 rsa ed25519 cosign; do
    check "$name key: cosign and we accept bundle and tag" key_signs $name "$keys/$name.key"
done
for name in p256 rsa ed25519 cosign; do
    check "$name key: cosign and we accept the older form of an attestation" key_attests $name "$keys/$name.key"
done
for registry in "olareg with referrers $REG_REFERRERS" "olareg without referrers $REG_TAGS" "docker-registry $REG_DISTRIBUTION"; do
    check "${registry% *}: the older layout, cosign's and ours, side by side with bundles" older "${registry##* }/older:1"
done
check "identities in the older layout, by timestamp: cosign and we accept each other's" older_keyless "$REG_DISTRIBUTION/keyless"
check "two keys are rotated by policy" rotated
for name in p256 rsa; do
    check "$name key with log and timestamp: cosign and we accept" with_services $name "$keys/$name.key"
done
check "three signers behind one tag, cosign among them" two_signers
check "notation gets a key and a policy" notation_trust
for registry in "olareg with referrers $REG_REFERRERS" "docker-registry $REG_DISTRIBUTION"; do
    check "${registry% *}: notation's signature and our attestations live side by side" beside_notation "${registry##* }/notation:1"
done
check "a token of softhsm is made" make_token
check "token, EC: cosign and we accept bundle and tag" key_signs token-ec "$(uri ec)"
check "token, RSA: cosign and we accept bundle and tag" key_signs token-rsa "$(uri rsa)"
check "token, EC, with log and timestamp: cosign and we accept" with_services token-ec "$(uri ec)"
check "a wrong PIN is refused and not shown" wrong_pin
if [ -x "$PEERS/bin/vault-transit" ]; then
    start_vault
    for name in ecdsa-p256 ecdsa-p384 rsa-2048 rsa-3072 ed25519 aes256-gcm96; do
        check "Vault: a key is made, $name" vault_key $name "" "{\"type\": \"$name\"}"
    done
    for name in ecdsa-p256 rsa-2048 rsa-3072 ed25519; do
        check "Vault, $name: cosign and we accept bundle and tag" key_signs vault-$name hashivault://$name
    done
    check "Vault, ecdsa-p384: we accept" vault_p384
    for name in ecdsa-p256 rsa-2048; do
        check "Vault, $name, with log and timestamp: cosign and we accept" with_services vault-$name hashivault://$name
    done
    check "Vault: cosign signs with a key there, and we accept" cosign_with_vault
    check "Vault: a key is rotated" vault_rotates
    check "Vault: a key for encryption is refused" vault_refuses aes256-gcm96 'the key has no public half'
    check "Vault: a key that is not there is refused" vault_refuses missing 'answered 404'
    check "Vault: a wrong token is refused, and neither is shown" wrong_token
fi
check "identity: cosign and we accept" signs_as identity --identity-token "$(token)"
check "a file signed by cosign with a key: we accept" blob key
check "a file signed by cosign with an identity: we accept" blob email
check "a browser logs in: cosign accepts" logs_in browser 'log in at'
check "a device logs in: cosign accepts" logs_in device open
check "several predicates with one certificate: cosign accepts each" several
check "without a log: cosign accepts by timestamp" without_log
if TUF_PYTHON=${TUF_PYTHON:-$PYTHON} && "$TUF_PYTHON" -c 'import tuf, securesystemslib' 2>/dev/null; then
    tuf 1 || exit 2
    mirror_port=$(. "$here/servers.sh" && free_ports 1)
    python3 -m http.server --bind 127.0.0.1 --directory "$WORK/tuf/mirror" "$mirror_port" >"$WORK/log/mirror" 2>&1 &
    mirror_pid=$!
    curl -fs --retry 60 --retry-delay 1 --retry-connrefused -o "$WORK/answer" "http://127.0.0.1:$mirror_port/timestamp.json"
    check "a repository of python-tuf gives services and root: cosign accepts" through_tuf
    check "a repository that goes back is refused" rolled_back
fi
check "an SBOM of 100 MB: under 400 MB of memory, under 10 KB for the log" large
stop_all
finish
