#!/bin/sh
# Attestations go both ways between supercargo, cosign and sigstore-python, through three registries, and what is
# false about them is refused.
#
# usage: attestations.sh, with the environment that lib.sh describes
part=attestations
. "$(dirname "$0")/stage.sh"

# python_attests REF: with the e-mail identity; sigstore-python signs, oras attaches.
python_attests() {
    digest=$(crane digest "$1")
    "$PYTHON" "$here/attest.py" "$TRUST_CONFIG" "$(token)" "${digest#sha256:}" \
        https://cyclonedx.org/bom "$WORK/predicate.json" "$WORK/python.json" || return 1
    (cd "$WORK" && oras attach --plain-http --artifact-type "$bundle_type" \
        -a dev.sigstore.bundle.content=dsse-envelope \
        -a dev.sigstore.bundle.predicateType=https://cyclonedx.org/bom "$1" "python.json:$bundle_type")
}

# python_accepts REF IDENTITY ISSUER: the bundle that hangs on the image.
python_accepts() {
    bundle_of "$1" "$WORK/ours.json" && "$PEERS/venv/bin/sigstore" --trust-config "$TRUST_CONFIG" verify identity --offline \
        --bundle "$WORK/ours.json" --cert-identity "$2" --cert-oidc-issuer "$3" "$(crane digest "$1")"
}

python_refuses() { # REF IDENTITY ISSUER
    ! python_accepts "$@" && grep -q "do not match" "$log"
}

copies() { # REF
    rm -rf "$WORK/copied"
    skopeo copy --quiet --preserve-digests --src-tls-verify=false "docker://$1" "oci:$WORK/copied:1" &&
        [ "$(jq -r '.manifests[0].digest' "$WORK/copied/index.json")" = "$(crane digest "$1")" ]
}

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
    check "$1: cosign and oras read a bundle that stands in its manifest" inline "$2/inline:1" "$2/inline-copy:1"
}

# inline REF COPY: a small attestation is in its manifest and beside it.
inline() {
    push $subject "$1" && we_attest "$1" p256 --predicate "$WORK/predicate.json" && bundle_manifest "$1" >"$WORK/carrier" &&
        jq -r '.layers[0].data' "$WORK/carrier" | base64 -d >"$WORK/inline" && bundle_of "$1" "$WORK/fetched" &&
        cmp "$WORK/inline" "$WORK/fetched" && cosign_verifies "$1" p256 &&
        oras cp -r --from-plain-http --to-plain-http "$1" "$2" && cosign_verifies "$2" p256 && we_verify "$2" p256
}

stopped() { # NAME REGISTRY
    for mode in key email workflow; do
        check "$1, $mode: we accept ours, stack stopped" we_verify "$2/ours-$mode:1" $mode --type cyclonedx
        check "$1, $mode: we accept cosign's, stack stopped" we_verify "$2/cosign-$mode:1" $mode --type cyclonedx
    done
    check "$1: we accept sigstore-python's, stack stopped" we_verify "$2/python:1" email --type cyclonedx
}

# ---- what is refused, without a running stack ----

refusals() { # NAME REF-PREFIX
    for by in ours cosign; do
        ref=$2/$by-email:1
        check "$1, $by: another identity is refused" \
            not_accepted identity keyless "$ref" "$TRUSTED_ROOT" other@example.test "$OIDC_URL"
        check "$1, $by: another issuer is refused" \
            not_accepted issuer keyless "$ref" "$TRUSTED_ROOT" "$email" "$OIDC_URL/other"
        check "$1, $by: another workflow is refused" \
            not_accepted identity keyless "$2/$by-workflow:1" "$TRUSTED_ROOT" "${workflow%main}other" "$CI_ISSUER"
        for thing in ct-key log-key authority timestamps root; do
            check "$1, $by: a trusted root with other $thing is refused" \
                not_accepted $thing keyless "$ref" "$WORK/other-$thing.json" "$email" "$OIDC_URL"
        done
        check "$1, $by: another type is refused" not_accepted type we_verify "$ref" email --type spdx
        check "$1, $by: another key is refused" \
            not_accepted key "$SUPERCARGO" verify "$2/$by-key:1" --key "$keys/p256.pub"
    done
}

