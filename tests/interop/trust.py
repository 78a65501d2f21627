#!/usr/bin/env python3
"""The trust and signing files of a private Sigstore, and damaged copies of its trusted root.

usage: trust.py write DIR FULCIO_URL CT_URL REKOR_URL TSA_URL OIDC_URL REKOR_VERSION
       trust.py key TRUSTED_ROOT PART PUBLIC_KEY.pem OUT
       trust.py chain TRUSTED_ROOT PART OTHER_PART OUT

`write` reads DIR/keys (see sigstore.sh) and writes trusted_root.json, signing_config.json and
trust_config.json into DIR. `key` copies a trusted root with another public key in its first
entry of PART (ctlogs or tlogs); the entry keeps its id, so that only the signature can tell. `chain`
copies it with the certificates of OTHER_PART in PART (certificateAuthorities, timestampAuthorities).

The one surprise: the id of a Rekor v2 log is not the hash of its public key, as it is for Rekor
v1 and certificate transparency logs, but of origin, newline, key type (1: Ed25519) and raw key.
"""
import base64
import hashlib
import json
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

SIGSTORE = "application/vnd.dev.sigstore."


def b64(raw):
    return base64.b64encode(raw).decode()


def pem_blocks(path):
    """The DER bytes of every block of a PEM file."""
    bodies = re.findall(r"-----BEGIN [A-Z ]+-----([^-]+)-----END", Path(path).read_text())
    return [base64.b64decode(body) for body in bodies]


def save(path, value):
    Path(path).write_text(json.dumps(value, indent=1) + "\n")


class Stack:
    """What the files say about one private Sigstore."""

    def __init__(self, folder, fulcio, ct, rekor, tsa, oidc, rekor_version):
        self.rekor_version = int(rekor_version)
        self.keys = Path(folder, "keys")
        self.valid = {"start": (self.keys / "since").read_text().strip()}
        self.fulcio, self.ct, self.rekor, self.tsa, self.oidc = fulcio, ct, rekor, tsa, oidc

    def log(self, url, key_file, details, prefix=b""):
        der = pem_blocks(self.keys / key_file)[0]
        hashed = prefix + der[-32:] if prefix else der
        return {
            "baseUrl": url,
            "hashAlgorithm": "SHA2_256",
            "logId": {"keyId": b64(hashlib.sha256(hashed).digest())},
            "publicKey": {"rawBytes": b64(der), "keyDetails": details, "validFor": self.valid},
        }

    def authority(self, url, name):
        chain = [{"rawBytes": b64(der)} for der in pem_blocks(self.keys / f"{name}-chain.pem")]
        return {
            "subject": {"organization": "test.invalid", "commonName": f"{name}-root"},
            "uri": url,
            "validFor": self.valid,
            "certChain": {"certificates": chain},
        }

    def service(self, url, version):
        return [{"url": url, "majorApiVersion": version, "validFor": self.valid, "operator": "test"}]

    def rekor_log(self):
        if self.rekor_version == 1:
            return self.log(self.rekor, "rekor.pub", "PKIX_ECDSA_P256_SHA_256")
        origin = urlsplit(self.rekor).hostname.encode() + b"\n\x01"
        return self.log(self.rekor, "rekor.pub", "PKIX_ED25519", origin)

    def trusted_root(self):
        return {
            "mediaType": SIGSTORE + "trustedroot+json;version=0.1",
            "tlogs": [self.rekor_log()],
            "certificateAuthorities": [self.authority(self.fulcio, "fulcio")],
            "ctlogs": [self.log(self.ct, "ct.pub", "PKIX_ECDSA_P256_SHA_256")],
            "timestampAuthorities": [self.authority(self.tsa, "tsa")],
        }

    def signing_config(self):
        return {
            "mediaType": SIGSTORE + "signingconfig.v0.2+json",
            "caUrls": self.service(self.fulcio, 1),
            "oidcUrls": self.service(self.oidc, 1),
            "rekorTlogUrls": self.service(self.rekor, self.rekor_version),
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": self.service(self.tsa, 1),
            "tsaConfig": {"selector": "ANY"},
        }


def write(folder, *urls):
    stack = Stack(folder, *urls)
    root, config = stack.trusted_root(), stack.signing_config()
    both = {"mediaType": SIGSTORE + "clienttrustconfig.v0.1+json", "trustedRoot": root, "signingConfig": config}
    save(f"{folder}/trusted_root.json", root)
    save(f"{folder}/signing_config.json", config)
    save(f"{folder}/trust_config.json", both)


def key(trusted_root, part, public_key, out):
    root = json.loads(Path(trusted_root).read_text())
    root[part][0]["publicKey"]["rawBytes"] = b64(pem_blocks(public_key)[0])
    save(out, root)


def chain(trusted_root, part, other_part, out):
    root = json.loads(Path(trusted_root).read_text())
    root[part][0]["certChain"] = root[other_part][0]["certChain"]
    save(out, root)


if __name__ == "__main__":
    {"write": write, "key": key, "chain": chain}[sys.argv[1]](*sys.argv[2:])
