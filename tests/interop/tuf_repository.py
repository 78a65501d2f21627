#!/usr/bin/env python3
"""Write a TUF repository of a private Sigstore with python-tuf, a second implementation of TUF.

usage: tuf_repository.py OUT TRUSTED_ROOT SIGNING_CONFIG [VERSION]

OUT/root.json is what a client starts from, OUT/mirror is what a server must serve. The keys stay in OUT/keys, so that a
second call with a higher VERSION makes the next release of the same repository. Root, 2 of 2 keys; the rest, one key.
"""
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

SOON = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=7)


def signer(folder, name):
    path = folder / f"{name}.pem"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return CryptoSigner(serialization.load_pem_private_key(path.read_bytes(), None))


def signed(payload, signers):
    metadata = Metadata(payload)
    for one in signers:
        metadata.sign(one, append=True)
    return metadata.to_bytes()


def main(out, trusted_root, signing_config, version="1"):
    out, version = Path(out), int(version)
    mirror = out / "mirror"
    (mirror / "targets").mkdir(parents=True, exist_ok=True)
    roots, online = [signer(out / "keys", name) for name in ("root-1", "root-2")], signer(out / "keys", "online")

    root = Root(version=1, expires=SOON + timedelta(days=365), consistent_snapshot=True)
    for one in roots:
        root.add_key(one.public_key, "root")
    root.roles["root"].threshold = 2
    for role in ("timestamp", "snapshot", "targets"):
        root.add_key(online.public_key, role)
    if not (out / "root.json").exists():
        (out / "root.json").write_bytes(signed(root, roots))

    targets = Targets(version=version, expires=SOON)
    for name, source in {"trusted_root.json": trusted_root, "signing_config.v0.2.json": signing_config}.items():
        data = Path(source).read_bytes()
        target = TargetFile.from_data(name, data, ["sha256"])
        targets.targets[name] = target
        (mirror / "targets" / f"{target.hashes['sha256']}.{name}").write_bytes(data)
    data = signed(targets, [online])
    (mirror / f"{version}.targets.json").write_bytes(data)
    snapshot = Snapshot(version=version, expires=SOON, meta={"targets.json": MetaFile.from_data(version, data, ["sha256"])})
    data = signed(snapshot, [online])
    (mirror / f"{version}.snapshot.json").write_bytes(data)
    timestamp = Timestamp(version=version, expires=SOON, snapshot_meta=MetaFile.from_data(version, data, ["sha256"]))
    (mirror / "timestamp.json").write_bytes(signed(timestamp, [online]))
    json.loads((mirror / "timestamp.json").read_bytes())


main(*sys.argv[1:])
