#!/bin/sh
# Builds target/release/supercargo with its dependency list embedded (cargo auditable), so that any scanner,
# this one included, can say what is in it.
set -eu
cd "$(dirname "$0")/.."
tools=${SUPERCARGO_CACHE:-$HOME/.cache/supercargo}/tools
if ! [ -x "$tools/bin/cargo-auditable" ]; then
    echo "installing cargo-auditable into the cache" >&2
    cargo install --quiet --locked --debug --root "$tools" --version 0.7.7 --target-dir "$tools/build" cargo-auditable
    rm -rf "$tools/build"
fi
PATH=$tools/bin:$PATH cargo auditable build --release --locked --quiet --bin supercargo
