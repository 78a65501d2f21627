#!/bin/sh
# A Rekor v1 log, as the public instance has had it for years: its entries in bundles and in cosign's older layout, both
# ways between cosign and us, online and with the stack stopped; and what is false about them is refused.
#
# usage: rekor-v1.sh, with the environment that lib.sh describes; peers.sh builds the log
part=rekor-v1
. "$(dirname "$0")/stage.sh"
[ -x "$PEERS/bin/rekor-server-v1" ] || { echo "$part: no Rekor v1; peers.sh builds it" >&2; exit 2; }
sign_type=https://sigstore.dev/cosign/sign/v1
email_modes="email workflow"
key_modes="p256 rsa ed25519"

# ---- who signs and who verifies; every signature is in the log ----

services() {
    echo "--signing-config $SIGNING_CONFIG --trusted-root $TRUSTED_ROOT"
}

# in_log MODE WHO: the options by which supercargo or cosign verifies, the log included.
in_log() {
    case $1-$2 in
    email-* | workflow-*) trust "$1" "$2" ;;
    key-*) in_log cosign "$2" ;;
    *-supercargo) echo "--key $keys/$1.pub --trusted-root $TRUSTED_ROOT --logs-min 1" ;;
    *-cosign) echo "--key $keys/$1.pub --trusted-root $TRUSTED_ROOT" ;;
    esac
}

# logging MODE: the options by which we sign.
logging() {
    case $1 in
    email | workflow) signer "$1" supercargo ;;
    key) logging cosign ;;
    *) echo "--key $keys/$1.key $(services)" ;;
    esac
}

# of_cosign MODE LAYOUT: the options by which cosign signs. Its older layout takes URLs and no signing configuration.
of_cosign() {
    case $1 in
    key) echo "--key $keys/cosign.key" ;;
    *) echo "--identity-token $(token)" ;;
    esac
    case $1-$2 in
    *-bundle) services ;;
    key-older) echo "--new-bundle-format=false --use-signing-config=false --rekor-url $(url rekorTlogUrls)" ;;
    *-older) echo "--new-bundle-format=false --use-signing-config=false --rekor-url $(url rekorTlogUrls)" \
        "--fulcio-url $(url caUrls) --trusted-root $TRUSTED_ROOT" ;;
    esac
}

url() { # KIND
    jq -r ".$1[0].url" "$SIGNING_CONFIG"
}

# shellcheck disable=SC2046 # the options are words
both_accept_signature() { # REF MODE
    cosign verify $(in_log "$2" cosign) "$1" && we_accept "$1" "$2" "$sign_type"
}

# shellcheck disable=SC2046
both_accept_attestation() { # REF MODE
    cosign verify-attestation $(in_log "$2" cosign) --type cyclonedx "$1" && we_accept "$1" "$2" cyclonedx
}

# shellcheck disable=SC2046
we_accept() { # REF MODE TYPE
    "$SUPERCARGO" verify "$1" $(in_log "$2" supercargo) --type "$3"
}

# ---- ours and cosign's, in both layouts; each on a repository of its own ----

at() { # WHO LAYOUT WHAT MODE
    echo "$REG_TAGS/$1-$2-$3-$4:1"
}

# shellcheck disable=SC2046
we_sign() { # LAYOUT MODE
    ref=$(at ours "$1" sign "$2")
    push $subject "$ref" && "$SUPERCARGO" sign "$ref" $(logging "$2") --layout "$(ours_is "$1")" && both_accept_signature "$ref" "$2"
}

# shellcheck disable=SC2046
we_attest_logged() { # LAYOUT MODE
    ref=$(at ours "$1" attest "$2")
    push $subject "$ref" &&
        "$SUPERCARGO" attest "$ref" $(logging "$2") --layout "$(ours_is "$1")" --predicate "$WORK/predicate.json" &&
        both_accept_attestation "$ref" "$2"
}

ours_is() { # LAYOUT: how we call it
    case $1 in older) echo legacy ;; *) echo "$1" ;; esac
}

# shellcheck disable=SC2046
cosign_signs() { # LAYOUT MODE
    ref=$(at cosign "$1" sign "$2")
    push $subject "$ref" && cosign sign $(of_cosign "$2" "$1") "$ref" && both_accept_signature "$ref" "$2"
}

# shellcheck disable=SC2046
cosign_attests_logged() { # LAYOUT MODE
    ref=$(at cosign "$1" attest "$2")
    push $subject "$ref" && cosign attest $(of_cosign "$2" "$1") --type cyclonedx --predicate "$WORK/predicate.json" "$ref" &&
        both_accept_attestation "$ref" "$2"
}

