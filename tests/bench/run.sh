#!/bin/sh
# Measure supercargo beside its floor and its peers over the large images. `make bench` calls it.
#
# usage: run.sh, with these in the environment
#
#   IMAGES        names out of the seven (default: all)
#   PAIRS         rounds for each image (default 1); odd ones go backwards
#   PEERS         a folder with syft, trivy and olareg, before PATH
#   BENCH_IMAGES  a folder of finished images; without it they are built into SUPERCARGO_CACHE/bench, which needs root
#   BENCH_OUT     rows, tables and logs (default target/bench); rows that are there for the same program and image are kept,
#                 so a run that was stopped goes on. Remove it to measure anew
#   LAZY          which of them are also packed with tables of contents (default: debian-slim, many-layers and
#                 node-app; needs Go and its module proxy; `none` for none)
#   ONLY          `tools` or `scenarios`, for one of the two tables
set -eu
cd "$(dirname "$0")/../.."
root=$PWD

lazy() { # those of LAZY that are there and wanted, in their other form
    command -v go >/dev/null || { echo "run.sh: no go, so no image with tables of contents" >&2; return 0; }
    set --
    for name in ${LAZY:-debian-slim many-layers node-app}; do
        case " ${IMAGES:-$name} " in *" $name "*) [ ! -d "$images/$name.oci" ] || set -- "$@" "$name" ;; esac
    done
    [ $# = 0 ] || sh testdata/images/bench/lazy.sh "$images" "$@"
}

target=${CARGO_TARGET_DIR:-$root/target}
out=${BENCH_OUT:-$target/bench}
images=${BENCH_IMAGES:-}
if [ -z "$images" ]; then
    images=${SUPERCARGO_CACHE:-$HOME/.cache/supercargo}/bench
    # shellcheck disable=SC2086 # one word per image
    sh testdata/images/bench/build.sh "$images" ${IMAGES:-}
fi
[ "${ONLY:-}" = tools ] || lazy

sh tests/build.sh
set -- --images "$images" --out "$out" --ours "$target/release/supercargo" --java-db "$out/java-db" \
    --pairs "${PAIRS:-1}" --only "${IMAGES:-}"
if grep -q '^fast-decoder = ' Cargo.toml; then
    CARGO_TARGET_DIR=$target/fast cargo build --release --locked --quiet --bin supercargo --features fast-decoder
    set -- "$@" --fast "$target/fast/release/supercargo"
fi
[ -z "${PEERS:-}" ] || set -- "$@" --peers "$PEERS"
case ${ONLY:-} in
tools) set -- "$@" --tools-only ;;
scenarios) set -- "$@" --scenarios-only ;;
esac

cargo build --release --locked --quiet -p supercargo-bench --bins
python3 testdata/images/bench/java-db.py "$out/java-db"
exec "$target/release/bench" run "$@"
