#!/bin/sh
# Makes the binary fixtures of this folder anew: the smallest programs that carry what Go and cargo auditable embed,
# and a jar in a war. Needs gcc, binutils, go and python3. README.md lists what they are and their SHA-256.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf 'void _start(void) { for (;;) {} }\n' >"$work/tiny.c"
gcc -Os -nostdlib -static -fno-asynchronous-unwind-tables -Wl,--build-id=none,-z,noseparate-code -s -o "$work/tiny" "$work/tiny.c"

mkdir "$work/hello"
cat >"$work/hello/main.go" <<'GO'
package main

func main() { println("hello") }
GO
(cd "$work/hello" && go mod init example.com/hello 2>/dev/null &&
    CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOFLAGS=-trimpath go build -o hello . &&
    objcopy --dump-section .go.buildinfo="$work/buildinfo" hello "$work/copy")
objcopy --add-section .go.buildinfo="$work/buildinfo" "$work/tiny" go.elf

python3 - "$work/dep" <<'PY'
import json, sys, zlib
packages = [
    {"name": "leaf", "version": "1.2.3", "source": "crates.io"},
    {"name": "maker", "version": "0.1.0", "source": "crates.io", "kind": "build"},
    {"name": "root", "version": "0.3.0", "source": "local", "dependencies": [0, 1], "root": True},
]
open(sys.argv[1], "wb").write(zlib.compress(json.dumps({"packages": packages}).encode()))
PY
objcopy --add-section .dep-v0="$work/dep" "$work/tiny" cargo.elf

python3 - <<'PY'
import io, zipfile
def pack(entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
    return out.getvalue()
pom = "groupId=org.example\nartifactId=inner\nversion=1.4\n"
inner = pack([("META-INF/maven/org.example/inner/pom.properties", pom)])
manifest = "Manifest-Version: 1.0\r\nImplementation-Title: shop\r\nImplementation-Version: 2.0\r\n\r\n"
open("shop-2.0.war", "wb").write(pack([("META-INF/MANIFEST.MF", manifest), ("WEB-INF/lib/inner-1.4.jar", inner)]))
PY
sha256sum go.elf cargo.elf shop-2.0.war