# The log has what we think that it has.
kinds() {
    bundle_of "$(at ours bundle attest email)" "$WORK/kinds.json" &&
        [ "$(jq -r '.verificationMaterial.tlogEntries[0].kindVersion | .kind + " " + .version' "$WORK/kinds.json")" = "dsse 0.0.1" ] &&
        [ "$(entry_of "$(at ours older sign email)" sig | jq -r '.kind + " " + .apiVersion')" = "hashedrekord 0.0.1" ] &&
        [ "$(entry_of "$(at ours older attest email)" att | jq -r '.kind + " " + .apiVersion')" = "dsse 0.0.1" ]
}

# Nobody but the log vouches for the time: no timestamp authority takes part.
without_timestamps() {
    jq 'del(.tsaUrls, .tsaConfig)' "$SIGNING_CONFIG" >"$WORK/no-tsa.json" || return 1
    for layout in bundle older; do
        ref=$REG_TAGS/no-tsa-$layout:1
        push $subject "$ref" &&
            "$SUPERCARGO" attest "$ref" --identity-token "$(token)" --layout "$(ours_is $layout)" --predicate "$WORK/predicate.json" \
                --signing-config "$WORK/no-tsa.json" --trusted-root "$TRUSTED_ROOT" && both_accept_attestation "$ref" email || return 1
    done
    bundle_of "$REG_TAGS/no-tsa-bundle:1" "$WORK/second.json" &&
        jq -e '(.verificationMaterial.timestampVerificationData.rfc3161Timestamps // []) == []' "$WORK/second.json"
}

# An RSA key gives the same signature each time, and the log refuses the same entry twice: it is fetched instead.
# shellcheck disable=SC2046
twice() {
    ref=$REG_TAGS/twice:1
    push $subject "$ref" || return 1
    for _ in 1 2; do
        "$SUPERCARGO" sign "$ref" $(logging rsa) || return 1
    done
    grep -q '"status": 409' "$stack/rekor.log" && both_accept_signature "$ref" rsa
}

# The log verifies envelopes with SHA-256, and such a key signs with SHA-384: it is said before the log is asked.
# shellcheck disable=SC2046
p384_refused() {
    ref=$REG_TAGS/p384:1
    push $subject "$ref" || return 1
    for layout in bundle legacy; do
        not_accepted key-for-log "$SUPERCARGO" attest "$ref" $(logging p384) --layout $layout --predicate "$WORK/predicate.json" || return 1
    done
}

# ---- entries as older versions of cosign made them: the envelope of our attestation, under another kind ----

# older_kind VERSION: an entry of kind intoto takes the place of the one of kind dsse.
older_kind() {
    ref=$REG_TAGS/intoto-${1}:1
    push $subject "$ref" && "$SUPERCARGO" attest "$ref" --key "$keys/p256.key" --layout legacy --predicate "$WORK/predicate.json" &&
        layer=$(tag_manifest "$ref" att | jq -r '.layers[0].digest') && crane blob "${ref%:*}@$layer" >"$WORK/envelope.json" &&
        intoto "$1" >"$WORK/proposed.json" &&
        curl -sS --fail-with-body -H 'Content-Type: application/json' --data-binary "@$WORK/proposed.json" \
            "$(url rekorTlogUrls)/api/v1/log/entries" >"$WORK/entry.json" &&
        retag "$ref" att '.layers[0].annotations[$bundle] = ($entry[0] | to_entries[0].value |
            {SignedEntryTimestamp: .verification.signedEntryTimestamp,
             Payload: {body, integratedTime, logIndex, logID}} | tojson)' --slurpfile entry "$WORK/entry.json" &&
        entry_of "$ref" att | jq -e --arg version "$1" '.kind == "intoto" and .apiVersion == $version' &&
        both_accept_attestation "$ref" p256
}

# intoto VERSION: the entry to propose. Version 0.0.2 wants payload and signature encoded once more.
intoto() {
    key=$(base64 -w 0 "$keys/p256.pub")
    case $1 in
    0.0.1)
        jq -n --arg key "$key" --rawfile envelope "$WORK/envelope.json" \
            '{apiVersion: "0.0.1", kind: "intoto", spec: {content: {envelope: $envelope}, publicKey: $key}}'
        ;;
    0.0.2)
        jq --arg key "$key" --arg hash "$(sha256sum <"$WORK/envelope.json" | cut -c 1-64)" \
            --arg payload "$(jq -r .payload "$WORK/envelope.json" | base64 -d | sha256sum | cut -c 1-64)" \
            '{apiVersion: "0.0.2", kind: "intoto", spec: {content: {
                envelope: {payloadType, payload: (.payload | @base64), signatures: [{sig: (.signatures[0].sig | @base64), publicKey: $key}]},
                hash: {algorithm: "sha256", value: $hash}, payloadHash: {algorithm: "sha256", value: $payload}}}}' "$WORK/envelope.json"
        ;;
    esac
}

# ---- a second tree, in which an entry has another index than in the log ----

