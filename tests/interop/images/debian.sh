# Debian minbase in one layer; the truth is dpkg's own list.
debootstrap --variant=minbase bookworm root
rm -rf root/var/cache/apt/archives/*.deb root/var/lib/apt/lists/*
pack root | gzip -6 >base.tar.gz
layout base.tar.gz
dpkg-query --admindir=root/var/lib/dpkg --show --showformat '${db:Status-Abbrev}\t${Package}\t${Version}\n' |
    sed -n 's/^ii \t//p' | truth deb
