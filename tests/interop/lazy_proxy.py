#!/usr/bin/env python3
"""Stand before a registry, count the bytes of blobs that it sends, and damage one of them.

usage: lazy_proxy.py PORT UPSTREAM FOLDER

UPSTREAM is host:port. Each answer with bytes of a blob adds a line to FOLDER/served: digest, first byte, count, and
the status. A line `DIGEST OFFSET` in FOLDER/flip changes the byte of that blob at that offset, whichever way it is
asked for.
"""
import http.client
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BLOB = re.compile(r"/blobs/(sha256:[0-9a-f]{64})$")
PASSED_ON = ("accept", "range", "user-agent", "if-range")
NOT_PASSED_BACK = ("connection", "transfer-encoding", "date", "server")


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are sent apart, and the wait for the first would be 40 ms
    upstream = folder = None

    def do_GET(self):
        upstream = http.client.HTTPConnection(self.upstream, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
        upstream.request(self.command, self.path, headers=headers)
        answer = upstream.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in NOT_PASSED_BACK:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.pass_body(answer, BLOB.search(self.path))
        upstream.close()

    do_HEAD = do_GET

    def pass_body(self, answer, blob):
        place = re.match(r"bytes (\d+)-", answer.getheader("Content-Range") or "")
        begin = at = int(place[1]) if place else 0
        flip = self.flip_of(blob[1]) if blob and answer.status in (200, 206) else None
        try:
            while piece := bytearray(answer.read(1 << 16)):
                if flip is not None and at <= flip < at + len(piece):
                    piece[flip - at] ^= 0x55
                self.wfile.write(piece)
                at += len(piece)
        finally:
            if blob:
                with open(self.folder / "served", "a") as served:
                    served.write(f"{blob[1]} {begin} {at - begin} {answer.status}\n")

    def flip_of(self, digest):
        file = self.folder / "flip"
        words = file.read_text().split() if file.exists() else []
        return int(words[1]) if words[:1] == [digest] else None

    def log_message(self, *_):
        pass


def main(port, upstream, folder):
    Proxy.upstream, Proxy.folder = upstream, Path(folder)
    ThreadingHTTPServer(("127.0.0.1", int(port)), Proxy).serve_forever()


main(*sys.argv[1:])
