#!/usr/bin/env python3
"""Check an SBOM with the validator of its format, and that nothing in it refers to what is not there.

usage: documents.py cyclonedx|spdx VERSION FILE
       documents.py <LINES      each line as above; FILE.log and FILE.status take what came of it

Needs cyclonedx-python-lib[validation] and spdx-tools. The former does not look for dangling or doubled
references, so this does, for both formats. Prints the problems, and exits with 1 when there are any.
"""
import json
import multiprocessing
import sys
import traceback
from collections import Counter
from pathlib import Path


def cyclonedx(version, path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = Path(path).read_text()
    document = json.loads(text)
    if document.get("specVersion") != version:
        yield f"version {document.get('specVersion')} instead of {version}"
    error = JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(text)
    if error is not None:
        yield f"validator: {error.data}"
    defined = Counter(cyclonedx_refs(document))
    yield from doubled(defined)
    for edge in document.get("dependencies", []):
        yield from dangling(defined, [edge["ref"], *edge.get("dependsOn", []), *edge.get("provides", [])])
    for entry in document.get("compositions", []):
        yield from dangling(defined, entry.get("assemblies", []) + entry.get("dependencies", []))
    for entry in document.get("annotations", []):
        yield from dangling(defined, entry.get("subjects", []))
    yield from doubled(Counter(edge["ref"] for edge in document.get("dependencies", [])))


def cyclonedx_refs(value):
    """Every bom-ref, wherever it stands."""
    if isinstance(value, dict):
        if "bom-ref" in value:
            yield value["bom-ref"]
        for inner in value.values():
            yield from cyclonedx_refs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from cyclonedx_refs(inner)


def spdx(version, path):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    document = json.loads(Path(path).read_text())
    if document.get("spdxVersion") != f"SPDX-{version}":
        yield f"version {document.get('spdxVersion')} instead of SPDX-{version}"
    for message in validate_full_spdx_document(parse_file(str(path))):
        yield f"validator: {message.validation_message}"
    elements = [document, *document.get("packages", []), *document.get("files", []), *document.get("snippets", [])]
    defined = Counter(element["SPDXID"] for element in elements)
    yield from doubled(defined)
    for edge in document.get("relationships", []):
        yield from dangling(defined, [edge["spdxElementId"]])
        if edge["relatedSpdxElement"] not in ("NONE", "NOASSERTION"):
            yield from dangling(defined, [edge["relatedSpdxElement"]])
    yield from dangling(defined, document.get("documentDescribes", []))


def doubled(counts):
    return (f"{count} times defined: {name}" for name, count in counts.items() if count > 1)


def dangling(defined, names):
    return (f"refers to nothing: {name}" for name in names if name not in defined)


def problems(kind, version, path):
    found = list({"cyclonedx": cyclonedx, "spdx": spdx}[kind](version, path))
    return [*found[:20], f"{path}: {len(found)} problems"], 1 if found else 0


def noted(line):
    """Checks one of many, and leaves what came of it beside the file."""
    kind, version, path = line.split(maxsplit=2)
    try:
        text, status = problems(kind, version, path)
    except Exception:
        text, status = [traceback.format_exc()], 1
    Path(path + ".log").write_text("\n".join(text) + "\n")
    Path(path + ".status").write_text(f"{status}\n")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        # The libraries take half a second to load: one process for each core, and not for each file.
        with multiprocessing.Pool() as pool:
            pool.map(noted, sys.stdin.read().splitlines(), chunksize=1)
        sys.exit(0)
    text, status = problems(*sys.argv[1:])
    print(*text, sep="\n")
    sys.exit(status)
