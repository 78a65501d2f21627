#!/usr/bin/env python3
"""truth.py ROOT FILE: what is in a root file system, by means that no SBOM tool shares with us.

Writes name, version, ecosystem, evidence and path, tab-separated and sorted. Evidence is
  db        a package database (dpkg-query itself)
  meta      installed metadata
  vendored  metadata copied into another package
  file      an archive
  embedded  something inside an archive or program (`go version -m`, the crate list of cargo auditable)
  main      the main module of a Go program
  replaced  a Go module that stands in for another
  build     a crate that was needed for building only
"""
import email.parser
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib

ROOT, TARGET = sys.argv[1:3]
MOUNTED = {"proc", "sys", "dev", "mnt"}
VENDORED = {"_vendor", "_vendored", "vendor", "vendored"}
rows = set()


def add(name, version, ecosystem, evidence, path):
    rows.add((name, version, ecosystem, evidence, path))


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def debian():
    database = f"{ROOT}/var/lib/dpkg"
    if os.path.exists(f"{database}/status"):
        fields = "${Package}\t${Version}\t${db:Status-Abbrev}\n"
        for line in output("dpkg-query", f"--admindir={database}", "-W", "-f", fields).splitlines():
            name, version, status = line.split("\t")
            if status.startswith("ii"):
                add(name, version, "deb", "db", "/var/lib/dpkg/status")


def python_metadata(file, path):
    evidence = "vendored" if VENDORED & set(path.split("/")) else "meta"
    with open(file, encoding="utf8", errors="replace") as text:
        headers = email.parser.HeaderParser().parsestr(text.read())
    if headers["Name"]:
        add(headers["Name"], headers["Version"] or "", "pypi", evidence, path)


def npm_manifest(file, folder):
    parts = folder.split("/")
    is_scoped = len(parts) > 2 and parts[-3] == "node_modules" and parts[-2].startswith("@")
    if len(parts) < 2 or not (parts[-2] == "node_modules" or is_scoped):
        return
    try:
        with open(file, encoding="utf8") as text:
            manifest = json.load(text)
    except ValueError:
        return
    if isinstance(manifest, dict) and manifest.get("name") and manifest.get("version"):
        add(manifest["name"], manifest["version"], "npm", "meta", folder)


def gemspec(name, path):
    found = re.match(r"(.+)-(\d[\w.]*)\.gemspec", name)
    if found:
        add(found[1], found[2], "gem", "meta", path)


def properties(archive, member):
    lines = archive.read(member).decode("utf8", "replace").splitlines()
    pairs = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    pairs = {key.strip(): value.strip() for key, value in pairs.items()}
    return pairs.get("artifactId", ""), pairs.get("version", "")


def manifest_version(archive):
    try:
        text = archive.read("META-INF/MANIFEST.MF").decode("utf8", "replace")
    except KeyError:
        return ""
    text = text.replace("\r\n", "\n").replace("\n ", "")
    found = re.search(r"^(?:Implementation-Version|Bundle-Version): *(.+)$", text, re.M)
    return found[1].strip() if found else ""


def java(data, path):
    try:
        archive = zipfile.ZipFile(data)
    except (zipfile.BadZipFile, OSError):
        add(os.path.basename(path), "", "jar-broken", "file", path)
        return
    stem = re.sub(r"\.(jar|war|ear|jpi|hpi)$", "", path.split("/")[-1])
    pom = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")
    poms = [properties(archive, name) for name in archive.namelist() if pom.fullmatch(name)]
    poms = [(name, version) for name, version in poms if name]
    fitting = [found for found in poms if stem.startswith(found[0]) or len(poms) == 1]
    own = max(fitting, key=lambda found: len(found[0]), default=None)
    if own:
        add(*own, "maven", "file", path)
    else:
        named = re.match(r"(.+?)-(\d[\w.+~-]*)$", stem)
        add(*(named.groups() if named else (stem, manifest_version(archive))), "maven", "file", path)
    for found in poms:
        if found != own:
            add(*found, "maven", "embedded", path)
    for name in archive.namelist():
        if re.search(r"\.(jar|war|ear)$", name):
            java(io.BytesIO(archive.read(name)), f"{path}!/{name}")


def go_modules(file, path):
    lines = output("go", "version", "-m", file).splitlines()
    if not lines:
        return
    add("stdlib", lines[0].rsplit(": ", 1)[-1].replace("go", "", 1), "golang", "embedded", path)
    last = None
    for fields in (line.split("\t")[1:] for line in lines[1:]):
        fields += [""] * (3 - len(fields))
        if fields[0] in ("dep", "mod"):
            last = (fields[1], fields[2], "golang", "main" if fields[0] == "mod" else "embedded", path)
            rows.add(last)
        elif fields[0] == "=>" and last:
            rows.discard(last)
            add(fields[1], fields[2], "golang", "replaced", path)


def crates(file, path):
    with tempfile.NamedTemporaryFile() as section:
        copy = ["--only-section=.dep-v0", "--set-section-flags", ".dep-v0=alloc", file, section.name]
        output("objcopy", "-O", "binary", *copy)
        with open(section.name, "rb") as packed:
            data = packed.read()
    try:
        listed = json.loads(zlib.decompress(data))["packages"] if data else []
    except (ValueError, KeyError, zlib.error):
        return
    for crate in listed:
        evidence = "build" if crate.get("kind") == "build" else "embedded"
        add(crate["name"], crate["version"], "cargo", evidence, path)


def program(file, path):
    with open(file, "rb") as handle:
        data = handle.read()
    if not data.startswith(b"\x7fELF"):
        return
    if b"\xff Go buildinf:" in data:
        go_modules(file, path)
    if b".dep-v0" in data:
        crates(file, path)


def visit(folder, names):
    path = folder[len(ROOT):] or "/"
    if path.endswith((".dist-info", ".egg-info")):
        for name in ("METADATA", "PKG-INFO"):
            if os.path.isfile(f"{folder}/{name}"):
                python_metadata(f"{folder}/{name}", path)
                break
    for name in names:
        file, place = f"{folder}/{name}", f"{path.rstrip('/')}/{name}"
        if os.path.islink(file) or not os.path.isfile(file):
            continue
        if name.endswith(".egg-info"):
            python_metadata(file, place)
        elif name == "package.json":
            npm_manifest(file, path)
        elif name.endswith((".jar", ".war", ".ear")):
            java(file, place)
        elif name.endswith(".gemspec") and "specifications" in path.split("/"):
            gemspec(name, place)
        elif os.stat(file).st_mode & 0o111 and os.path.getsize(file) > 4096:
            program(file, place)


debian()
for folder, folders, names in os.walk(ROOT):
    if folder == ROOT:
        folders[:] = [name for name in folders if name not in MOUNTED]
    visit(folder, names)
with open(TARGET, "w", encoding="utf8", errors="surrogateescape") as table:
    table.write("name\tversion\tecosystem\tevidence\tpath\n")
    for row in sorted(rows, key=lambda row: (row[2], row[0], row[1], row[4], row[3])):
        table.write("\t".join(row) + "\n")