# shellcheck disable=SC2046
sharded() {
    sh "$here/sigstore.sh" shard "$stack" 1 || return 1
    for layout in bundle older; do
        ref=$REG_TAGS/sharded-$layout:1
        push $subject "$ref" &&
            "$SUPERCARGO" attest "$ref" $(logging email) --layout "$(ours_is $layout)" --predicate "$WORK/predicate.json" &&
            both_accept_attestation "$ref" email || return 1
    done
    ref=$REG_TAGS/sharded-cosign:1
    push $subject "$ref" && cosign attest $(of_cosign email bundle) --type cyclonedx --predicate "$WORK/predicate.json" "$ref" &&
        both_accept_attestation "$ref" email && bundle_of "$ref" "$WORK/sharded.json" &&
        jq -e '.verificationMaterial.tlogEntries[0] | (.logIndex | tonumber) > (.inclusionProof.logIndex | tonumber) + 20' "$WORK/sharded.json"
}

two_sharded() {
    bundle_of "$REG_TAGS/sharded-cosign:1" "$WORK/first.json" && bundle_of "$REG_TAGS/sharded-bundle:1" "$WORK/second.json"
}

# ---- the tags of the older layout ----

tag_of() { # REF KIND
    echo "$(crane digest "$1" | tr : -).$2"
}

tag_manifest() { # REF KIND
    crane manifest "${1%:*}:$(tag_of "$1" "$2")"
}

# entry_of REF KIND: the body of the log entry.
entry_of() {
    tag_manifest "$1" "$2" | jq -r '.layers[0].annotations["dev.sigstore.cosign/bundle"] | fromjson | .Payload.body | @base64d'
}

# retag REF KIND FILTER OPTION...: what is behind the tag, changed by a program of jq.
retag() {
    on=$1 kind=$2 filter=$3
    shift 3
    tag_manifest "$on" "$kind" | jq -c --arg bundle dev.sigstore.cosign/bundle "$@" "$filter" >"$WORK/retagged.json" &&
        repository=${on%:*} && curl -sS --fail-with-body -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
        --data-binary "@$WORK/retagged.json" \
        "http://${repository%%/*}/v2/${repository#*/}/manifests/$(tag_of "$on" "$kind")"
}

# ---- what is refused, by us by name and by cosign ----

change() { # CHANGE
    python3 "$here/tamper.py" "$1" "$WORK/first.json" "$WORK/second.json" "$WORK/changed.json"
}

two_bundles() { # WHO
    bundle_of "$(at "$1" bundle attest email)" "$WORK/first.json" && bundle_of "$REG_TAGS/no-tsa-bundle:1" "$WORK/second.json"
}

# shellcheck disable=SC2046
cosign_takes() { # TRUSTED_ROOT
    cosign verify-blob-attestation --trusted-root "$1" --certificate-identity "$email" --certificate-oidc-issuer "$OIDC_URL" \
        --type cyclonedx --bundle "$WORK/changed.json" --digest "$(crane digest "$REG_TAGS/no-tsa-bundle:1" | cut -d : -f 2)" --digestAlg sha256
}

we_take() { # TRUSTED_ROOT
    "$SUPERCARGO" verify "$REG_TAGS/no-tsa-bundle:1" --type cyclonedx --bundle "$WORK/changed.json" --trusted-root "$1" --identity "$email" \
        --issuer "$OIDC_URL"
}

accepted() {
    change none && we_take "$TRUSTED_ROOT" && cosign_takes "$TRUSTED_ROOT"
}

refused() { # CHANGE WORDS
    change "$1" && not_accepted "$2" we_take "$TRUSTED_ROOT" || return 1
    if cosign_takes "$TRUSTED_ROOT"; then echo "cosign accepts it"; return 1; fi
}

other_log() { # a log of the same name and place, with another key
    change none && not_accepted promise we_take "$WORK/other-log.json" || return 1
    if cosign_takes "$WORK/other-log.json"; then echo "cosign accepts it"; return 1; fi
}

# older_refused WHO WHAT KIND WORDS FILTER: a changed annotation behind a tag of the older layout; the tag is put back.
# shellcheck disable=SC2046
older_refused() {
    ref=$(at "$1" older "$2" email)
    case $2 in sign) type=$sign_type verify=verify typed= ;; *) type=cyclonedx verify=verify-attestation typed="--type cyclonedx" ;; esac
    case $1 in ours) second=cosign ;; *) second=ours ;; esac
    other=$(tag_manifest "$(at $second older "$2" email)" "$3" | jq -r '.layers[0].annotations["dev.sigstore.cosign/bundle"]') &&
        tag_manifest "$ref" "$3" >"$WORK/kept.json" && retag "$ref" "$3" "$5" --arg other "$other" || return 1
    not_accepted "$4" we_accept "$ref" email "$type" && ! cosign $verify $(in_log email cosign) $typed "$ref"
    status=$?
    retag "$ref" "$3" '$kept[0]' --slurpfile kept "$WORK/kept.json" && we_accept "$ref" email "$type" && return $status
}

