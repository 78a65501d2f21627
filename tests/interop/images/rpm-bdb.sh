# A root with an rpm database in Berkeley DB, as RHEL 8 and Amazon Linux 2 have it. rpm can no longer
# write one, so Berkeley DB's own loader does, from the headers that rpm put into sqlite. The truth is
# `rpm -qa` with the backend that reads it.
. "$here/images/rpms"
rpm_root root x86_64 60
python3 - root/var/lib/rpm/rpmdb.sqlite <<'PYTHON' >dump
import sqlite3, struct, sys
rows = sqlite3.connect(sys.argv[1]).execute("select hnum, blob from Packages order by hnum").fetchall()
print("VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize=4096\nHEADER=END")
for key, value in [(0, struct.pack("<I", rows[-1][0])), *rows]:
    print(" " + struct.pack("<I", key).hex(), " " + bytes(value).hex(), sep="\n")
print("DATA=END")
PYTHON
rm root/var/lib/rpm/*
db5.3_load root/var/lib/rpm/Packages <dump
printf 'NAME="CentOS Linux"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="8"\n' >root/etc/os-release
pack root | gzip -6 >root.tar.gz
layout root.tar.gz
rpm --define '_db_backend bdb_ro' --dbpath "$PWD/root/var/lib/rpm" -qa --qf "$rpm_query" | truth rpm
