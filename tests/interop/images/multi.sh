# An index of two platforms with different contents: rpm roots of 24 and of 18 packages.
. "$here/images/rpms"
rpm_root amd64 x86_64 24
rpm_root arm64 aarch64 18
for arch in amd64 arm64; do
    pack $arch | gzip -6 >$arch.tar.gz
    rpm_db $arch -qa --qf "$rpm_query" | truth rpm "@$arch"
done
python3 "$here/layout.py" "$dir/$image" linux/amd64 amd64.tar.gz -- linux/arm64 arm64.tar.gz
