#!/bin/sh
# The largest image is scanned within 200 MB of memory and without a temporary file.
#
# usage: memory.sh, with the environment that lib.sh describes
part=memory
. "$(dirname "$0")/lib.sh"
need_supercargo
limit_kb=200000
image=everything
out=$WORK/memory
mkdir -p "$out/tmp"

# bounded THREADS: the peak resident memory, in kB, of a scan that writes every format.
bounded() {
    threads=$1
    documents_under /usr/bin/time -f '%M' -o "$out/peak" || return 1
    peak=$(tail -n 1 "$out/peak")
    echo "peak of $image with $threads threads ($(du -sm "$IMAGES/$image" | cut -f 1) MB compressed): $peak kB, limit $limit_kb kB"
    [ "$peak" -gt 0 ] && [ "$peak" -lt $limit_kb ]
}

# without_files: nothing is created or opened for writing but the documents that were asked for.
without_files() {
    documents_under strace -f -qq -o "$out/trace" -e trace=open,openat,openat2,creat,mkdir,mkdirat,memfd_create,mknod,mknodat || return 1
    grep -q 'O_RDONLY' "$out/trace" || { echo "strace saw nothing"; return 1; }
    grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|creat\(|mkdir|memfd_create|mknod' "$out/trace" |
        grep -v -e "\"$out/$image\.[a-z0-9.]*\"" -e '"/dev/null"' -e '"/dev/tty"' -e '= -1 ' >"$out/written"
    cat "$out/written"
    [ ! -s "$out/written" ]
}

# documents_under COMMAND...: a scan under that command.
documents_under() {
    under=$* real=$SUPERCARGO
    cat >"$out/wrapped" <<WRAPPED
#!/bin/sh
export TMPDIR=$out/tmp
exec $under "$real" --threads $threads "\$@"
WRAPPED
    chmod +x "$out/wrapped"
    (SUPERCARGO=$out/wrapped && documents "$image" "$out")
}

for threads in 1 2 8; do
    check "$image with $threads threads stays below $((limit_kb / 1000)) MB" bounded $threads
done
check "no temporary file for $image" without_files
finish
