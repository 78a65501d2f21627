#!/bin/sh
# Start or stop a private Sigstore on free loopback ports.
#
# usage: sigstore.sh start|stop|keys|shard DIR [REKOR]
#
# Its servers: an OpenID Connect issuer (oidc.py), a certificate transparency log (ctlog.py),
# Fulcio with a file authority, a timestamp authority, and Rekor v2, or with REKOR 1 a Rekor v1 on
# a Trillian. A second start in the same DIR keeps keys, ports and the contents of Rekor v2, so that
# earlier signatures still verify. `keys` starts nothing, and writes keys and files as if. `shard` lets a
# Rekor v1 that runs go on in a second tree: what follows has another index in the log than in its tree.
#
# Written into DIR:
#   env          OIDC_URL, TOKEN_URL     an issuer of e-mail identities: TOKEN_URL?email=a@b
#                CI_ISSUER, CI_TOKEN_URL the identity of a GitHub Actions workflow
#                TRUSTED_ROOT            the file that a verifier needs
#                SIGNING_CONFIG          the file that a signer without a key needs
#                TRUST_CONFIG            both in one, for sigstore-python
#   keys/        every private key, unencrypted
#
# The timestamp server always listens on port 2112 too (and Rekor v1 would): one stack at a time on a machine.
set -eu

[ $# -eq 2 ] || [ $# -eq 3 ] || { sed -n '2,21s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2"
dir=$(cd "$2" && pwd)
keys=$dir/keys
rekor_version=${3:-2}
. "$here/servers.sh"

ec_key() { # FILE CURVE
    openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$2" -out "$1"
}

# certificate NAME ISSUER EXTENSION...: for NAME.key; an issuer of the same name means self-signed.
certificate() {
    name=$1 issuer=$2
    shift 2
    printf '%s\n' '[x]' subjectKeyIdentifier=hash "$@" >"$keys/extensions"
    openssl req -new -key "$keys/$name.key" -subj "/O=test.invalid/CN=$name" -out "$keys/request"
    if [ "$name" = "$issuer" ]; then
        set -- -signkey "$keys/$name.key"
    else
        set -- -CA "$keys/$issuer.pem" -CAkey "$keys/$issuer.key" -set_serial "0x$(openssl rand -hex 8)"
    fi
    openssl x509 -req -in "$keys/request" -days 30 -sha256 "$@" \
        -extfile "$keys/extensions" -extensions x -out "$keys/$name.pem"
    rm "$keys/request" "$keys/extensions"
}

make_keys() {
    mkdir -p "$keys"
    chmod 700 "$keys"
    for name in fulcio-root fulcio tsa-root tsa; do
        ec_key "$keys/$name.key" P-384
        certificate_of "$name"
    done
    cat "$keys/fulcio.pem" "$keys/fulcio-root.pem" >"$keys/fulcio-chain.pem"
    cat "$keys/tsa.pem" "$keys/tsa-root.pem" >"$keys/tsa-chain.pem"
    ec_key "$keys/ct.key" P-256
    case $rekor_version in
    1) ec_key "$keys/rekor.key" P-256 ;; # as the public instance has
    2) openssl genpkey -algorithm ED25519 -out "$keys/rekor.key" ;;
    esac
    for name in ct rekor; do
        openssl pkey -in "$keys/$name.key" -pubout -out "$keys/$name.pub"
    done
    free_ports 9 >"$dir/ports"
    date -u +%Y-%m-%dT%H:%M:%SZ >"$keys/since"
}

certificate_of() {
    authority="basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign,cRLSign"
    by_issuer=authorityKeyIdentifier=keyid
    case $1 in
    *-root) certificate "$1" "$1" $authority ;;
    fulcio) certificate fulcio fulcio-root $authority extendedKeyUsage=codeSigning $by_issuer ;;
    tsa)
        certificate tsa tsa-root basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
            extendedKeyUsage=critical,timeStamping $by_issuer
        ;;
    esac
}

start_rekor() {
    case $rekor_version in
    1) start_rekor_1 ;;
    2) start_rekor_2 ;;
    esac
}

# Without an index to search by, it needs no database.
start_rekor_1() {
    launch trillian trillian "127.0.0.1:$rekor_grpc"
    wait_port trillian "$rekor_grpc"
    rekor_1
}

