#!/bin/sh
# Checks licences, bans and sources with cargo-deny, which is installed into the cache when it is missing.
set -eu
cd "$(dirname "$0")/.."
deny=$(sh tests/tool.sh cargo-deny 0.20.2)
# The graph names crates of other platforms too, which building here did not download.
cargo fetch --locked --quiet
"$deny" --log-level error --offline check licenses bans sources
