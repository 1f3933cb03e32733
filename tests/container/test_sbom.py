"""The bill of materials names every locked package of this platform, with its version and a licence."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from dev.sbom import bill, licence_of, locked
from tests.source_tree import ROOT, source_files

LOCK = ROOT / "requirements.lock"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    source_files("dev")  # skips where there is no checkout
    return bill(LOCK)


def test_every_locked_package_is_in_it_with_version_and_licence(document: dict[str, Any]) -> None:
    here = {(one.name, one.version) for one in locked(LOCK.read_text(encoding="utf-8")) if one.here}
    libraries = [one for one in document["components"] if one["type"] == "library"]
    assert {(one["name"], one["version"]) for one in libraries} == here
    assert len(here) == len(libraries) > 60
    for one in libraries:
        [licence] = one["licenses"]
        assert licence.get("expression") or licence["license"].get("id") or licence["license"]["name"], one["name"]
        assert one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}"


def test_no_package_of_the_lock_is_overlooked_by_the_reader() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert len(locked(text)) == sum("==" in line and not line.startswith((" ", "#")) for line in text.splitlines())


def test_the_models_are_in_it_with_their_hashes(document: dict[str, Any]) -> None:
    models = {one["name"]: one for one in document["components"] if one["type"] == "machine-learning-model"}
    shipped = {name.rpartition("/")[2] for name in source_files("faces") if name.endswith(".onnx")}
    assert set(models) == shipped
    assert all(one["hashes"][0]["alg"] == "SHA-256" for one in models.values())


def test_what_it_depends_on_is_named_by_references_that_exist(document: dict[str, Any]) -> None:
    references = {one["bom-ref"] for one in document["components"]}
    assert len(references) == len(document["components"])
    [own] = document["dependencies"]
    assert set(own["dependsOn"]) <= references
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")


def test_the_same_installation_gives_the_same_document(document: dict[str, Any]) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "dev" / "sbom.py", LOCK], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    assert json.loads(done.stdout) == document


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ({"license_expression": "MIT OR Apache-2.0"}, {"expression": "MIT OR Apache-2.0"}),
        ({"license": "Apache 2.0"}, {"license": {"id": "Apache-2.0"}}),
        ({"license": "MPL-2.0 AND MIT"}, {"expression": "MPL-2.0 AND MIT"}),
        (
            {"license": "Copyright\nand forty more lines", "classifier": ["License :: OSI Approved :: BSD License"]},
            {"license": {"name": "BSD License"}},
        ),
    ],
)
def test_a_licence_is_read_as_its_author_wrote_it(metadata: dict[str, Any], licence: dict[str, Any]) -> None:
    assert licence_of("x", metadata) == licence


def test_a_package_without_a_licence_stops_the_build() -> None:
    with pytest.raises(LookupError, match="x says nothing about its licence"):
        licence_of("x", {})
