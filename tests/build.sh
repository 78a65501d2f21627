#!/bin/sh
# Builds target/release/supercargo with its dependency list embedded (cargo auditable), so that any scanner,
# this one included, can say what is in it. Beside it stays supercargo-symbols, the same program before its symbols
# were stripped, for profilers and for `make bench-counts`: linking twice would take minutes.
set -eu
cd "$(dirname "$0")/.."
auditable=$(sh tests/tool.sh cargo-auditable 0.7.7)
PATH=${auditable%/*}:$PATH cargo auditable build --release --locked --quiet --bin supercargo \
    --config 'profile.release.package.supercargo.strip="debuginfo"'
cd "${CARGO_TARGET_DIR:-target}/release"
cp -f supercargo supercargo-symbols
strip --strip-all --keep-section=.dep-v0 -o supercargo.stripped supercargo
mv supercargo.stripped supercargo # a new file: the old one is linked to cargo's own
