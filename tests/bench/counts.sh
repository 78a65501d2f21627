#!/bin/sh
# Count the instructions that the release binary spends on three fixed inputs, with callgrind, and compare them with
# counts.tsv.
#
# usage: counts.sh [--write]
#
# One of them more than 3 % above its record fails. `--write` makes the record anew. valgrind is installed by
# apt-get when it is missing, which needs root.
set -eu
cd "$(dirname "$0")/../.."
if ! command -v valgrind >/dev/null; then
    [ "$(id -u)" = 0 ] || { echo "counts.sh: not root, so valgrind must be installed by hand" >&2; exit 2; }
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends valgrind >/dev/null
fi
sh tests/build.sh
# Not optimised: it only makes the inputs and reads what callgrind wrote.
exec cargo run --locked --quiet -p supercargo-bench --bin bench -- counts tests/bench/counts.tsv \
    --ours "${CARGO_TARGET_DIR:-$PWD/target}/release/supercargo-symbols" "$@"
