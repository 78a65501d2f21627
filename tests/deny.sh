#!/bin/sh
# Checks licences, bans and sources with cargo-deny, which is installed into the cache when it is missing.
set -eu
cd "$(dirname "$0")/.."
tools=${SUPERCARGO_CACHE:-$HOME/.cache/supercargo}/tools
if ! [ -x "$tools/bin/cargo-deny" ]; then
    echo "installing cargo-deny into the cache" >&2
    cargo install --quiet --locked --debug --root "$tools" --version 0.20.2 --target-dir "$tools/build" cargo-deny
    rm -rf "$tools/build"
fi
# The graph names crates of other platforms too, which building here did not download.
cargo fetch --locked --quiet
"$tools/bin/cargo-deny" --log-level error --offline check licenses bans sources