keyless() { # REF TRUSTED_ROOT IDENTITY ISSUER
    "$SUPERCARGO" verify "$1" --trusted-root "$2" --identity "$3" --issuer "$4"
}

# other_roots: trusted roots in which one thing is another's; in the last one everything is.
other_roots() {
    openssl genpkey -quiet -algorithm ED25519 | openssl pkey -pubout -out "$keys/other-log.pub"
    python3 "$here/trust.py" key "$TRUSTED_ROOT" ctlogs "$keys/p256.pub" "$WORK/other-ct-key.json" &&
        python3 "$here/trust.py" key "$TRUSTED_ROOT" tlogs "$keys/other-log.pub" "$WORK/other-log-key.json" &&
        python3 "$here/trust.py" chain "$TRUSTED_ROOT" certificateAuthorities timestampAuthorities "$WORK/other-authority.json" &&
        python3 "$here/trust.py" chain "$TRUSTED_ROOT" timestampAuthorities certificateAuthorities "$WORK/other-timestamps.json" &&
        sh "$here/sigstore.sh" keys "$WORK/other-stack" && cp "$WORK/other-stack/trusted_root.json" "$WORK/other-root.json"
}

# roots_on_lines REF: two trusted roots, one a line, as `gh attestation trusted-root` prints them; the second fits.
roots_on_lines() {
    jq -c . "$WORK/other-root.json" "$TRUSTED_ROOT" >"$WORK/roots.jsonl" && [ "$(wc -l <"$WORK/roots.jsonl")" = 2 ] &&
        keyless "$1" "$WORK/roots.jsonl" "$email" "$OIDC_URL" &&
        head -n 1 "$WORK/roots.jsonl" >"$WORK/root.jsonl" && not_accepted root keyless "$1" "$WORK/root.jsonl" "$email" "$OIDC_URL"
}

# tampered NAME PREFIX: bundles in which one thing is changed; by us and by cosign, and refused by both.
tampered() {
    for by in ours cosign; do
        check "$1, $by: two bundles are taken" two_bundles "$2" $by
        check "$1, $by: an unchanged bundle is accepted" accepted_by_both "$2/$by-email:1"
        for change in timestamp foreign-time entry certificate checkpoint tree cosignature proof index payload; do
            check "$1, $by: a bundle with a changed $change is refused, by cosign too" \
                refused_by_both $change "$2/$by-email:1"
        done
        check "$1, $by: an expired certificate is refused, by cosign too" refused_by_both expired "$2/$by-email:1"
    done
}

two_bundles() { # PREFIX BY
    bundle_of "$1/$2-email:1" "$WORK/first.json" && bundle_of "$1/python:1" "$WORK/second.json"
}

accepted_by_both() { # REF
    change none && we_verify "$1" email --bundle "$WORK/changed.json" && cosign_takes "$1"
}

refused_by_both() { # CHANGE REF
    change "$1" || return 1
    not_accepted "$1" we_verify "$2" email --bundle "$WORK/changed.json" || return 1
    if cosign_takes "$2"; then echo "cosign accepts it"; return 1; fi
}

change() { # CHANGE
    case $1 in
    expired) late_timestamp ;;
    *) python3 "$here/tamper.py" "$1" "$WORK/first.json" "$WORK/second.json" "$WORK/changed.json" ;;
    esac
}

# shellcheck disable=SC2046
cosign_takes() { # REF
    cosign verify-blob-attestation $(trust email cosign) --type cyclonedx --bundle "$WORK/changed.json" \
        --digest "$(crane digest "$1" | cut -d : -f 2)" --digestAlg sha256
}

