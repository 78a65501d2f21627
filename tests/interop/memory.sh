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

# bounded DIR: the peak resident memory, in kB, of the scan that wrote every format into DIR.
bounded() {
    peak=$(tail -n 1 "$1/$image.peak")
    echo "peak of $image ($(du -sm "$IMAGES/$image" | cut -f 1) MB compressed): $peak kB, limit $limit_kb kB"
    [ "$peak" -gt 0 ] && [ "$peak" -lt $limit_kb ]
}

# traced: two threads, under strace, which sees every file that is opened.
traced() {
    cat >"$out/traced" <<TRACED
#!/bin/sh
export TMPDIR=$out/tmp
exec strace -f -qq -o "$out/trace" -e trace=open,openat,openat2,creat,mkdir,mkdirat,memfd_create,mknod,mknodat "$SUPERCARGO" "\$@"
TRACED
    chmod +x "$out/traced"
    (SUPERCARGO=$out/traced && documents "$image" "$out" --threads 2)
}

# without_files: nothing is created or opened for writing but the documents that were asked for.
without_files() {
    traced || return 1
    grep -q 'O_RDONLY' "$out/trace" || { echo "strace saw nothing"; return 1; }
    grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|creat\(|mkdir|memfd_create|mknod' "$out/trace" |
        grep -v -e "\"$out/$image\.[a-z0-9.]*\"" -e '"/dev/null"' -e '"/dev/tty"' -e '= -1 ' >"$out/written"
    cat "$out/written"
    [ ! -s "$out/written" ]
}

one_threads() { one_thread $image && bounded "$WORK/one"; }
two_threads() { bounded "$out"; }
more_threads() { eight_threads $image && bounded "$WORK/eight"; }

check "no temporary file for $image" without_files
check "$image with 1 thread stays below $((limit_kb / 1000)) MB" one_threads
check "$image with 2 threads stays below $((limit_kb / 1000)) MB" two_threads
check "$image with 8 threads stays below $((limit_kb / 1000)) MB" more_threads
finish