rekor_1() { # OPTION...
    launch rekor rekor-server-v1 serve --rekor_server.address 127.0.0.1 --port "$rekor" --rekor_server.hostname rekor.test.invalid \
        --rekor_server.signer "$keys/rekor.key" --trillian_log_server.address 127.0.0.1 --trillian_log_server.port "$rekor_grpc" \
        --enable_retrieve_api=false --enabled_api_endpoints getLogInfo,getPublicKey,createLogEntry,getLogEntryByUUID,getLogEntryByIndex "$@"
}

# At each start it begins a tree.
shard() {
    read -r _ _ rekor rekor_grpc _ <"$dir/ports"
    tree=$(sed -n 's/.*Created new tree with ID: \([0-9]*\).*/\1/p' "$dir/rekor.log")
    echo "[{\"treeID\": $tree}]" >"$dir/shards.json"
    mv "$dir/rekor.pid" "$dir/rekor-of-one-tree.pid"
    stop_server "$dir/rekor-of-one-tree.pid"
    rekor_1 --trillian_log_server.sharding_config "$dir/shards.json"
    wait_http rekor "http://127.0.0.1:$rekor/ping"
}

start_rekor_2() {
    # The origin of the log must be its host without the port: Go clients look for that name.
    launch rekor rekor-server serve --storage-dir "$dir/rekor" --signer-filepath "$keys/rekor.key" \
        --hostname 127.0.0.1 --http-address 127.0.0.1 --http-port "$rekor" \
        --grpc-address 127.0.0.1 --grpc-port "$rekor_grpc" --http-metrics-port "$rekor_metrics" \
        --checkpoint-interval 500ms --batch-max-age 100ms
}

start_tsa() {
    launch tsa timestamp-server serve --host 127.0.0.1 --port "$tsa" --disable-ntp-monitoring \
        --timestamp-signer file --file-signer-key-path "$keys/tsa.key" \
        --certificate-chain-path "$keys/tsa-chain.pem"
}

start_fulcio() {
    cat >"$dir/fulcio.yaml" <<YAML
oidc-issuers:
  $host:$oidc: {issuer-url: "$host:$oidc", client-id: sigstore, type: email}
  $host:$oidc/ci: {issuer-url: "$host:$oidc/ci", client-id: sigstore, type: github-workflow}
YAML
    launch fulcio fulcio serve --host 127.0.0.1 --port "$fulcio" --grpc-host 127.0.0.1 \
        --grpc-port "$fulcio_grpc" --metrics-port "$fulcio_metrics" \
        --legacy-unix-domain-socket "@fulcio-$fulcio" --config-path "$dir/fulcio.yaml" \
        --ca fileca --fileca-cert "$keys/fulcio-chain.pem" --fileca-key "$keys/fulcio.key" \
        --fileca-key-passwd "" --fileca-watch=false \
        --ct-log-url "$host:$ct" --ct-log-public-key-path "$keys/ct.pub"
}

prepare() {
    [ -e "$keys/since" ] || make_keys 2>"$dir/make-keys.log"
    read -r oidc ct rekor rekor_grpc rekor_metrics tsa fulcio fulcio_grpc fulcio_metrics <"$dir/ports"
    host=http://127.0.0.1
    python3 "$here/trust.py" write "$dir" "$host:$fulcio" "$host:$ct" "$host:$rekor" \
        "$host:$tsa/api/v1/timestamp" "$host:$oidc" "$rekor_version"
}

start() {
    prepare
    launch oidc python3 "$here/oidc.py" "$oidc" "$keys/oidc.key"
    launch ct python3 "$here/ctlog.py" "$ct" "$keys/ct.key"
    start_tsa
    start_rekor
    wait_http oidc "$host:$oidc/keys"
    wait_http ct "$host:$ct/ct/v1/get-sth"
    start_fulcio # asks the issuer and the log at its start
    wait_http fulcio "$host:$fulcio/healthz"
    case $rekor_version in
    1) wait_http rekor "$host:$rekor/ping" ;;
    2) wait_http rekor "$host:$rekor/healthz" ;;
    esac
    wait_http tsa "$host:$tsa/ping"
    cat >"$dir/env" <<ENV
OIDC_URL=$host:$oidc
TOKEN_URL=$host:$oidc/token
CI_ISSUER=$host:$oidc/ci
CI_TOKEN_URL=$host:$oidc/ci/token
TRUSTED_ROOT=$dir/trusted_root.json
SIGNING_CONFIG=$dir/signing_config.json
TRUST_CONFIG=$dir/trust_config.json
ENV
}

case $1 in
start) stop_servers; start ;;
stop) stop_servers ;;
keys) prepare ;;
shard) shard ;;
*) fail "say start, stop, keys or shard, not $1" ;;
esac
