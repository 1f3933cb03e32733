"""A pack behind its own detector, and the manifest that InsightFace's newer packs bring."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hadir.core.errors import PackError
from hadir.core.vectors import as_unit_vectors
from hadir.core.verdict import Reason
from hadir.faces.alignment import arcface_points
from hadir.faces.front import Front
from hadir.faces.image import Image, Points
from hadir.faces.insightface_models import ArcFaceEmbedder, ScrfdDetector
from hadir.faces.insightface_pack import load_insightface_pack
from hadir.faces.manifest import MANIFEST
from hadir.faces.onnx import open_session
from hadir.faces.pack import CHECK_IN_PHOTOS, ENROLMENT_PHOTOS
from hadir.faces.packs import load_pack
from tests.faces.pack_folders import write_tiny_arcface, write_tiny_scrfd

Encode = Callable[[Image], bytes]

TO_INPUT = np.float32(640 / 512)
"""The portrait has 512 px, the detector's input 640."""


@pytest.fixture(scope="module")
def where(front: Front, astronaut: Image) -> tuple[list[float], Points]:
    """The astronaut's box and five points, in the detector's pixels."""
    face = front.locator.locate([astronaut])[0]
    assert face is not None
    box = [float(edge * TO_INPUT) for edge in face.detection.box_px]
    return box, arcface_points(face.mesh) * TO_INPUT


@pytest.fixture
def portrait(astronaut: Image, jpeg: Encode) -> bytes:
    return jpeg(astronaut)


@pytest.fixture
def folder(tmp_path: Path, where: tuple[list[float], Points]) -> Path:
    write_tiny_arcface(tmp_path / "rec.onnx")
    write_tiny_scrfd(tmp_path / "det.onnx", [(0.9, *where)])
    return tmp_path


def test_a_face_is_found_measured_and_embedded(
    folder: Path, where: tuple[list[float], Points], astronaut: Image, jpeg: Encode
) -> None:
    pack = load_insightface_pack(folder, front="own")
    results = pack.analyse([jpeg(astronaut), b"nothing", jpeg(astronaut)], CHECK_IN_PHOTOS)
    assert [result.finding.code for result in results] == [None, Reason.PHOTO_NOT_AN_IMAGE, None]
    one, nothing, other = results
    assert one.vector is not None and other.vector is not None
    as_unit_vectors(np.stack([one.vector, other.vector]), 48)
    assert nothing.vector is None
    measures = one.finding.face
    assert measures is not None
    assert measures.detector_score == measures.presence == pytest.approx(0.9)
    assert measures.box_px == pytest.approx([edge / TO_INPUT for edge in where[0]], abs=0.01)
    assert one.points_px == pytest.approx(where[1] / TO_INPUT, abs=0.01)


def test_the_vector_is_that_of_the_same_five_points_of_the_mesh(folder: Path, astronaut: Image, jpeg: Encode) -> None:
    own, behind_mesh = (load_insightface_pack(folder, front=kind) for kind in ("own", "open"))
    photos = [jpeg(astronaut)]
    (one,), (other,) = own.analyse(photos, CHECK_IN_PHOTOS), behind_mesh.analyse(photos, CHECK_IN_PHOTOS)
    assert one.vector is not None and other.vector is not None
    assert float(one.vector @ other.vector) > 0.9999


def test_the_front_is_a_part_of_the_embedding_space(folder: Path, where: tuple[list[float], Points]) -> None:
    own, behind_mesh = (load_insightface_pack(folder, front=kind).info for kind in ("own", "open"))
    assert own.embedding_space != behind_mesh.embedding_space
    assert set(own.files) == {"rec.onnx", "det.onnx"}
    assert load_insightface_pack(folder).info.embedding_space == behind_mesh.embedding_space
    write_tiny_scrfd(folder / "det.onnx", [(0.8, *where)])
    assert load_insightface_pack(folder, front="own").info.embedding_space != own.embedding_space
    assert load_insightface_pack(folder, front="open").info.embedding_space == behind_mesh.embedding_space


@pytest.mark.parametrize(("width", "expected"), [(0.6, Reason.SEVERAL_FACES), (0.4, None)])
def test_another_face_counts_from_half_the_width(
    folder: Path, where: tuple[list[float], Points], portrait: bytes, width: float, expected: Reason | None
) -> None:
    box, points = where
    aside = [400.0, 400.0, 400 + width * (box[2] - box[0]), 500.0]
    write_tiny_scrfd(folder / "det.onnx", [(0.9, aside, points), (0.8, box, points)])
    pack = load_insightface_pack(folder, front="own")
    (result,) = pack.analyse([portrait], CHECK_IN_PHOTOS)
    assert result.finding.code is expected
    (largest,) = pack.analyse([portrait], replace(CHECK_IN_PHOTOS, quality=False))
    assert largest.finding.face is not None and largest.vector is not None
    assert largest.finding.face.detector_score == pytest.approx(0.8)


