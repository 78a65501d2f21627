#!/bin/sh
# Start or stop three OCI registries on free loopback ports, without TLS.
#
# usage: registries.sh start|stop DIR
#
# Storage, logs and pid files live in DIR. DIR/env gives their addresses as host:port:
#   REG_REFERRERS     olareg with the referrers API of OCI 1.1
#   REG_TAGS          olareg with that API switched off: clients use the tag sha256-<hex>
#   REG_DISTRIBUTION  docker-registry 2.8, which never had it
set -eu

[ $# -eq 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$2"
dir=$(cd "$2" && pwd)
. "$(dirname "$0")/servers.sh"

start() {
    mkdir -p "$dir/referrers" "$dir/tags" "$dir/distribution"
    read -r referrers tags distribution <<PORTS
$(free_ports 3)
PORTS
    olareg="olareg serve --addr 127.0.0.1 --api-delete --gc-frequency -1s"
    launch referrers $olareg --port "$referrers" --dir "$dir/referrers"
    launch tags $olareg --port "$tags" --dir "$dir/tags" --api-referrer=false
    cat >"$dir/distribution.yml" <<YAML
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: $dir/distribution}
  delete: {enabled: true}
http: {addr: 127.0.0.1:$distribution}
YAML
    launch distribution docker-registry serve "$dir/distribution.yml"
    wait_http referrers "http://127.0.0.1:$referrers/v2/"
    wait_http tags "http://127.0.0.1:$tags/v2/"
    wait_http distribution "http://127.0.0.1:$distribution/v2/"
    cat >"$dir/env" <<ENV
REG_REFERRERS=127.0.0.1:$referrers
REG_TAGS=127.0.0.1:$tags
REG_DISTRIBUTION=127.0.0.1:$distribution
ENV
}

case $1 in
start) stop_servers; start ;;
stop) stop_servers ;;
*) fail "say start or stop, not $1" ;;
esac
