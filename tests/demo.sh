#!/bin/sh
# The main job on an embedded default: no server, no account, no root. Builds the release binary, makes a real image
# of that binary as an OCI layout in demo/, then scans, attests, verifies, fetches and tampers. Every step must end as
# it should, or this ends with an error.
set -eu
cd "$(dirname "$0")/.."
sh tests/build.sh
bin=${CARGO_TARGET_DIR:-$PWD/target}/release/supercargo
rm -rf demo && mkdir demo
xtask() { cargo run --locked --quiet -p supercargo-xtask -- "$@"; }
xtask demo-image "$bin" demo/layout
SUPERCARGO_PASSWORD=demo
export SUPERCARGO_PASSWORD

run() { # run ARGUMENTS...: shows the command and runs it in demo/
    printf '\n$ supercargo %s\n' "$*"
    (cd demo && XDG_CACHE_HOME=$PWD/cache "$bin" "$@")
}

refused() { # refused REASON ARGUMENTS...: the command must fail with exit code 3 or 5 and name the reason
    reason=$1
    shift
    status=0
    run "$@" >demo/refused.log 2>&1 || status=$?
    cat demo/refused.log
    case $status in 3 | 5) ;; *) echo "demo: expected a refusal, got exit code $status" >&2; exit 1 ;; esac
    grep -q "$reason" demo/refused.log || { echo "demo: the refusal does not name \`$reason\`" >&2; exit 1; }
    rm demo/refused.log
}

run scan oci:layout:app >demo/table
sed -n '1,12p' demo/table
echo "… $(wc -l <demo/table) lines in all"
run scan oci:layout:app --quiet -o cyclonedx-json=app.cdx.json -o spdx-json=app.spdx.json
run key generate --output-key-prefix demo
run attest oci:layout:app --key demo.key --bundle bundle.json
run attached oci:layout:app
run verify oci:layout:app --key demo.pub --type cyclonedx
run fetch oci:layout:app --key demo.pub --type cyclonedx -o fetched.cdx.json
cmp demo/app.cdx.json demo/fetched.cdx.json
echo "the fetched SBOM is byte for byte the one that scan wrote"

printf '\n# one changed byte in the signature of the bundle\n'
xtask tamper demo/bundle.json signature demo/tampered.json
refused 'signature' verify oci:layout:app --key demo.pub --bundle tampered.json

printf '\n# one changed byte in the SBOM inside the bundle\n'
xtask tamper demo/bundle.json sbom demo/tampered.json
refused 'signature' verify oci:layout:app --key demo.pub --bundle tampered.json

printf '\n# one changed byte in the manifest of the image\n'
manifest=$("$bin" attached oci:demo/layout:app --json | sed -n 's/.*"digest": *"sha256:\([0-9a-f]*\)".*/\1/p' | sed -n 1p)
cp -r demo/layout demo/damaged
printf 'X' | dd of="demo/damaged/blobs/sha256/$manifest" bs=1 seek=20 conv=notrunc status=none
refused 'mismatch' verify oci:damaged:app --key demo.pub
rm -rf demo/damaged demo/tampered.json