older_refusals() { # WHO WHAT KIND
    check "$1, older layout, $2: the entry of another is refused, by cosign too" older_refused "$1" "$2" "$3" entry \
        '.layers[0].annotations[$bundle] = $other'
    check "$1, older layout, $2: the promise of another entry is refused, by cosign too" older_refused "$1" "$2" "$3" promise \
        '.layers[0].annotations[$bundle] |= (fromjson | .SignedEntryTimestamp = ($other | fromjson | .SignedEntryTimestamp) | tojson)'
    check "$1, older layout, $2: a later time is refused, by cosign too" older_refused "$1" "$2" "$3" promise \
        '.layers[0].annotations[$bundle] |= (fromjson | .Payload.integratedTime += 60 | tojson)'
}

older_other_log() { # WHO WHAT
    case $2 in sign) type=$sign_type ;; *) type=cyclonedx ;; esac
    not_accepted promise "$SUPERCARGO" verify "$(at "$1" older "$2" email)" --trusted-root "$WORK/other-log.json" --identity "$email" \
        --issuer "$OIDC_URL" --type "$type"
}

set_stage 1
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$keys/rsa.key"
openssl genpkey -quiet -algorithm ED25519 -out "$keys/ed25519.key"
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$keys/p384.key"
for name in rsa ed25519; do openssl pkey -in "$keys/$name.key" -pubout -out "$keys/$name.pub"; done
new_key other-log && python3 "$here/trust.py" key "$TRUSTED_ROOT" tlogs "$keys/other-log.pub" "$WORK/other-log.json" || exit 2

for layout in bundle older; do
    for mode in $key_modes $email_modes; do
        # The older layout has no envelope, and such an entry no place for an Ed25519 signature.
        [ "$mode-$layout" = ed25519-older ] || check "$mode, $layout: we sign, cosign and we accept" we_sign $layout "$mode"
        check "$mode, $layout: we attest, cosign and we accept" we_attest_logged $layout "$mode"
    done
    for mode in key email; do
        check "$mode, $layout: cosign signs, cosign and we accept" cosign_signs $layout $mode
        check "$mode, $layout: cosign attests, cosign and we accept" cosign_attests_logged $layout $mode
    done
done
check "the entries are dsse 0.0.1 and hashedrekord 0.0.1" kinds
check "without a timestamp authority: cosign and we accept both layouts" without_timestamps
check "the same signature twice: the log's own entry is taken" twice
check "a P-384 key is refused before the log is asked" p384_refused
for version in 0.0.1 0.0.2; do
    check "an entry of kind intoto $version, as of older cosign: cosign and we accept" older_kind $version
done
check "a log of two trees: cosign and we accept" sharded

sh "$here/sigstore.sh" stop "$stack"
for layout in bundle older; do
    for mode in $key_modes $email_modes; do
        [ "$mode-$layout" = ed25519-older ] ||
            check "$mode, $layout, stack stopped: we accept our signature" we_accept "$(at ours $layout sign "$mode")" "$mode" $sign_type
        check "$mode, $layout, stack stopped: we accept our attestation" we_accept "$(at ours $layout attest "$mode")" "$mode" cyclonedx
    done
    for mode in key email; do
        check "$mode, $layout, stack stopped: we accept cosign's signature" we_accept "$(at cosign $layout sign $mode)" $mode $sign_type
        check "$mode, $layout, stack stopped: we accept cosign's attestation" we_accept "$(at cosign $layout attest $mode)" $mode cyclonedx
    done
done
for who in ours cosign; do
    check "$who: two bundles are taken" two_bundles $who
    check "$who: an unchanged bundle is accepted" accepted
    for change in promise promised-time index; do
        check "$who: a bundle with a changed $change is refused, by cosign too" refused $change promise
    done
    for change in entry checkpoint tree cosignature proof proof-index; do
        check "$who: a bundle with a changed $change is refused, by cosign too" refused $change $change
    done
    check "$who: another key of the log is refused, by cosign too" other_log
    older_refusals $who sign sig
    older_refusals $who attest att
    for what in sign attest; do
        check "$who, older layout, $what: another key of the log is refused" older_other_log $who $what
    done
done
check "a log of two trees: two bundles are taken" two_sharded
check "a log of two trees: an unchanged bundle is accepted, stack stopped" accepted
for change in entry tree proof proof-index; do
    check "a log of two trees: a bundle with a changed $change is refused, by cosign too" refused $change $change
done
check "a log of two trees: a bundle with a changed index is refused, by cosign too" refused index promise
stop_all
finish
