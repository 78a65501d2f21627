# An Alpine-like root: format 2 packages written by make_apk.py, resolved and installed by apko, which
# writes the database to usr/lib/apk/db. The truth is what apko says it installs.
for n in $(seq 60); do
    set -- "sample-$n" "1.$((n % 17)).$n-r$((n % 5))" "usr/share/sample-$n/file=$n" "provides=virtual-$n=1"
    [ "$n" = 1 ] || set -- "$@" "depend=sample-$((n - 1))"
    python3 "$here/make_apk.py" repository "$@"
done
os_release='NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.22.0'
python3 "$here/make_apk.py" repository alpine-release 3.22.0-r0 "etc/os-release=$os_release"
cat >apko.yaml <<YAML
contents: {repositories: [$PWD/repository], packages: [sample-60, alpine-release]}
archs: [x86_64]
YAML
apko build-minirootfs --ignore-signatures --build-arch x86_64 apko.yaml root.tar >apko.log 2>&1
cat apko.log
zstd -q root.tar
layout root.tar.zst
sed -nE 's/^.* installing ([^ ]+) \(([^)]+)\).*$/\1\t\2/p' apko.log | truth apk
