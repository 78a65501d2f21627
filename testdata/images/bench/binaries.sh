# Four layers: Debian's Go programs (no module lists), two large Go programs with theirs, Rust programs with and
# without a list of crates.
go_programs
rust_programs
base
run 'apt-get update
     apt-get install -y skopeo umoci docker-registry hugo gh rclone restic kubernetes-client etcd-server prometheus \
         caddy syncthing containerd runc ripgrep fd-find bat
     rm -rf /var/lib/apt/lists/* /var/cache/apt/*'
add "$dir/.inputs/go/bin" usr/local/bin
add "$dir/.inputs/rust/bin" usr/local/bin
finish
