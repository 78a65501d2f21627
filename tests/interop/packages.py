#!/usr/bin/env python3
"""Compare the packages that supercargo found in an image with what the installers say.

usage: packages.py TARGET TRUTH.tsv DIFFERENCES.tsv CYCLONEDX.json SPDX.json PURLS.txt

The sets of (ecosystem, name, version) must be equal, except for the lines of DIFFERENCES.tsv that
name TARGET: sign (+ found but not in the truth, - the reverse), targets, ecosystem, name, version,
reason. Such a line must occur: one that no longer does is an error too. The three documents must
name the same package URLs. Prints each difference, and exits with 1 when there is one.
"""
import json
import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote

PURL = re.compile(r"pkg:(?P<type>[^/]+)/(?P<path>[^@?#]+)(@(?P<version>[^?#]*))?(\?(?P<qualifiers>[^#]*))?(#.*)?")


def normal(ecosystem, name):
    """The spelling that the package URL specification wants."""
    if ecosystem == "pypi":
        return re.sub(r"[-_.]+", "-", name).lower()
    return name.lower() if ecosystem == "golang" else name


def package(purl):
    """The line of the truth that a package URL stands for."""
    found = PURL.fullmatch(purl)
    assert found, f"not a package URL: {purl}"
    ecosystem, version = found["type"], unquote(found["version"] or "")
    parts = [unquote(part) for part in found["path"].split("/")]
    if ecosystem in ("deb", "rpm", "apk"):
        parts = parts[-1:]
    epoch = parse_qs(found["qualifiers"] or "").get("epoch")
    if ecosystem == "rpm" and epoch:
        version = f"{epoch[0]}:{version}"
    name = (":" if ecosystem == "maven" else "/").join(parts)
    return ecosystem, normal(ecosystem, name), version


def components(document):
    for component in document.get("components", []):
        yield component
        yield from components(component)


def cyclonedx_purls(path):
    return {c["purl"] for c in components(json.loads(Path(path).read_text())) if "purl" in c and c["type"] != "operating-system"}


def spdx_purls(path):
    document = json.loads(Path(path).read_text())
    references = [r for p in document["packages"] for r in p.get("externalRefs", [])]
    return {r["referenceLocator"] for r in references if r["referenceType"] == "purl"}


def rows(path):
    lines = Path(path).read_text().splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def known(path, target):
    """The differences that are right, for one target."""
    return {(sign, ecosystem, normal(ecosystem, name), version)
            for sign, targets, ecosystem, name, version, _reason in rows(path) if target in targets.split(",")}


def main(target, truth_path, differences_path, cyclonedx, spdx, purl_list):
    truth = {(ecosystem, normal(ecosystem, name), version) for ecosystem, name, version in rows(truth_path)}
    purls = cyclonedx_purls(cyclonedx)
    found = {package(purl) for purl in purls}
    differences = {("+", *line) for line in found - truth} | {("-", *line) for line in truth - found}
    expected = known(differences_path, target)

    problems = ["\t".join(line) for line in sorted(differences - expected)]
    problems += ["no longer so: " + "\t".join(line) for line in sorted(expected - differences)]
    # The image itself may have a package URL too, of type oci.
    listed = {line for line in Path(purl_list).read_text().splitlines() if line}
    for name, other in (("SPDX", spdx_purls(spdx)), ("the purl list", listed)):
        problems += [f"{name} differs: {purl}" for purl in sorted(other ^ purls) if not purl.startswith("pkg:oci/")]
    print(*problems, f"{target}: {len(truth)} in the truth, {len(found)} found, {len(expected)} known differences", sep="\n")
    return 1 if problems else 0


sys.exit(main(*sys.argv[1:]))
