# after: debian
# Programs that carry the list of their own dependencies. The Go layer has the peers themselves and a
# program with a replaced module; its truth is `go version -m`. The Rust layer, compressed by zstd, has
# two programs built by cargo-auditable and one without any data; its truth is the list that
# cargo-auditable put into each, read by objcopy and zlib.
. "$here/images/programs"
mkdir -p go/usr/local/bin rust/usr/local/bin
for peer in cosign olareg oras crane fulcio rekor-server timestamp-server; do
    cp "$peers/bin/$peer" go/usr/local/bin/
done
go_program go/usr/local/bin/replaced
rust_programs rust/usr/local/bin
cp "$peers/bin/cargo-auditable" rust/usr/local/bin/
pack go | gzip -1 >go.tar.gz
pack rust >rust.tar
zstd -q -3 --rm rust.tar
layout "oci:$dir/debian" go.tar.gz rust.tar.zst
cp "$dir/debian.truth.tsv" "$dir/$image.truth.tsv"
for program in go/usr/local/bin/*; do go_modules "$program"; done | truth golang
for program in rust/usr/local/bin/counter rust/usr/local/bin/printer; do crates "$program"; done | truth cargo
