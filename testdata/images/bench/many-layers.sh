# A hundred layers: thirty install one small Debian package each (and rewrite its database), the rest add a few
# small files, overwrite earlier ones or delete them.
base
run 'apt-get update'
for package in jq less file bc tree rsync zip unzip xz-utils bzip2 lsof psmisc procps net-tools iputils-ping \
    netcat-openbsd tmux screen nano patch diffstat dos2unix pv moreutils cpio lzip sudo time wget curl; do
    run "apt-get install -y $package; rm -rf /var/cache/apt/*"
done
at=1
while [ $at -le 67 ]; do
    case $((at % 5)) in
    0) run "rm -f /srv/f$((at - 1))/a.txt" ;;
    1) run "mkdir -p /srv/f$at; for file in a b c; do echo $at >/srv/f$at/\$file.txt; done" ;;
    2) run "mkdir -p /srv/node_modules/m$at
            echo '{\"name\":\"m$at\",\"version\":\"1.0.$at\"}' >/srv/node_modules/m$at/package.json" ;;
    3) run "cd /usr/local/lib; mkdir -p python3.11/dist-packages/p$at-1.$at.dist-info
            printf 'Metadata-Version: 2.1\nName: p$at\nVersion: 1.$at\n' >python3.11/dist-packages/p$at-1.$at.dist-info/METADATA" ;;
    4) run "mkdir -p /srv/f$at; echo $at >/etc/conf$at; echo x >/srv/f$at/a.txt" ;;
    esac
    at=$((at + 1))
done
run 'rm -rf /var/lib/apt/lists/*'
finish
