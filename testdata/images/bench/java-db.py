#!/usr/bin/env python3
"""java-db.py FOLDER: an empty Java database of trivy, which looks at no image with a jar before it has one."""
import json
import os
import sqlite3
import sys

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
file = os.path.join(folder, "trivy-java.db")
if os.path.exists(file):
    os.remove(file)
with sqlite3.connect(file) as database:
    database.executescript("""
        CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);
        CREATE TABLE indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT, license TEXT,
                             FOREIGN KEY (artifact_id) REFERENCES artifacts(id));
        CREATE UNIQUE INDEX indices_sha1_idx ON indices(sha1);
        CREATE UNIQUE INDEX artifacts_idx ON artifacts(artifact_id, group_id);
    """)
with open(os.path.join(folder, "metadata.json"), "w", encoding="utf8") as metadata:
    times = {"UpdatedAt": "2026-01-01T00:00:00Z", "DownloadedAt": "2026-01-01T00:00:00Z"}
    json.dump({"Version": 1, "NextUpdate": "2099-01-01T00:00:00Z", **times}, metadata)
