"""InsightFace's own manifest (version 2), where a pack brings one: which of its files does what.

Packs without it (the buffalo ones, antelopev2) are told apart by the shapes of their models, as insightface does. With
it a verifier of faces, whose shape is that of a recogniser, is not taken for one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from hadir.core.errors import PackError
from hadir.faces.manifest import MANIFEST

__all__ = ["is_insightface_manifest", "tasks_of"]

VERSION = 2
PREPROCESSING = {
    "detection": {"mean": 127.5, "std": 128.0},
    "recognition": {"mean": 127.5, "std": 127.5},
}
"""What a task's input is when the manifest does not say, and all that this version of Hadir does."""


def is_insightface_manifest(content: bytes) -> bool:
    """Whether a manifest.json is one of InsightFace's, of any version, and not one of the open format."""
    try:
        document = json.loads(content)
    except ValueError:
        return False
    return isinstance(document, dict) and "manifest_version" in document


def tasks_of(contents: Mapping[str, bytes], origin: str) -> dict[str, str] | None:
    """The files of `detection` and `recognition`, as far as the pack's manifest names them; None without a manifest.

    Raises:
        PackError: the manifest cannot be read, names a file that is not there, or asks for another preprocessing.
    """
    content = contents.get(MANIFEST)
    if content is None:
        return None
    try:
        document: Any = json.loads(content)
        if document["manifest_version"] != VERSION:
            return None
        tasks = {task: document["tasks"][task] for task in PREPROCESSING if task in document["tasks"]}
        files = {task: PurePosixPath(entry["file"]).name for task, entry in tasks.items()}
    except (ValueError, KeyError, TypeError) as err:
        raise PackError(f"{origin}: {MANIFEST} is not a manifest of InsightFace's: fetch the pack again") from err
    for task, entry in tasks.items():
        if (wanted := entry.get("preprocessing", PREPROCESSING[task])) != PREPROCESSING[task]:
            raise PackError(
                f"{origin}: its {task} wants preprocessing {wanted!r}, this version does {PREPROCESSING[task]!r}"
            )
        if files[task] not in contents:
            raise PackError(f"{origin}: {MANIFEST} names {files[task]!r}, which is not there: fetch the pack again")
    return files
