#!/bin/sh
# Install what the interoperability tests run supercargo against.
#
# usage: peers.sh DIR
#
# REKOR_V1=0 in the environment leaves out Rekor v1 and its Trillian; VAULT_TRANSIT=1 adds the transit engine of Vault,
# GITHUB=1 gh, the real attestations among its test data (DIR/github) and slsa-verifier.
#
#   DIR/bin    Go and Rust programs built from source, at the versions of the tables below
#   DIR/venv   Python libraries that sign, verify and validate
#   DIR/log    what the builds printed
#
# Debian packages are installed by apt-get when their command is missing, which needs root.
# What is there at the wanted version is kept, so a second run takes a second. Needs Go 1.26
# or newer, cargo, Python 3.11 or newer with venv, and the usual package registries.
set -eu

go_programs() {
    cat <<'TABLE'
cosign           github.com/sigstore/cosign/v3                 v3.1.2  cmd/cosign
olareg           github.com/olareg/olareg                      v0.1.2  cmd/olareg
oras             oras.land/oras                                v1.3.3  cmd/oras
crane            github.com/google/go-containerregistry        v0.22.1 cmd/crane
notation         github.com/notaryproject/notation             v1.3.2  cmd/notation
fulcio           github.com/sigstore/fulcio                    v1.8.8  .
rekor-server     github.com/sigstore/rekor-tiles/v2            v2.3.0  cmd/rekor-server/posix
timestamp-server github.com/sigstore/timestamp-authority/v2    v2.1.3  cmd/timestamp-server
TABLE
}

# Small programs of ours (lazy/NAME.go) around a library of others, and whether that is partly in C.
own_programs() {
    cat <<'TABLE'
estargz          github.com/containerd/stargz-snapshotter/estargz v0.16.3 0
ztoc             github.com/awslabs/soci-snapshotter              v0.11.1 1
TABLE
}

gh=v2.83.0

slsa_verifier=v2.7.1

# Built from a copy of its source, since its go.mod has lines that count in a main module only.
apko=chainguard.dev/apko@v0.30.0

# With its Trillian, in one module: what both need is compiled once.
rekor_1=v1.5.3

vault=v1.18.0

cargo_auditable=0.7.7

# rfc3987 is what jsonschema checks the many URLs of an SBOM with; without it another parser takes seven times as long.
python_packages='sigstore==4.5.1 cyclonedx-python-lib[validation]==11.12.0 rfc3987==1.3.8 spdx-tools==0.8.5'

debian_packages() { # command or file, package
    cat <<'TABLE'
curl            curl
db5.3_load      db5.3-util
debootstrap     debootstrap
docker-registry docker-registry
faketime        faketime
jq              jq
mvn             maven
npm             npm
objcopy         binutils
openssl         openssl
ps              procps
rpm             rpm
rpmbuild        rpm
skopeo          skopeo
strace          strace
unshare         util-linux
zstd            zstd
/usr/bin/time   time
pkcs11-tool     opensc
softhsm2-util   softhsm2
/usr/include/zlib.h zlib1g-dev
TABLE
}

