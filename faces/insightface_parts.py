"""Which file of an InsightFace pack is the recogniser and which the detector."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hadir.core.errors import PackError
from hadir.faces.insightface_manifest import tasks_of
from hadir.faces.insightface_models import is_arcface, is_scrfd
from hadir.faces.onnx import Session, open_session
from hadir.faces.runtime import Runtime

__all__ = ["Model", "Parts", "find_parts"]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One file of a pack, open."""

    file: str
    session: Session
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """`detector` None: the pack brings none with five points, or more than one."""

    recogniser: Model
    detector: Model | None


def find_parts(contents: Mapping[str, bytes], origin: str, runtime: Runtime) -> Parts:
    """Open what a pack's files `contents` (by name) are: as its manifest says, else by the shapes of its *.onnx.

    Raises:
        PackError: there is not exactly one recogniser, or a model cannot be loaded; the message has `origin`.
    """
    tasks = tasks_of(contents, origin) or {}
    models = {
        name: Model(name, open_session(content, name, runtime), hashlib.sha256(content).hexdigest())
        for name, content in sorted(contents.items())
        if name.endswith(".onnx") and (not tasks or name in tasks.values())
    }
    recognisers = _of_shape(models, tasks.get("recognition"), is_arcface)
    detectors = _of_shape(models, tasks.get("detection"), is_scrfd)
    if len(recognisers) != 1:
        names = ", ".join(model.file for model in recognisers) or "none"
        raise PackError(f"{origin} holds these recognisers of ArcFace's shape [N, 3, 112, 112]: {names}; expected one")
    return Parts(recognisers[0], detectors[0] if len(detectors) == 1 else None)


def _of_shape(models: Mapping[str, Model], named: str | None, has_shape: Callable[[Session], bool]) -> list[Model]:
    return [model for name, model in models.items() if named in {None, name} and has_shape(model.session)]
