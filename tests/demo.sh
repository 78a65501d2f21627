#!/bin/sh
# The main job on an embedded default: no server, no account, no root. Builds the release binary, makes a real image
# of that binary as an OCI layout in demo/, then scans, attests, verifies, fetches and tampers.
set -eu
cd "$(dirname "$0")/.."
sh tests/build.sh
supercargo=${CARGO_TARGET_DIR:-$PWD/target}/release/supercargo
rm -rf demo && mkdir demo
cargo run --locked --quiet -p supercargo-xtask -- demo-image "$supercargo" demo/layout
cd demo
SUPERCARGO_PASSWORD=demo; export SUPERCARGO_PASSWORD

run() {
    printf '\n$ supercargo %s\n' "$*"
    "$supercargo" "$@"
}

refused() { # refused REASON ARGUMENTS...: the command must fail with exit code 3 or 5 and name the reason
    reason=$1
    shift
    printf '\n$ supercargo %s\n' "$*"
    status=0
    "$supercargo" "$@" >refused.log 2>&1 || status=$?
    cat refused.log
    case $status in 3 | 5) ;; *) echo "demo: expected a refusal, got exit code $status" >&2; exit 1 ;; esac
    grep -q "$reason" refused.log || { echo "demo: the refusal does not name \`$reason\`" >&2; exit 1; }
    rm refused.log
}

flip() { # flip FILE OFFSET: changes one byte
    printf 'X' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

run scan oci:layout:app | sed -n '1,12p'
run scan oci:layout:app --quiet -o cyclonedx-json=app.cdx.json -o spdx-json=app.spdx.json
run key generate --output-key-prefix demo
run attest oci:layout:app --key demo.key --bundle bundle.json
run attached oci:layout:app
run verify oci:layout:app --key demo.pub --type cyclonedx
run fetch oci:layout:app --key demo.pub --type cyclonedx -o fetched.cdx.json
cmp app.cdx.json fetched.cdx.json && echo "the fetched SBOM is byte for byte the one that scan wrote"

printf '\n# one changed byte in the signature of the bundle\n'
sed 's/"sig":"\(....\)./"sig":"\1A/; t; s/"sig": "\(....\)./"sig": "\1A/' bundle.json >tampered.json
cmp -s bundle.json tampered.json && sed 's/"sig":"\(....\)./"sig":"\1B/' bundle.json >tampered.json
refused signature verify oci:layout:app --key demo.pub --bundle tampered.json

printf '\n# one changed byte in the SBOM inside the bundle\n'
python3 - <<'PY' 2>/dev/null || awk '{ sub(/"payload":"..../, "&"); print }' bundle.json >tampered.json
PY
cargo run --locked --quiet --manifest-path ../Cargo.toml -p supercargo-xtask -- tamper-payload bundle.json tampered.json
refused signature verify oci:layout:app --key demo.pub --bundle tampered.json

printf '\n# one changed byte in the manifest of the image\n'
manifest=$("$supercargo" attached oci:layout:app --json | sed -n 's/.*"digest": *"sha256:\([0-9a-f]*\)".*/\1/p' | sed -n 1p)
cp -r layout damaged
chmod u+w "damaged/blobs/sha256/$manifest"
flip "damaged/blobs/sha256/$manifest" 20
refused 'digest mismatch' verify oci:damaged:app --key demo.pub
rm -rf damaged