def test_no_face_is_a_reason(folder: Path, where: tuple[list[float], Points], astronaut: Image, jpeg: Encode) -> None:
    write_tiny_scrfd(folder / "det.onnx", [(0.1, *where)])
    (result,) = load_insightface_pack(folder, front="own").analyse([jpeg(astronaut)], CHECK_IN_PHOTOS)
    assert (result.finding.code, result.vector) == (Reason.NO_FACE, None)


def test_without_a_detector_of_its_own_the_front_is_refused(folder: Path) -> None:
    (folder / "det.onnx").unlink()
    with pytest.raises(PackError, match=r"no single SCRFD detector .* \(--front open\)"):
        load_insightface_pack(folder, front="own")


@pytest.mark.filterwarnings("ignore:`estimate` is deprecated:FutureWarning")
def test_the_crop_is_insightfaces_own(folder: Path, where: tuple[list[float], Points], astronaut: Image) -> None:
    """`norm_crop` of the package, which calls a function that scikit-image has deprecated."""
    face_align = pytest.importorskip("insightface.utils.face_align")
    path = folder / "rec.onnx"
    embedder = ArcFaceEmbedder(path, open_session(path.read_bytes(), path.name))
    points = where[1] / TO_INPUT
    theirs = face_align.norm_crop(astronaut, points).astype(int)
    assert np.abs(embedder.crop_by(astronaut, points).astype(int) - theirs).max() <= 2


def manifest(folder: Path, **changes: Any) -> None:
    tasks: dict[str, Any] = {"detection": {"file": "det.onnx"}, "recognition": {"file": "rec.onnx"}} | changes
    document = {"manifest_version": 2, "model_id": "x", "license": "MODEL.LICENSE", "tasks": tasks}
    (folder / MANIFEST).write_text(json.dumps(document))


def test_a_manifest_tells_the_recogniser_from_a_verifier_of_the_same_shape(folder: Path) -> None:
    write_tiny_arcface(folder / "verifier.onnx", batch="M")
    with pytest.raises(PackError, match="expected one"):
        load_pack(folder)
    manifest(folder, verification={"file": "verifier.onnx"})
    assert "rec.onnx" in load_pack(folder).info.files
    manifest(folder, recognition={"file": "verifier.onnx"})
    assert "verifier.onnx" in load_pack(folder).info.files


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"recognition": {"file": "gone.onnx"}}, "names 'gone.onnx', which is not there"),
        ({"recognition": {"file": "rec.onnx", "preprocessing": "embedded"}}, "wants preprocessing 'embedded'"),
        ({"detection": {"file": "rec.onnx"}}, "no single SCRFD detector"),
        ({"recognition": 7}, "is not a manifest of InsightFace's"),
    ],
)
def test_a_manifest_that_asks_for_what_is_not_to_be_had_is_refused(
    folder: Path, changes: dict[str, Any], problem: str
) -> None:
    manifest(folder, **changes)
    with pytest.raises(PackError, match=problem):
        load_insightface_pack(folder, front="own")


@pytest.mark.models
def test_tight_crops_are_found_by_the_look_with_a_border(test_data: Path) -> None:
    path = test_data / "packs" / "scrfd500m-mobilefacenet128" / "scrfd_500m_bnkps.onnx"
    detector = ScrfdDetector(open_session(path.read_bytes(), path.name))
    pack = load_insightface_pack(path.parent, front="own")
    photos = [photo.read_bytes() for photo in sorted((test_data / "faces" / "orl").glob("s*/1.pgm"))[:12]]
    results = pack.analyse(photos, replace(ENROLMENT_PHOTOS, quality=False))
    assert all(result.vector is not None for result in results)
    assert detector.detect(np.zeros((480, 640, 3), dtype=np.uint8)) == []


@pytest.mark.models
def test_real_people_are_told_apart_behind_the_packs_own_detector(test_data: Path) -> None:
    pack = load_insightface_pack(test_data / "packs" / "scrfd500m-mobilefacenet128", front="own")
    people = sorted(path for path in (test_data / "faces" / "lfw_subset").iterdir() if path.is_dir())[:8]
    photos = [path.read_bytes() for person in people for path in sorted(person.glob("*.jpg"))]
    names = np.array([person.name for person in people for _ in person.glob("*.jpg")])
    vectors = [r.vector for r in pack.analyse(photos, replace(ENROLMENT_PHOTOS, quality=False)) if r.vector is not None]
    assert len(vectors) == len(photos)
    scores = np.stack(vectors) @ np.stack(vectors).T
    same = names[:, None] == names[None, :]
    assert np.median(scores[same & ~np.eye(len(names), dtype=bool)]) > 0.5
    assert np.quantile(scores[~same], 0.99) < 0.35
