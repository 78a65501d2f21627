#!/bin/sh
# GitHub's attestations: what gh and slsa-verifier accept of ours, and real ones of GitHub and npm that we verify.
#
# usage: github.sh, with the environment that lib.sh describes; peers.sh builds both programs when GITHUB=1
part=github
. "$(dirname "$0")/stage.sh"
actions=https://token.actions.githubusercontent.com
cyclonedx=https://cyclonedx.org/bom

# gh takes one trusted root a line, each line ended.
roots() {
    jq -c . "$TRUSTED_ROOT" >"$WORK/roots.jsonl"
}

# gh_verifies WHAT OPTION...: an image of a registry, or a file; as somebody who never logged in.
gh_verifies() {
    what=$1
    shift
    GH_CONFIG_DIR=$WORK/gh GH_NO_UPDATE_NOTIFIER=1 GH_TOKEN=none gh attestation verify "$what" \
        --custom-trusted-root "$WORK/roots.jsonl" --cert-oidc-issuer "$CI_ISSUER" --predicate-type "$cyclonedx" "$@"
}

# ours REGISTRY: a workflow's attestation, found by gh in the registry and given as a file, of the image and of its
# manifest.
ours() {
    ref=$1/gh:1
    push $subject "$ref" && we_attest "$ref" workflow --bundle "$WORK/ours.json" && roots || return 1
    crane manifest "$ref" >"$WORK/ours.manifest"
    for who in "--repo org/app" "--owner org" "--owner org --cert-identity $workflow" \
        "--repo org/app --signer-workflow org/app/.github/workflows/release.yml --deny-self-hosted-runners"; do
        # shellcheck disable=SC2086 # the options are words
        gh_verifies "oci://$ref" --bundle-from-oci $who && gh_verifies "$WORK/ours.manifest" --bundle "$WORK/ours.json" $who || return 1
    done
    not_accepted gh gh_verifies "oci://$ref" --bundle-from-oci --repo org/other &&
        not_accepted gh gh_verifies "oci://$ref" --bundle-from-oci --owner org --cert-identity "$email"
}

# pushed_by_actions REGISTRY: a bundle hung on the image as actions/attest does it, by oras and not by us.
pushed_by_actions() {
    ref=$1/actions:1
    push $subject "$ref" && we_attest "$ref" workflow --no-attach --bundle "$WORK/actions.json" && oras_lists "$ref" 0 &&
        (cd "$WORK" && oras attach --plain-http --artifact-type "$bundle_type" --annotation dev.sigstore.bundle.content=dsse-envelope \
            --annotation "dev.sigstore.bundle.predicateType=$cyclonedx" "$ref" "actions.json:$bundle_type") &&
        we_verify "$ref" workflow --type cyclonedx && not_accepted identity we_verify "$ref" email && roots &&
        gh_verifies "oci://$ref" --bundle-from-oci --repo org/app
}

other_signers() { # gh wants GitHub's certificates
    push $subject "$REG_REFERRERS/gh-email:1" && we_attest "$REG_REFERRERS/gh-email:1" email &&
        not_accepted gh-certificate gh_verifies "oci://$REG_REFERRERS/gh-email:1" --bundle-from-oci --owner org &&
        push $subject "$REG_REFERRERS/gh-key:1" && we_attest "$REG_REFERRERS/gh-key:1" key &&
        not_accepted gh-key gh_verifies "oci://$REG_REFERRERS/gh-key:1" --bundle-from-oci --owner org
}

# real NAME BUNDLE FILE IDENTITY ISSUER OPTION...: a bundle of GitHub's or npm's own, with the roots of the binary; another
# file and another issuer are refused.
real() {
    bundle=$PEERS/github/$1 file=$PEERS/github/$2 identity=$3 issuer=$4
    shift 4
    of_real "$file" "$issuer" "$@" && not_accepted issuer of_real "$file" https://other.example "$@" &&
        not_accepted subject of_real "$PEERS/github/custom-issuer.sigstore.json" "$issuer" "$@"
}

of_real() { # FILE ISSUER OPTION...
    artifact=$1 by=$2
    shift 2
    "$SUPERCARGO" verify --artifact "$artifact" --bundle "$bundle" --identity "$identity" --issuer "$by" \
        --type https://slsa.dev/provenance/v1 "$@"
}

# real_github: its own instance has roots of its own, which the binary knows by name.
real_github() {
    "$SUPERCARGO" trust export --offline --instance github -o "$WORK/github-root.json" &&
        real github_provenance_demo-0.0.12-py3-none-any-bundle.jsonl github_provenance_demo-0.0.12-py3-none-any.whl \
            https://github.com/actions/attest-demo/.github/workflows/build-python.yml@refs/heads/main $actions \
            --trusted-root "$WORK/github-root.json" --logs-min 0 --timestamps-min 1 --no-certificate-log
}

# summary: a verification summary that we sign, in the eyes of slsa-verifier.
summary() {
    ref=$REG_TAGS/summary:1
    push $subject "$ref" && digest=$(crane digest "$ref") || return 1
    cat >"$WORK/vsa.json" <<JSON
{"verifier": {"id": "https://verifier.example/ci"}, "timeVerified": "2026-01-01T00:00:00Z", "resourceUri": "oci://$ref",
 "policy": {"uri": "https://policy.example/1"}, "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_2"],
 "slsaVersion": "1.0"}
JSON
    we_attest "$ref" p256 --type vsa --predicate "$WORK/vsa.json" --bundle "$WORK/vsa.bundle" &&
        jq .dsseEnvelope "$WORK/vsa.bundle" >"$WORK/vsa.envelope" && judged p256 2 &&
        not_accepted slsa-level judged p256 3 && new_key other && not_accepted slsa-key judged other 2
}

judged() { # KEY LEVEL
    slsa-verifier verify-vsa --subject-digest "$digest" --attestation-path "$WORK/vsa.envelope" --verifier-id https://verifier.example/ci \
        --resource-uri "oci://$ref" --verified-level "SLSA_BUILD_LEVEL_$2" --public-key-path "$keys/$1.pub"
}

in_every_registry() { # WHAT COMMAND
    check "$1: docker-registry" "$2" "$REG_DISTRIBUTION"
    check "$1: olareg without the referrers API" "$2" "$REG_TAGS"
    check "$1: olareg with it" "$2" "$REG_REFERRERS"
}

set_stage 2
in_every_registry 'gh accepts ours' ours
in_every_registry 'a bundle that oras hangs on as actions/attest does' pushed_by_actions
check 'gh refuses keys and identities that are not of GitHub' other_signers
check 'slsa-verifier accepts a verification summary of ours' summary
check "real: GitHub's own instance, without any log" real_github
check 'real: actions/attest from a reusable workflow, public instance' real reusable-workflow-attestation.sigstore.json \
    reusable-workflow-artifact https://github.com/github/artifact-attestations-workflows/.github/workflows/attest.yml@09b495c3f12c7881b3cc17209a327792065c1a1d $actions
check "real: actions/attest with the issuer of one enterprise" real custom-issuer.sigstore.json custom-issuer-artifact \
    https://github.com/too-legit/attest/.github/workflows/integration.yml@refs/heads/main $actions/hammer-time
for version in '' -v0.1; do
    check "real: npm's provenance${version:+, bundle $version}" real "sigstore-js-2.1.0-bundle$version.json" sigstore-js-2.1.0.tgz \
        https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main $actions
done
finish
