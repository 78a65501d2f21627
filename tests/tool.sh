#!/bin/sh
# Says where a program of cargo's registry is, and installs it into the cache first when it is missing.
#
# usage: tool.sh NAME VERSION
#
# Without optimisation, which takes half the time. Two that want the same one at once wait for each other.
set -eu
tools=${SUPERCARGO_CACHE:-$HOME/.cache/supercargo}/tools
mkdir -p "$tools"
exec 9>"$tools/lock"
flock 9
if ! [ -x "$tools/bin/$1" ]; then
    echo "installing $1 into the cache" >&2
    cargo install --quiet --locked --debug --root "$tools" --version "$2" --target-dir "$tools/build" "$1" >&2 9>&-
    rm -rf "$tools/build"
fi
echo "$tools/bin/$1"
