#!/bin/sh
# run.sh [SECONDS [TARGET...]]: fuzzes each target for so many seconds (default 60), from seeds that GNU tar writes.
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
[ $# -gt 0 ] && shift
tools=${SUPERCARGO_CACHE:-$HOME/.cache/supercargo}/tools
PATH=$tools/bin:$PATH
command -v cargo-fuzz >/dev/null || {
    echo "installing cargo-fuzz into the cache" >&2
    cargo install --quiet --locked --root "$tools" --version 0.13.2 --target-dir "$tools/build" cargo-fuzz
    rm -rf "$tools/build"
}
export RUSTC_BOOTSTRAP=1

seeds() {
    from=$(mktemp -d)
    mkdir -p "$from/a" corpus/tar corpus/layer corpus/toc corpus/whiteout_stack
    echo body >"$from/a/x"; ln -s x "$from/a/link"; ln "$from/a/x" "$from/a/hard"
    : >"$from/a/.wh.gone"; : >"$from/a/.wh..wh..opq"
    truncate -s 64k "$from/sparse"; echo end >>"$from/sparse"
    for version in 0.0 0.1 1.0; do
        tar --format=pax --sparse-version=$version -cSf corpus/tar/pax-$version.tar -C "$from" a sparse
    done
    tar --format=gnu -cSf corpus/tar/gnu.tar -C "$from" a sparse
    tar --format=ustar -cf corpus/tar/ustar.tar -C "$from" a
    for tar in corpus/tar/*.tar; do gzip -nc "$tar" >"corpus/layer/$(basename "$tar").gz"; done
    printf '0a/x\tb\n2lib\tusr/lib\n0lib/x\tq\n1h\ta/x|0a/.wh.x\n0lib/.wh..wh..opq\n0a\tq' >corpus/whiteout_stack/both
    printf '{"version":1,"entries":[{"type":"reg","name":"a","size":1,"digest":"sha256:%064d"}]}' 0 >corpus/toc/one
    mkdir -p corpus/registry_header corpus/credential_file corpus/key_file
    printf 'Bearer realm="https://a.example/t",service="a \\"b\\"", Basic realm=x' >corpus/registry_header/challenge
    printf '</v2/a?p=1>; rel="prev", <?p=2>; rel="last next"' >corpus/registry_header/link
    printf '{"auths":{"https://r.example/v1/":{"auth":"dTpw"},"a/b":{"identitytoken":"t"}},"credHelpers":{"h":"x"}}' \
        >corpus/credential_file/both
    for curve in prime256v1 secp384r1; do
        openssl ecparam -name $curve -genkey -out "corpus/key_file/$curve.sec1"
        openssl pkcs8 -topk8 -nocrypt -in "corpus/key_file/$curve.sec1" -out "corpus/key_file/$curve.pkcs8"
    done
    openssl genrsa -traditional -out corpus/key_file/rsa 2048 2>/dev/null
    printf 'pkcs11:token=t;id=%%01?module-path=/m' >corpus/key_file/pkcs11
    printf 'e30.eyJleHAiOjk5LCJpc3MiOiJpIiwic3ViIjoicyJ9.x' >corpus/key_file/token
    rm -r "$from"
}

seeds
[ $# -gt 0 ] || set -- $(cargo fuzz list)
for target in "$@"; do
    echo "== $target"
    cargo fuzz run "$target" -- -max_total_time="$seconds" -max_len=65536 -verbosity=0 -print_final_stats=1
done
