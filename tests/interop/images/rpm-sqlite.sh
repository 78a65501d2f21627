# A root with an rpm database in sqlite, as Fedora 33 and RHEL 9 write it; the truth is `rpm -qa`.
. "$here/images/rpms"
rpm_root root x86_64 60
pack root | gzip -6 >root.tar.gz
layout root.tar.gz
rpm_db root -qa --qf "$rpm_query" | truth rpm
