"""What is inside an installation, as a CycloneDX 1.6 bill of materials: the lock's packages with version and licence,
Hadir, and the model files that it ships. Run by the Python whose packages it lists:

python dev/sbom.py requirements.lock > hadir.cdx.json
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import json
import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from packaging.markers import Marker

__all__ = ["Locked", "bill", "licence_of", "locked"]

SAID_ELSEWHERE = {"insightface": "MIT"}
"""Licences that a package's metadata keep back: InsightFace's own description grants its code under MIT (not the models
that others trained with it, of which none is inside)."""

SPDX = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "ISC License": "ISC",
    "MIT License": "MIT",
}
"""What authors write for what SPDX calls otherwise."""
_IDENTIFIERS = {*SPDX.values(), "BSD-2-Clause", "LGPL-2.1-or-later", "MPL-2.0", "PSF-2.0"}
_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)+")
_LONGEST_NAME = 40
_LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ;(?P<marker>[^\\]*))?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock, for the platforms that its marker names."""

    name: str
    version: str
    marker: str = ""

    @property
    def here(self) -> bool:
        """Whether it is for this platform."""
        return not self.marker or Marker(self.marker).evaluate()


def locked(text: str) -> list[Locked]:
    """Every package of a lock as uv writes them, whatever its platform."""
    return [
        Locked(found["name"].lower(), found["version"], (found["marker"] or "").strip())
        for found in _LOCKED.finditer(text)
    ]


def licence_of(name: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """By its expression, its short name, or its classifier, in CycloneDX's words. `metadata` as `PackageMetadata.json`.

    Raises:
        LookupError: it says nothing at all.
    """
    if expression := metadata.get("license_expression"):
        return {"expression": expression}
    lines = (metadata.get("license") or "").strip().splitlines()
    classifiers = [one.split(" :: ")[-1] for one in metadata.get("classifier", []) if one.startswith("License ::")]
    short = lines if len(lines) == 1 and len(lines[0]) <= _LONGEST_NAME else []
    said = next((one for one in (*short, *classifiers, *[SAID_ELSEWHERE.get(name, "")]) if one), "")
    if not said:
        raise LookupError(f"{name} says nothing about its licence: look, and add it to SAID_ELSEWHERE with the source")
    identifier = SPDX.get(said, said)
    if _EXPRESSION.fullmatch(identifier):
        return {"expression": identifier}
    return {"license": {"id": identifier} if identifier in _IDENTIFIERS else {"name": identifier}}


def bill(lock: Path) -> dict[str, Any]:
    """The whole document. The same installation gives the same document.

    Raises:
        LookupError: a locked package is not installed in that version, or has no licence.
    """
    packages = [_package(one) for one in locked(lock.read_text(encoding="utf-8")) if one.here]
    hadir = importlib.metadata.distribution("hadir")
    subject = {
        "type": "application",
        "bom-ref": "hadir",
        "name": "hadir",
        "version": hadir.version,
        "licenses": [licence_of("hadir", hadir.metadata.json)],
    }
    components = [*packages, *_models(importlib.resources.files("hadir.faces") / "weights" / "manifest.json")]
    content = json.dumps([subject, components], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {
            "component": subject,
            "properties": [
                {"name": f"hadir:{lock.name}:sha256", "value": hashlib.sha256(lock.read_bytes()).hexdigest()}
            ],
        },
        "components": components,
        "dependencies": [{"ref": "hadir", "dependsOn": [one["bom-ref"] for one in packages]}],
    }


def _package(one: Locked) -> dict[str, Any]:
    installed = importlib.metadata.distribution(one.name)
    if installed.version != one.version:
        raise LookupError(f"{one.name} {installed.version} is installed, and the lock says {one.version}")
    address = f"pkg:pypi/{one.name}@{one.version}"
    return {
        "type": "library",
        "bom-ref": address,
        "name": one.name,
        "version": one.version,
        "purl": address,
        "licenses": [licence_of(one.name, installed.metadata.json)],
    }


def _models(manifest: Traversable) -> Iterator[dict[str, Any]]:
    """The open pack's files; whose is whose stands in the licence's own words."""
    content = json.loads(manifest.read_text(encoding="utf-8"))
    for name, facts in sorted(content["files"].items()):
        if name.endswith(".onnx"):
            yield {
                "type": "machine-learning-model",
                "bom-ref": f"model:{name}",
                "name": name,
                "version": str(content["version"]),
                "hashes": [{"alg": "SHA-256", "content": facts["sha256"]}],
                "licenses": [{"license": {"name": content["licence"]}}],
            }


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        json.dump(bill(Path(arguments[0])), sys.stdout, indent=1)
    except (importlib.metadata.PackageNotFoundError, LookupError) as err:
        print(f"no bill of materials: {err}", file=sys.stderr)
        return 1
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
