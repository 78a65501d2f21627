# Shared by the recipes; build.sh sources it and sets `here`, `dir` and `name`.
#
# An image is a stack of layers. Each is the upper folder of an overlay mount, like one instruction of a
# Dockerfile: `run` works in a chroot over the stack and keeps the difference, `add` takes a folder as it is.
# layer.py turns the difference into a tar with whiteouts. A recipe is `begin`, layers, `finish`.

tools() { # the Debian packages behind the commands below
    missing=
    for pair in debootstrap:debootstrap skopeo:skopeo umoci:umoci jq:jq unzip:unzip zip:zip objcopy:binutils; do
        command -v "${pair%:*}" >/dev/null || missing="$missing ${pair#*:}"
    done
    [ -z "$missing" ] && return
    apt-get update -q
    # shellcheck disable=SC2086 # one word per package
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
}

begin() { # an image without layers
    work=$dir/.work
    layout=$dir/$name.oci
    number=0
    stack=
    unmount
    rm -rf "$work"
    mkdir -p "$work/merged" "$work/empty" "$work/share" "$work/bound"
    cd "$work"
    umoci init --layout "$layout"
    umoci new --image "$layout:latest"
}

next() { # the folder of the next layer; its name is short because a mount takes one page of options
    number=$((number + 1))
    upper=$(printf '%03d' $number)
    mkdir "$work/$upper"
}

keep() { # keep TEXT: the difference becomes a layer
    python3 "$here/layer.py" "$work/$upper" "$work/layer.tar"
    umoci raw add-layer --image "$layout:latest" --history.created_by "$1" "$work/layer.tar"
    rm "$work/layer.tar"
    stack=$upper${stack:+:$stack}
}

add() { # add FOLDER [PLACE]: a copy of the folder's content, below PLACE, as one layer
    next
    mkdir -p "$work/$upper/${2:-}"
    cp -a "$1/." "$work/$upper/${2:-}/"
    keep "COPY ${1##*/} /${2:-}"
}

run() { # run COMMANDS: in a chroot over the stack, as one layer
    next
    rm -rf "$work/overlay"
    mkdir "$work/overlay"
    mount_stack "upperdir=$upper,workdir=overlay,"
    bind /proc proc
    bind /dev dev
    bind "$work/share" mnt
    for file in resolv.conf hosts; do
        cp -L "/etc/$file" "$work/bound/$file"
        touch "$work/merged/etc/$file"
        bind "$work/bound/$file" "etc/$file"
    done
    env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive PIP_CERT=/mnt/certificates.pem PIP_NO_CACHE_DIR=1 PIP_DEFAULT_TIMEOUT=180 \
        PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore chroot "$work/merged" /bin/sh -ec "$1"
    unmount
    keep "RUN $1"
}

mount_stack() { # mount_stack OPTIONS: the stack at merged; paths are relative, so that a hundred fit
    cd "$work"
    mount -t overlay overlay -o "${1}lowerdir=$stack:empty,redirect_dir=off,metacopy=off,index=off" merged
}

bind() { # bind WHAT PLACE
    mount --bind "$1" "$work/merged/$2"
}

unmount() { # whatever is mounted below merged, the last first
    while place=$(awk -v at="$dir/.work/merged" 'index($2, at) == 1 { last = $2 } END { print last }' /proc/mounts) &&
        [ -n "$place" ]; do
        umount "$place"
    done
}

finish() { # the archive and the truth; the layers' folders go
    umoci config --image "$layout:latest" --config.cmd /bin/sh
    umoci gc --layout "$layout"
    skopeo copy -q "oci:$layout:latest" "docker-archive:$dir/$name.docker.tar:bench/$name:latest"
    mount_stack ro,
    python3 "$here/truth.py" "$work/merged" "$dir/$name.truth.tsv"
    unmount
    cd "$dir"
    rm -rf "$work"
}

size_line() { # layers, bytes and truth of the finished image
    layout=$dir/$name.oci
    manifest=$layout/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$layout/index.json")
    jq -j '"\(.layers | length) layers, \([.layers[].size] | add / 1e6 | floor) MB, "' "$manifest"
    echo "$(($(stat -c %s "$dir/$name.docker.tar") / 1000000)) MB unpacked," \
        "$(($(wc -l <"$dir/$name.truth.tsv") - 1)) packages known"
}
