"""An InsightFace folder, assembled: its recogniser behind the open pack's detector and mesh, or its own detector."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from hadir.core.errors import PackError
from hadir.core.thresholds import ThresholdTable
from hadir.faces.analysis import AssembledPack
from hadir.faces.five_points import FivePointGauge
from hadir.faces.front import build_front, read_array
from hadir.faces.insightface_models import ArcFaceEmbedder, ScrfdDetector
from hadir.faces.insightface_parts import Model, find_parts
from hadir.faces.manifest import CANONICAL_FACE, MANIFEST, read_files, read_manifest, space_of, threshold_table
from hadir.faces.mesh import POINTS
from hadir.faces.model_licence import licence_of
from hadir.faces.open_pack import shipped_folder
from hadir.faces.own_front import OwnFrontPack
from hadir.faces.pack import FacePack, PackInfo
from hadir.faces.pack_record import FrontKind, read_checked, read_record
from hadir.faces.runtime import CPU, Runtime

__all__ = ["THRESHOLDS", "load_insightface_pack"]

THRESHOLDS = "hadir-thresholds.json"
"""Beside the models: `embedding_space`, `thresholds` as in a manifest (of one precision), `identify_margin`."""

IDENTIFY_MARGIN = 0.02
PRECISION = "fp32"

_RECOGNISER_SPACE = {"alignment": "arcface 112", "views": "chip mirror", "precision": PRECISION}


@dataclass(frozen=True, slots=True)
class _Calibration:
    embedding_space: str
    thresholds: dict[str, dict[str, float | None]]
    identify_margin: float = IDENTIFY_MARGIN


def load_insightface_pack(folder: Path, runtime: Runtime = CPU, front: FrontKind | None = None) -> FacePack:
    """Load the one ArcFace recogniser of `folder` behind `front`: "open" is the open pack's detector and mesh (as
    accurate, a tenth of the cost), "own" the folder's SCRFD. None: as the folder's record says, else "open". Landmark,
    age and other models that lie there are left alone.

    Raises:
        PackError: there is no such recogniser or more than one, no such detector, a file was altered or cannot be
            loaded, or the thresholds are of another space.
    """
    record = read_record(folder)
    contents = read_checked(folder, record) if record is not None else _read_all(folder)
    parts = find_parts(contents, str(folder), runtime)
    embedder = ArcFaceEmbedder(folder / parts.recogniser.file, parts.recogniser.session)
    if front is None:
        front = record.front if record is not None else "open"
    files, part = _open_front() if front == "open" else _own_front(parts.detector, folder)
    space = space_of({**part, "descriptor": parts.recogniser.sha256, **_RECOGNISER_SPACE})
    thresholds, margin = _calibration(folder / THRESHOLDS, space)
    info = PackInfo(
        name=folder.name if record is None else record.name,
        licence=licence_of(folder.name, folder).name if record is None else record.licence,
        embedding_space=space,
        dimension=embedder.dimension,
        precision=PRECISION,
        runtime=embedder.provider,
        thresholds=thresholds,
        identify_margin=margin,
        files={parts.recogniser.file: parts.recogniser.sha256, **files},
    )
    return _assembled(info, embedder, None if front == "open" else parts.detector, runtime)


def _open_front() -> tuple[dict[str, str], dict[str, str]]:
    """The front's files with their checksums, and what it adds to the embedding space."""
    manifest = read_manifest(shipped_folder())
    detector, landmarks = manifest.detector.file, manifest.landmarks.file
    files = {name: manifest.files[name].sha256 for name in (detector, landmarks)}
    return files, {"detector": files[detector], "landmarks": files[landmarks]}


def _own_front(detector: Model | None, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    if detector is None:
        raise PackError(
            f"{folder} holds no single SCRFD detector with five points: take the open pack's (--front open)"
        )
    part = {"detector": detector.sha256, "landmarks": "five points of the detector", "look": "640, else with a border"}
    return {detector.file: detector.sha256}, part


def _assembled(info: PackInfo, embedder: ArcFaceEmbedder, own: Model | None, runtime: Runtime) -> FacePack:
    """The pack behind its own detector, or behind the open pack's."""
    manifest = read_manifest(shipped_folder())
    shipped = read_files(shipped_folder(), manifest)
    if own is None:
        front = build_front(manifest, shipped, runtime)
        together = Runtime(embedder.provider).together
        return AssembledPack(info, front.locator, front.template, manifest.quality, embedder, together=together)
    canonical = read_array(shipped, CANONICAL_FACE, (POINTS, 3)).astype(np.float32)
    gauge = FivePointGauge(canonical, manifest.quality)
    return OwnFrontPack(info, ScrfdDetector(own.session), gauge, embedder, manifest.quality.second_face_ratio)


def _read_all(folder: Path) -> dict[str, bytes]:
    """The models of a folder that nobody added to a store, and their manifest."""
    paths = (*sorted(folder.glob("*.onnx")), folder / MANIFEST)
    return {path.name: path.read_bytes() for path in paths if path.is_file()}


def _calibration(path: Path, space: str) -> tuple[ThresholdTable, float]:
    """The pack's own thresholds; without a file none, so that a snapshot must bring its own."""
    if not path.exists():
        return ThresholdTable({}), IDENTIFY_MARGIN
    try:
        calibration = msgspec.json.decode(path.read_bytes(), type=_Calibration)
    except msgspec.DecodeError as err:
        raise PackError(f"{path} is not a table of thresholds: {err}") from err
    if calibration.embedding_space != space:
        raise PackError(f"{path} is for embedding space {calibration.embedding_space}, the models make {space}")
    return threshold_table(calibration.thresholds, str(path)), calibration.identify_margin
