#!/usr/bin/env python3
"""Sign an attestation about an image without a key, with sigstore-python.

usage: attest.py TRUST_CONFIG TOKEN SHA256 PREDICATE_TYPE PREDICATE.json BUNDLE.json

TRUST_CONFIG is what sigstore.sh writes, TOKEN comes from its TOKEN_URL, SHA256 is
the digest of the image manifest in hex. `pip install sigstore` gives the library;
its command line signs SLSA provenance only, the library signs any predicate.
"""
import json
import sys

from sigstore.dsse import StatementBuilder, Subject
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
trust, token, digest, ptype, predicate, out = sys.argv[1:]
statement = (StatementBuilder().subjects([Subject(name="_", digest={"sha256": digest})])
             .predicate_type(ptype).predicate(json.load(open(predicate))).build())
cfg = ClientTrustConfig.from_json(open(trust).read())
ctx = SigningContext.from_trust_config(cfg)
with ctx.signer(IdentityToken(token)) as s:
    open(out, "w").write(s.sign_dsse(statement).to_json())
