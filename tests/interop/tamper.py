#!/usr/bin/env python3
"""Change one thing in a Sigstore bundle, so that everything else still fits.

usage: tamper.py CHANGE BUNDLE.json OTHER.json OUT.json

OTHER is a bundle of the same signer about something else. CHANGE is one of:
  none          nothing, to see that the way of changing is not what is refused
  timestamp     the timestamps are taken out, so that nobody vouches for a time at which the certificate was good
  foreign-time  the timestamps are OTHER's
  entry         the log entry is OTHER's, with its proof
  certificate   the certificate is OTHER's
  checkpoint    the checkpoint has one line more than its log has signed
  tree          the checkpoint's root hash is another, and so is the proof's
  cosignature   the checkpoint's signature is another
  proof         the inclusion proof leads elsewhere
  index         the entry claims another place in the log
  proof-index   the inclusion proof claims another place in its tree
  payload       the statement is another
  promise       the promise of a Rekor v1 log is the one of OTHER
  promised-time the entry of a Rekor v1 log claims to be an hour younger
"""
import base64
import json
import sys


def flipped(text):
    """Base64 text with one bit changed."""
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return base64.b64encode(raw).decode()


def proof(bundle):
    return bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]


def longer_checkpoint(bundle):
    checkpoint = proof(bundle)["checkpoint"]
    checkpoint["envelope"] = checkpoint["envelope"].replace("\n\n", "\nmore\n\n", 1)


def other_root(bundle):
    """Changes the third line of the checkpoint (a signed note), which is the root hash."""
    checkpoint = proof(bundle)["checkpoint"]
    lines = checkpoint["envelope"].split("\n")
    lines[2] = flipped(lines[2])
    checkpoint["envelope"] = "\n".join(lines)
    proof(bundle)["rootHash"] = lines[2]


def other_signature(bundle):
    checkpoint = proof(bundle)["checkpoint"]
    lines = checkpoint["envelope"].rstrip("\n").split("\n")
    mark, name, signature = lines[-1].split(" ")
    lines[-1] = " ".join([mark, name, flipped(signature)])
    checkpoint["envelope"] = "\n".join(lines) + "\n"


def other_proof(bundle):
    hashes = proof(bundle)["hashes"]
    assert hashes, "the log has one entry only: no proof to change"
    hashes[0] = flipped(hashes[0])


def other_index(bundle):
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    index = int(entry.get("logIndex", 0))
    entry["logIndex"] = proof(bundle)["logIndex"] = str(index - 1 if index else 1)


def other_proof_index(bundle):
    index = int(proof(bundle).get("logIndex", 0))
    proof(bundle)["logIndex"] = str(index - 1 if index else 1)


def other_payload(bundle):
    envelope = bundle["dsseEnvelope"]
    statement = base64.b64decode(envelope["payload"])
    envelope["payload"] = base64.b64encode(statement.replace(b"CycloneDX", b"CycloneDY")).decode()


def other_promise(bundle, other):
    first, second = (one["verificationMaterial"]["tlogEntries"][0] for one in (bundle, other))
    first["inclusionPromise"] = second["inclusionPromise"]


def other_time(bundle):
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    entry["integratedTime"] = str(int(entry["integratedTime"]) + 3600)


def taken(part):
    """Takes a part of the verification material from the other bundle."""
    def change(bundle, other):
        bundle["verificationMaterial"][part] = other["verificationMaterial"][part]
    return change


CHANGES = {
    "none": lambda bundle, other: None,
    "timestamp": lambda bundle, other: bundle["verificationMaterial"].pop("timestampVerificationData"),
    "foreign-time": taken("timestampVerificationData"),
    "entry": taken("tlogEntries"),
    "certificate": taken("certificate"),
    "checkpoint": lambda bundle, other: longer_checkpoint(bundle),
    "tree": lambda bundle, other: other_root(bundle),
    "cosignature": lambda bundle, other: other_signature(bundle),
    "proof": lambda bundle, other: other_proof(bundle),
    "index": lambda bundle, other: other_index(bundle),
    "proof-index": lambda bundle, other: other_proof_index(bundle),
    "payload": lambda bundle, other: other_payload(bundle),
    "promise": other_promise,
    "promised-time": lambda bundle, other: other_time(bundle),
}

change, first, second, out = sys.argv[1:]
bundle, other = (json.load(open(path)) for path in (first, second))
before = json.dumps(bundle)
CHANGES[change](bundle, other)
assert change == "none" or json.dumps(bundle) != before, "nothing was changed"
json.dump(bundle, open(out, "w"))
