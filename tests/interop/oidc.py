#!/usr/bin/env python3
"""A tiny OpenID Connect issuer for tests (loopback only, never for real use).

usage: oidc.py PORT KEY.pem

KEY.pem is an RSA private key; it is made when it does not exist. Needs only
the Python standard library and the openssl command.

  GET /.well-known/openid-configuration   discovery document
  GET /keys                               JSON Web Key Set with the one RS256 key
  GET /token?email=a@b&sub=..&aud=..&ttl=600&claim.NAME=VALUE
                                          a signed JWT, as plain text
  GET /auth                               logs in whoever comes, as dev@example.test: back to the redirect URI with a code
  POST /device, GET /activate?code=..     the device flow; whoever opens the page agrees
  POST /token                             a code or device code and its PKCE verifier against a JWT

Every path may be prefixed with one segment ("/ci/token"): the prefix becomes
part of the issuer URL, so one process can play several issuers.
A token has: iss, aud (sigstore), sub (= email), email, email_verified, iat, nbf,
exp; one from /ci/token also has the claims of a GitHub Actions workflow. claim.*
adds or replaces claims. A negative ttl gives an expired token.
"""
import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

PORT, KEY = int(sys.argv[1]), sys.argv[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WORKFLOW = {"job_workflow_ref": "org/app/.github/workflows/release.yml@refs/heads/main",
            "workflow_ref": "org/app/.github/workflows/release.yml@refs/heads/main",
            "sha": COMMIT, "job_workflow_sha": COMMIT, "workflow_sha": COMMIT, "workflow": "release",
            "event_name": "push", "repository": "org/app", "repository_id": "1", "repository_owner": "org",
            "repository_owner_id": "2", "repository_visibility": "public", "ref": "refs/heads/main",
            "runner_environment": "github-hosted", "run_id": "3", "run_attempt": "1"}


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


if not os.path.exists(KEY):
    os.umask(0o077)
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", KEY)
MODULUS = bytes.fromhex(openssl("rsa", "-in", KEY, "-noout", "-modulus").decode().split("=")[1].strip())
JWK = {"kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB", "n": b64(MODULUS),
       "kid": hashlib.sha256(MODULUS).hexdigest()[:16]}


def token(issuer, query):
    now = int(time.time())
    email = query.pop("email", "dev@example.test")
    claims = {"iss": issuer, "aud": query.pop("aud", "sigstore"), "sub": query.pop("sub", email),
              "iat": now, "nbf": now - 5, "exp": now + int(query.pop("ttl", "600")),
              "email": email, "email_verified": True}
    claims.update(WORKFLOW if issuer.endswith("/ci") else {})
    claims.update({k[6:]: v for k, v in query.items() if k.startswith("claim.")})
    head = {"alg": "RS256", "typ": "JWT", "kid": JWK["kid"]}
    body = ".".join(b64(json.dumps(part).encode()) for part in (head, claims))
    return body + "." + b64(openssl("dgst", "-sha256", "-sign", KEY, data=body.encode()))


# Codes that were given out, each with what the login page was asked for.
PENDING = {}


def logged_in(issuer, form):
    """The answer to a code: status and JSON (RFC 6749, section 5; RFC 7636, section 4.6; RFC 8628, section 3.5)."""
    code = form.get("code") or form.get("device_code", "")
    asked = PENDING.get(code)
    challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
    if not asked or asked["code_challenge"] != challenge or asked["client_id"] != form.get("client_id"):
        return 400, {"error": "invalid_grant"}
    if not asked.get("agreed", True):
        return 400, {"error": "authorization_pending"}
    if "redirect_uri" in asked and asked["redirect_uri"] != form.get("redirect_uri"):
        return 400, {"error": "invalid_grant"}
    del PENDING[code]
    query = {"aud": asked["client_id"]}
    if "nonce" in asked:
        query["claim.nonce"] = asked["nonce"]
    return 200, {"token_type": "Bearer", "access_token": "none", "id_token": token(issuer, query)}


class Handler(BaseHTTPRequestHandler):
    def issuer_and_path(self):
        prefix, path = "", urlsplit(self.path).path
        parts = path.split("/")
        if len(parts) > 2 and parts[1] != ".well-known":
            prefix, path = "/" + parts[1], "/" + "/".join(parts[2:])
        return f"http://127.0.0.1:{PORT}{prefix}", path

    def do_POST(self):
        issuer, path = self.issuer_and_path()
        form = dict(parse_qsl(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()))
        if path == "/token":
            status, answer = logged_in(issuer, form)
            self.answer(json.dumps(answer), "application/json", status)
        elif path == "/device":
            code = secrets.token_urlsafe(16)
            PENDING[code] = dict(form, agreed=False)
            self.answer(json.dumps({"device_code": code, "user_code": "ABCD-EFGH", "interval": 1, "expires_in": 60,
                                    "verification_uri": f"{issuer}/activate?code={code}"}), "application/json")
        else:
            self.send_error(404)

    def log_in(self, query):
        code = secrets.token_urlsafe(16)
        PENDING[code] = query
        self.send_response(302)
        self.send_header("Location", query["redirect_uri"] + "?" + urlencode({"code": code, "state": query["state"]}))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        issuer, path = self.issuer_and_path()
        query = dict(parse_qsl(urlsplit(self.path).query))
        if path == "/.well-known/openid-configuration":
            self.answer(json.dumps({
                "issuer": issuer, "jwks_uri": issuer + "/keys", "token_endpoint": issuer + "/token",
                "authorization_endpoint": issuer + "/auth", "response_types_supported": ["code", "id_token"],
                "device_authorization_endpoint": issuer + "/device",
                "subject_types_supported": ["public"], "scopes_supported": ["openid", "email"],
                "claims_supported": ["iss", "aud", "sub", "iat", "exp", "email", "email_verified"],
                "id_token_signing_alg_values_supported": ["RS256"]}), "application/json")
        elif path == "/keys":
            self.answer(json.dumps({"keys": [JWK]}), "application/json")
        elif path == "/token":
            self.answer(token(issuer, query), "text/plain")
        elif path == "/auth":
            self.log_in(query)
        elif path == "/activate":
            PENDING[query["code"]]["agreed"] = True
            self.answer("agreed", "text/plain")
        else:
            self.send_error(404)

    def answer(self, text, kind, status=200):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, form, *args):  # the token is never logged, only the path
        sys.stderr.write("%s %s\n" % (self.command, urlsplit(self.path).path))


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
