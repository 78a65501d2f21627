#!/usr/bin/env python3
"""Write an OCI image layout from layer tars, or a layer tar from two trees.

usage: layout.py OUT PLATFORM LAYER... [-- PLATFORM LAYER...]
       layout.py --diff OLD NEW OUT.tar

LAYER is a tar file, plain or compressed (.tar, .tar.gz, .tar.zst), or oci:DIR for all layers of
another layout; a layer that occurs twice is taken once. With several platforms the layout holds an
image index. The image has tag 1. Everything in it follows from the arguments: no clock, no host name.

--diff writes what turns OLD into NEW as a layer: changed entries, whiteouts for what is gone, an
opaque marker for a directory of which no entry was kept.
"""
import filecmp
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

OCI = "application/vnd.oci.image."
CREATED = "2025-01-01T00:00:00Z"
SUFFIXES = {".tar": "", ".gz": "+gzip", ".zst": "+zstd"}


def sha256(chunks):
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return "sha256:" + digest.hexdigest()


def chunks_of(stream):
    return iter(lambda: stream.read(1 << 20), b"")


def plain_digest(path):
    """The diff ID: the digest of the tar without compression."""
    if path.suffix == ".zst":
        with subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE) as child:
            digest = sha256(chunks_of(child.stdout))
        assert child.returncode == 0, f"zstd failed on {path}"
        return digest
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as stream:
        return sha256(chunks_of(stream))


class Layout:
    def __init__(self, out):
        self.out = Path(out)
        self.blobs = self.out / "blobs" / "sha256"
        self.blobs.mkdir(parents=True)

    def put(self, data, media_type):
        digest = sha256([data])
        (self.blobs / digest[7:]).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def put_json(self, value, media_type):
        return self.put(json.dumps(value, separators=(",", ":")).encode(), media_type)

    def put_file(self, path):
        with path.open("rb") as stream:
            digest = sha256(chunks_of(stream))
        shutil.copyfile(path, self.blobs / digest[7:])
        media_type = OCI + "layer.v1.tar" + SUFFIXES[path.suffix]
        return {"mediaType": media_type, "digest": digest, "size": path.stat().st_size}

    def layers(self, sources):
        """Pairs of descriptor and diff ID."""
        found = {}
        for source in sources:
            for descriptor, diff_id in self.layers_of(source):
                found.setdefault(diff_id, descriptor)
        return [(descriptor, diff_id) for diff_id, descriptor in found.items()]

    def layers_of(self, source):
        if not source.startswith("oci:"):
            path = Path(source)
            return [(self.put_file(path), plain_digest(path))]
        blobs = Path(source[4:], "blobs", "sha256")

        def load(digest):
            return json.loads((blobs / digest[7:]).read_bytes())

        index = json.loads(Path(source[4:], "index.json").read_bytes())
        manifest = load(index["manifests"][0]["digest"])
        for descriptor in manifest["layers"]:
            name = descriptor["digest"][7:]
            if not (self.blobs / name).exists():
                os.link(blobs / name, self.blobs / name)
        return list(zip(manifest["layers"], load(manifest["config"]["digest"])["rootfs"]["diff_ids"]))

    def manifest(self, platform, sources):
        system, architecture = platform.split("/")
        layers = self.layers(sources)
        config = {
            "created": CREATED,
            "architecture": architecture,
            "os": system,
            "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
            "history": [{"created": CREATED, "created_by": f"layer {n}"} for n in range(len(layers))],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI + "manifest.v1+json",
            "config": self.put_json(config, OCI + "config.v1+json"),
            "layers": [descriptor for descriptor, _ in layers],
        }
        found = self.put_json(manifest, manifest["mediaType"])
        return {**found, "platform": {"architecture": architecture, "os": system}}

    def finish(self, manifests):
        top = {k: v for k, v in manifests[0].items() if k != "platform"}
        if len(manifests) > 1:
            media_type = OCI + "index.v1+json"
            index = {"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}
            top = self.put_json(index, media_type)
        top["annotations"] = {"org.opencontainers.image.ref.name": "1"}
        index = {"schemaVersion": 2, "manifests": [top]}
        (self.out / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (self.out / "index.json").write_text(json.dumps(index))


def same(old, new):
    """Are two entries equal in kind, mode, owner and content?"""
    a, b = old.lstat(), new.lstat()
    if (a.st_mode, a.st_uid, a.st_gid) != (b.st_mode, b.st_uid, b.st_gid):
        return False
    if new.is_symlink():
        return os.readlink(old) == os.readlink(new)
    return new.is_dir() or filecmp.cmp(old, new, shallow=False)


def diff(old, new, tar, at=Path(".")):
    before = {entry.name for entry in (old / at).iterdir()}
    after = {entry.name for entry in (new / at).iterdir()}
    if before and not before & after:
        tar.addfile(tarfile.TarInfo(str(at / ".wh..wh..opq")))
        before = set()
    for name in sorted(before - after):
        tar.addfile(tarfile.TarInfo(str(at / f".wh.{name}")))
    for name in sorted(after):
        path = at / name
        if name not in before:
            tar.add(new / path, path)
            continue
        if not same(old / path, new / path):
            tar.add(new / path, path, recursive=False)
        if (new / path).is_dir() and not (new / path).is_symlink():
            diff(old, new, tar, path)


def main(out, *arguments):
    if out == "--diff":
        old, new, path = map(Path, arguments)
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
            diff(old, new, tar)
        return
    layout = Layout(out)
    groups = " ".join(arguments).split(" -- ")
    layout.finish([layout.manifest(*group.split()[:1], group.split()[1:]) for group in groups])


main(*sys.argv[1:])
