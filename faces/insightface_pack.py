"""An InsightFace folder, assembled: its recogniser behind the open pack's detector and mesh."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hadir.core.errors import PackError
from hadir.core.thresholds import ThresholdTable
from hadir.faces.analysis import AssembledPack
from hadir.faces.arcface import ArcFaceEmbedder, is_arcface
from hadir.faces.front import build_front
from hadir.faces.manifest import read_files, read_manifest, space_of, threshold_table
from hadir.faces.onnx import Session, open_session
from hadir.faces.open_pack import shipped_folder
from hadir.faces.pack import PackInfo
from hadir.faces.runtime import CPU, Runtime

__all__ = ["THRESHOLDS", "load_insightface_pack"]

THRESHOLDS = "hadir-thresholds.json"
"""Beside the models: `embedding_space`, `thresholds` as in a manifest (of one precision), `identify_margin`."""

LICENCE = "not stated; InsightFace's own models are for non-commercial research only"
IDENTIFY_MARGIN = 0.02
PRECISION = "fp32"


@dataclass(frozen=True, slots=True)
class _Calibration:
    embedding_space: str
    thresholds: dict[str, dict[str, float | None]]
    identify_margin: float = IDENTIFY_MARGIN


def load_insightface_pack(folder: Path, runtime: Runtime = CPU) -> AssembledPack:
    """Load the one ArcFace recogniser among `folder`'s *.onnx; what else lies there (detectors, landmarks, age) is left
    alone: the open pack's five points serve an ArcFace model as well as its own detector's, ten times as fast.

    Raises:
        PackError: there is none or more than one, a model cannot be loaded, or the thresholds are of another space.
    """
    path, content, session = _recogniser(folder, runtime)
    manifest = read_manifest(shipped_folder())
    front = build_front(manifest, read_files(shipped_folder(), manifest), runtime)
    embedder = ArcFaceEmbedder(path, session)
    recogniser = hashlib.sha256(content).hexdigest()
    detector, landmarks = (manifest.files[part.file].sha256 for part in (manifest.detector, manifest.landmarks))
    space = space_of(
        {
            "detector": detector,
            "landmarks": landmarks,
            "descriptor": recogniser,
            "alignment": "arcface 112",
            "views": "chip mirror",
            "precision": PRECISION,
        }
    )
    thresholds, margin = _calibration(folder / THRESHOLDS, space)
    info = PackInfo(
        name=folder.name,
        licence=LICENCE,
        embedding_space=space,
        dimension=embedder.dimension,
        precision=PRECISION,
        thresholds=thresholds,
        identify_margin=margin,
        files={path.name: recogniser, manifest.detector.file: detector, manifest.landmarks.file: landmarks},
    )
    return AssembledPack(info, front.locator, front.template, manifest.quality, embedder)


def _recogniser(folder: Path, runtime: Runtime) -> tuple[Path, bytes, Session]:
    """The only model of ArcFace's shape, by looking at each."""
    found = []
    for path in sorted(folder.glob("*.onnx")):
        content = path.read_bytes()
        if is_arcface(session := open_session(content, path.name, runtime)):
            found.append((path, content, session))
    if len(found) != 1:
        names = ", ".join(path.name for path, _, _ in found) or "none"
        raise PackError(f"{folder} holds these recognisers of ArcFace's shape [N, 3, 112, 112]: {names}; expected one")
    return found[0]


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
