#!/usr/bin/env python3
"""A certificate transparency log for tests: it signs SCTs and keeps nothing.

usage: ctlog.py PORT KEY.pem

KEY.pem is an ECDSA P-256 private key. Needs only the Python standard library
and the openssl command. Fulcio asks it for the SCT that it embeds:

  POST /ct/v1/add-pre-chain {"chain": [base64 DER precertificate, issuer, ...]}
  POST /ct/v1/add-chain     {"chain": [base64 DER certificate, ...]}
  GET  /ct/v1/get-sth       only to see whether it is up

RFC 6962, section 3.2: for a precertificate the signature covers the SHA-256 of
the issuer's public key and the TBSCertificate without its poison extension.
Chains are not validated, and there is no Merkle tree behind the promise.
"""
import base64
import hashlib
import json
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, KEY = int(sys.argv[1]), sys.argv[2]
POISON = bytes.fromhex("060a2b06010401d679020403")  # OID 1.3.6.1.4.1.11129.2.4.3


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, stdout=subprocess.PIPE).stdout


def read(der, at=0):
    """The element at `at`: its tag, its content, and where the next one starts."""
    size, start = der[at + 1], at + 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[at + 2:start], "big")
    return der[at], der[start:start + size], start + size


def children(content):
    """The elements in `content`, each as (tag, content, whole encoding)."""
    at = 0
    while at < len(content):
        tag, inner, end = read(content, at)
        yield tag, inner, content[at:end]
        at = end


def write(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def tbs(certificate):
    """The whole encoding of the TBSCertificate."""
    return next(children(read(certificate)[1]))[2]


def without_poison(tbs_der):
    parts = []
    for tag, inner, whole in children(read(tbs_der)[1]):
        if tag == 0xA3:  # [3] EXPLICIT Extensions
            kept = [ext for _, body, ext in children(read(inner)[1]) if not body.startswith(POISON)]
            whole = write(0xA3, write(0x30, b"".join(kept)))
        parts.append(whole)
    return write(0x30, b"".join(parts))


def public_key(certificate):
    """The SubjectPublicKeyInfo: the seventh field, where a version field is present."""
    return list(children(read(tbs(certificate))[1]))[6][2]


LOG_ID = hashlib.sha256(openssl("pkey", "-in", KEY, "-pubout", "-outform", "DER")).digest()


def sct(chain, precertificate):
    millis = int(time.time() * 1000)
    if precertificate:
        entry = without_poison(tbs(chain[0]))
        head = b"\0\1" + hashlib.sha256(public_key(chain[1])).digest()
    else:
        head, entry = b"\0\0", chain[0]
    signed = b"\0\0" + millis.to_bytes(8, "big") + head + len(entry).to_bytes(3, "big") + entry + b"\0\0"
    signature = openssl("dgst", "-sha256", "-sign", KEY, data=signed)
    signature = b"\x04\x03" + len(signature).to_bytes(2, "big") + signature  # SHA-256, ECDSA
    return {"sct_version": 0, "id": base64.b64encode(LOG_ID).decode(), "timestamp": millis,
            "extensions": "", "signature": base64.b64encode(signature).decode()}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, {"tree_size": 0})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chain = [base64.b64decode(item) for item in body["chain"]]
        kind = self.path.rsplit("/", 1)[-1]
        if kind not in ("add-chain", "add-pre-chain"):
            return self.answer(404, {"error": "no such endpoint"})
        self.answer(200, sct(chain, kind == "add-pre-chain"))

    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