[ $# -eq 1 ] || { sed -n '2,16s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/bin" "$1/log"
dir=$(cd "$1" && pwd)
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

fail() {
    echo "peers.sh: $*" >&2
    exit 1
}

# step NAME VERSION FUNCTION ARGUMENT...: one line about one peer, with the seconds it took.
step() {
    name=$1 version=$2
    shift 2
    began=$(date +%s)
    set +e # errexit does not work inside a condition, so the status is taken by hand
    (set -e; "$@") >"$dir/log/$name.log" 2>&1
    status=$?
    set -e
    if [ $status != 0 ]; then
        tail -n 5 "$dir/log/$name.log" >&2
        fail "$name $version could not be built; the whole log is $dir/log/$name.log"
    fi
    echo "$version" >"$dir/log/$name.version"
    echo "$name $version built in $(($(date +%s) - began)) s"
}

# recorded NAME VERSION: did an earlier run of `step` finish with this version?
recorded() {
    [ "$(cat "$dir/log/$1.version" 2>/dev/null)" = "$2" ] && echo "$1 $2 kept"
}

debian() {
    missing=$(debian_packages | while read -r command package; do
        [ -e "$command" ] || command -v "$command" >/dev/null || echo "$package"
    done | sort -u | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || fail "not root, so these Debian packages must be installed by hand: $missing"
    DEBIAN_FRONTEND=noninteractive step debian-packages "$missing" install_debian $missing
}

install_debian() {
    apt-get update -q
    # Flushing every file to the disk takes longer than all else; a broken machine would be made anew anyway.
    apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io "$@"
}

# built_from FILE MODULE VERSION: does the build information of FILE say so?
built_from() {
    [ -x "$1" ] && go version -m "$1" | awk -v m="$2" -v v="$3" \
        '($1 == "mod" || $1 == "dep") && $2 == m && $3 == v { found = 1 } END { exit !found }'
}

# A module of its own for each build: `go install` would also ask for the list of all versions.
build_go() { # NAME MODULE VERSION PACKAGE
    mkdir "$scratch/$1"
    cd "$scratch/$1"
    go mod init "peer/$1"
    go mod edit -require="$2@$3"
    package=$2/$4
    CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags='-s -w' -o "$dir/bin/$1.new" "${package%/.}"
    mv "$dir/bin/$1.new" "$dir/bin/$1"
}

build_own() { # NAME MODULE VERSION CGO
    mkdir "$scratch/$1"
    cp "$here/lazy/$1.go" "$scratch/$1/main.go"
    cd "$scratch/$1"
    go mod init "peer/$1"
    go mod edit -require="$2@$3"
    CGO_ENABLED=$4 go build -mod=mod -trimpath -ldflags='-s -w' -o "$dir/bin/$1" .
}

build_apko() {
    cd "$scratch"
    go mod init peer/apko
    go mod download "$apko"
    cp -r "$(go env GOMODCACHE)/$apko" apko
    chmod -R u+w apko
    cd apko
    CGO_ENABLED=0 go build -mod=mod -buildvcs=false -trimpath -ldflags='-s -w' -o "$dir/bin/apko" .
}

build_rekor_1() {
    mkdir -p "$scratch/rekor-v1/trillian"
    cp "$here/trillian/main.go" "$scratch/rekor-v1/trillian/"
    cd "$scratch/rekor-v1"
    go mod init peer/rekor-v1
    go mod edit -require="github.com/sigstore/rekor@$rekor_1"
    mkdir bin
    CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags='-s -w' -o bin/ github.com/sigstore/rekor/cmd/rekor-server ./trillian
    mv bin/rekor-server "$dir/bin/rekor-server-v1"
    mv bin/trillian "$dir/bin/trillian"
}

# Of Vault the engine alone: the whole server takes many times as long.
build_transit() {
    mkdir -p "$scratch/vault/transit"
    cp "$here/transit/main.go" "$scratch/vault/transit/"
    cd "$scratch/vault"
    go mod init peer/vault
    go mod edit -require="github.com/hashicorp/vault@$vault"
    CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags='-s -w' -o "$dir/bin/vault-transit" ./transit
}

build_gh() {
    build_go gh github.com/cli/cli/v2 "$gh" cmd/gh
    rm -rf "$dir/github"
    cp -r "$(go env GOMODCACHE)/github.com/cli/cli/v2@$gh/pkg/cmd/attestation/test/data" "$dir/github"
    chmod -R u+w "$dir/github"
}

# The front door (tests/build.sh) has it too.
build_auditable() {
    cp "$(sh "$here/../tool.sh" cargo-auditable "$cargo_auditable")" "$dir/bin/"
}

build_python() {
    rm -rf "$dir/venv"
    python3 -m venv "$dir/venv"
    # shellcheck disable=SC2086 # one word per package
    "$dir/venv/bin/pip" install -q $python_packages
}

debian
go_programs >"$scratch/table"
while read -r name module version package; do
    if built_from "$dir/bin/$name" "$module" "$version"; then
        echo "$name $version kept"
    else
        step "$name" "$version" build_go "$name" "$module" "$version" "$package"
    fi
done <"$scratch/table"
own_programs >"$scratch/own"
while read -r name module version cgo; do
    wanted="$version $(sha256sum <"$here/lazy/$name.go" | cut -c 1-16)"
    recorded "$name" "$wanted" || step "$name" "$wanted" build_own "$name" "$module" "$version" "$cgo"
done <"$scratch/own"
recorded apko "$apko" || step apko "$apko" build_apko
if [ "${REKOR_V1:-1}" != 0 ]; then
    version="$rekor_1 $(sha256sum <"$here/trillian/main.go" | cut -c 1-12)"
    recorded rekor-v1 "$version" || step rekor-v1 "$version" build_rekor_1
fi
if [ -n "${VAULT_TRANSIT:-}" ]; then
    version="$vault $(sha256sum <"$here/transit/main.go" | cut -c 1-12)"
    recorded vault-transit "$version" || step vault-transit "$version" build_transit
fi
if [ -n "${GITHUB:-}" ]; then
    recorded gh "$gh" || step gh "$gh" build_gh
    recorded slsa-verifier "$slsa_verifier" || step slsa-verifier "$slsa_verifier" \
        build_go slsa-verifier github.com/slsa-framework/slsa-verifier/v2 "$slsa_verifier" cli/slsa-verifier
fi
recorded cargo-auditable "$cargo_auditable" || step cargo-auditable "$cargo_auditable" build_auditable
recorded python "$python_packages" || step python "$python_packages" build_python