# late_timestamp: the bundle with a timestamp of the real authority, an hour after the certificate has ended.
late_timestamp() {
    cat >"$WORK/tsa.conf" <<'CONF'
[tsa]
serial = ${ENV::WORK}/tsa.serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.57264.2
digests = sha256
ess_cert_id_alg = sha256
CONF
    echo 01 >"$WORK/tsa.serial"
    jq -r '.dsseEnvelope.signatures[0].sig' "$WORK/first.json" | base64 -d >"$WORK/signature" &&
        openssl ts -query -data "$WORK/signature" -sha256 -cert -out "$WORK/tsa.query" &&
        faketime -f +1h openssl ts -reply -config "$WORK/tsa.conf" -section tsa -queryfile "$WORK/tsa.query" \
            -signer "$stack/keys/tsa.pem" -inkey "$stack/keys/tsa.key" -chain "$stack/keys/tsa-root.pem" -out "$WORK/tsa.reply" &&
        jq -c --arg time "$(base64 -w 0 "$WORK/tsa.reply")" \
            '.verificationMaterial.timestampVerificationData.rfc3161Timestamps = [{signedTimestamp: $time}]' \
            "$WORK/first.json" >"$WORK/changed.json"
}

# quick REF: forty copies more of its bundle in a layout; each takes at most 15 ms of one core, without a network.
quick() {
    bundle_of "$1" "$WORK/first.json" && oras cp -r --from-plain-http --to-oci-layout "$1" "$WORK/few:1" &&
        cp -a "$WORK/few" "$WORK/many" || return 1
    for n in $(seq 40); do
        (cd "$WORK" && oras attach --oci-layout --artifact-type "$bundle_type" -a "copy=$n" many:1 "first.json:$bundle_type") >/dev/null ||
            return 1
    done
    [ "$(we_verify "oci:$WORK/many:1" email --offline | grep -c '^ok')" = 41 ] || return 1
    few=$(milliseconds few) many=$(milliseconds many)
    each=$(((many - few) * 1000 / 40))
    echo "$few ms with one bundle, $many ms with 41 of $(wc -c <"$WORK/first.json") bytes: $each µs each"
    [ $each -gt 0 ] && [ $each -lt 15000 ]
}

milliseconds() { # LAYOUT: of the processor, the least of three runs
    for _ in 1 2 3; do
        # shellcheck disable=SC2046 # the options are words
        /usr/bin/time -f %U+%S -o "$WORK/took" "$SUPERCARGO" verify "oci:$WORK/$1:1" $(trust email supercargo) --offline >/dev/null
        awk -F + '{ print int(($1 + $2) * 1000) }' "$WORK/took"
    done | sort -n | head -n 1
}

generated_key() { # REF
    "$SUPERCARGO" key generate --output-key-prefix "$keys/ours" && cosign_attests "$1" ours && cosign_verifies "$1" ours &&
        we_verify "$1" ours --type cyclonedx
}

wrong_password() { # REF
    (export SUPERCARGO_PASSWORD=wrong COSIGN_PASSWORD=wrong && not_accepted password we_attest "$1" key)
}

set_stage
other_roots || exit 2
matrix "olareg with referrers" "$REG_REFERRERS"
matrix "olareg without referrers" "$REG_TAGS"
matrix "docker-registry" "$REG_DISTRIBUTION"

sh "$here/sigstore.sh" stop "$stack"
check "email: sigstore-python accepts ours" python_accepts "$REG_TAGS/ours-email:1" $email "$OIDC_URL"
check "workflow: sigstore-python accepts ours" python_accepts "$REG_TAGS/ours-workflow:1" $workflow "$CI_ISSUER"
check "sigstore-python refuses ours of another identity" python_refuses "$REG_TAGS/ours-email:1" other@example.test "$OIDC_URL"
stopped "olareg with referrers" "$REG_REFERRERS"
stopped "olareg without referrers" "$REG_TAGS"
stopped "docker-registry" "$REG_DISTRIBUTION"
refusals "docker-registry" "$REG_DISTRIBUTION"
check "trusted roots as JSON Lines: any of them is trusted" roots_on_lines "$REG_TAGS/ours-email:1"
tampered "olareg without referrers" "$REG_TAGS"
check "a bundle takes at most 15 ms of one core, offline from a layout" quick "$REG_TAGS/ours-email:1"
check "a wrong password is refused" wrong_password "$REG_TAGS/ours-key:1"
check "cosign uses a key that we made" generated_key "$REG_REFERRERS/python:1"
stop_all
finish
