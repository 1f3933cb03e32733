"""The open pack's manifest.json: fixed facts, checksums of the files, and what was measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hadir.core.errors import PackError

__all__ = ["FILES", "MANIFEST", "Measured", "compose", "differing", "layout", "read_measured"]

MANIFEST = "manifest.json"
MOST_COLUMNS = 240
FILES = (
    "canonical_face.npy",
    "descriptor_fp16.onnx",
    "descriptor_int8.onnx",
    "golden_chip.npz",
    "mesh.onnx",
    "short.onnx",
    "statistics.npz",
)
"""All that the pack is, besides the manifest and the papers."""

_FACTS = {
    "schema": 1,
    "name": "open",
    "version": "1",
    "licence": "Apache-2.0 (detector, mesh), CC0 (descriptor)",
    "detector": {"file": "short.onnx", "input": 128, "model": "MediaPipe BlazeFace, short range"},
    "landmarks": {"file": "mesh.onnx", "input": 192, "model": "MediaPipe face mesh, 468 points"},
    "alignment": {"template": "canonical", "chip_px": 150},
    "views": ["chip", "mirror"],
    "descriptor": {
        "int8": "descriptor_int8.onnx",
        "fp16": "descriptor_fp16.onnx",
        "dimension": 128,
        "model": "dlib face recognition ResNet v1",
    },
    "statistics": "statistics.npz",
}
_MEASURED = ("golden", "identify_margin", "thresholds", "measured")


@dataclass(frozen=True, slots=True)
class Measured:
    """The sections that only measuring can give, as they stand in the manifest. `golden` and `thresholds` are keyed by
    precision."""

    golden: Mapping[str, list[float]]
    identify_margin: float
    thresholds: Mapping[str, Mapping[str, Mapping[str, float | None]]]
    measured: Mapping[str, Any]


def compose(files: Mapping[str, bytes], quality: Mapping[str, Any], measured: Measured) -> str:
    """The manifest's text for these file contents. Raises PackError where a file of the pack is missing."""
    if missing := sorted(set(FILES) - set(files)):
        raise PackError(f"the pack has no {', '.join(missing)}: restore it from version control or measure anew")
    checksums = {name: {"sha256": hashlib.sha256(files[name]).hexdigest(), "bytes": len(files[name])} for name in FILES}
    sections = {key: getattr(measured, key) for key in _MEASURED}
    return layout({**_FACTS, "files": checksums, "quality": dict(quality), **sections}) + "\n"


def read_measured(folder: Path) -> Measured:
    """The measured sections of `folder`'s manifest. Raises PackError where there is none to keep."""
    manifest = _read(folder)
    try:
        return Measured(**{key: manifest[key] for key in _MEASURED})
    except KeyError as err:
        raise PackError(f"{MANIFEST} has no {err.args[0]!r}: restore it from version control or measure anew") from err


def differing(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Those of `files` that are not, byte for byte, what `folder`'s manifest was measured with."""
    listed = _read(folder).get("files", {})
    return [
        name
        for name, content in sorted(files.items())
        if listed.get(name, {}).get("sha256") != hashlib.sha256(content).hexdigest()
    ]


def layout(value: Any, indent: int = 0) -> str:
    """JSON with one line for what fits and for plain lists, so that a change is a readable difference."""
    line = json.dumps(value, ensure_ascii=False)
    nested = isinstance(value, dict | list) and any(isinstance(inner, dict) for inner in value)
    if len(line) <= MOST_COLUMNS or not (isinstance(value, dict) or nested):
        return line
    margin, inner_margin = " " * indent, " " * (indent + 1)
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner_margin + layout(inner, indent + 1) for inner in value) + f"\n{margin}]"
    lines = [f"{inner_margin}{json.dumps(key)}: {layout(inner, indent + 1)}" for key, inner in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{margin}}}"


def _read(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise PackError(f"{path} cannot be read: restore it from version control, or measure with FACES=DIR") from err
    return manifest
