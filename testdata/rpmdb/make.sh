#!/bin/bash
# Makes the fixtures of this folder: nine tiny packages, installed by rpm into a database of each kind.
# usage: make.sh OUT RPM_WITH_NDB — needs rpm, rpmbuild, python3, db5.3_load; RPM_WITH_NDB is an rpm built with --enable-ndb.
set -eu
here=$(cd "$(dirname "$0")" && pwd); out=$1; ndb=$2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=1700000000
spec() { # name version release arch licence [epoch] ; further lines of the preamble on stdin
  cat > "$work/$1.spec" <<X
Name: $1
Version: $2
Release: $3
License: $5
Vendor: Example Vendor
Packager: Somebody <somebody@example.org>
URL: https://example.org/$1
Summary: the package $1
${6:+Epoch: $6}
$(cat)
%define debug_package %{nil}
%define _build_id_links none
%define _buildhost example.org
%define use_source_date_epoch_as_buildtime 1
%description
x
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/share/$1
for n in \$(seq ${files:-1}); do echo \$n > %{buildroot}/usr/share/$1/file-with-a-long-name-\$n; done
echo $1 > %{buildroot}/usr/bin/$1
%files
/usr/bin/$1
/usr/share/$1
X
  rpmbuild -bb --quiet --target "$4" --define "_topdir $work" --define "_rpmdir $work/RPMS" "$work/$1.spec" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}
spec alpha 1.0 1.el9 noarch MIT <<< 'Requires: beta >= 2.0'
spec beta 2.0 3.el9 x86_64 'GPLv2+ and ASL 2.0' 1 <<< $'Provides: virtual-thing = 1\nRequires: /usr/bin/gamma'
spec gamma 3.1.4 1.el9 x86_64 BSD <<< $'Requires: virtual-thing\nRecommends: delta'
files=300 spec delta 0.1 0.rc1 noarch 'GPL-2.0-or-later AND MIT' <<< ''
for n in 1 2 3 4 5; do spec "filler$n" 1.$n 1 noarch MIT <<< ''; done
rm -rf "$out"; mkdir -p "$out"/{sqlite,ndb,bdb}
db=$work/root/var/lib/rpm; mkdir -p "$db"
r() { rpm --root "$work/root" --dbpath /var/lib/rpm --define '_db_backend sqlite' "$@"; }
r --initdb
r -i --nodeps --noscripts --ignorearch --nosignature $(find "$work/RPMS" -name '*.rpm' | sort)
r -e --nodeps --noscripts filler5   # leaves free pages behind
format='%{name}\t%|epoch?{%{epoch}:}|%{version}-%{release}\t%{arch}\t%{sourcerpm}\t%{license}\n'
r -qa --qf "$format" | sort > "$out/expected.tsv"
gzip -9n < "$db/rpmdb.sqlite" > "$out/sqlite/rpmdb.sqlite.gz"
python3 "$here/sqlite.py" "$db/rpmdb.sqlite" "$work"
for file in page-512 page-65536 complete.wal partial.wal; do gzip -9n < "$work/$file" > "$out/sqlite/$file.gz"; done
python3 "$here/bdb.py" "$db/rpmdb.sqlite" 4321 | db5.3_load "$work/big"
python3 "$here/bdb.py" "$db/rpmdb.sqlite" 1234 | db5.3_load "$work/little"
gzip -9n < "$work/little" > "$out/bdb/Packages.gz"
gzip -9n < "$work/big" > "$out/bdb/Packages.big-endian.gz"
cp -r "$db" "$work/ndb"
"$ndb" --define '_db_backend ndb' --dbpath "$work/ndb" --rebuilddb
"$ndb" --define '_db_backend ndb' --dbpath "$work/ndb" -qa --qf "$format" 2> /dev/null | sort | diff - "$out/expected.tsv"
gzip -9n < "$work/ndb/Packages.db" > "$out/ndb/Packages.db.gz"
