"""Folders as InsightFace lays them out: which model is taken, and that it recognises people."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hadir.core.errors import PackError
from hadir.core.vectors import as_unit_vectors
from hadir.faces.image import Image
from hadir.faces.insightface_models import ArcFaceEmbedder
from hadir.faces.insightface_pack import THRESHOLDS, load_insightface_pack
from hadir.faces.onnx import open_session
from hadir.faces.open_pack import shipped_folder
from hadir.faces.pack import CHECK_IN_PHOTOS
from tests.faces.pack_folders import write_tiny_arcface

Encode = Callable[[Image], bytes]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recogniser among models that are none."""
    write_tiny_arcface(tmp_path / "w600k_tiny.onnx")
    write_tiny_arcface(tmp_path / "genderage.onnx", side_px=84)
    shutil.copy(shipped_folder() / "short.onnx", tmp_path / "detector.onnx")
    return tmp_path


def test_the_recogniser_is_found_by_its_shape_and_works(folder: Path, astronaut: Image, jpeg: Encode) -> None:
    pack = load_insightface_pack(folder)
    assert (pack.info.dimension, pack.info.precision, pack.info.name) == (48, "fp32", folder.name)
    assert "w600k_tiny.onnx" in pack.info.files
    results = pack.analyse([jpeg(astronaut), b"nothing", jpeg(astronaut)], CHECK_IN_PHOTOS)
    assert results[0].vector is not None and results[2].vector is not None
    as_unit_vectors(np.stack([results[0].vector, results[2].vector]), 48)
    assert results[0].vector == pytest.approx(results[2].vector, abs=1e-6)
    assert results[1].vector is None


def test_a_vector_holds_the_mirror_image_as_well(folder: Path, astronaut: Image, jpeg: Encode) -> None:
    pack = load_insightface_pack(folder)
    plain, mirrored = pack.analyse([jpeg(astronaut), jpeg(np.ascontiguousarray(astronaut[:, ::-1]))], CHECK_IN_PHOTOS)
    assert plain.vector is not None and mirrored.vector is not None
    assert float(plain.vector @ mirrored.vector) > 0.999


def test_the_model_sees_rgb_around_zero(folder: Path) -> None:
    path = folder / "w600k_tiny.onnx"
    red = np.zeros((112, 112, 3), dtype=np.uint8)
    red[..., 0] = 255
    (vector,) = ArcFaceEmbedder(path, open_session(path.read_bytes(), path.name)).embed([red])
    assert vector == pytest.approx(np.repeat([1, -1, -1], 16) / np.sqrt(48), abs=1e-6)


def test_without_a_table_no_threshold_is_known(folder: Path) -> None:
    info = load_insightface_pack(folder).info
    assert info.thresholds.highest("1e-3") is None
    assert info.identify_margin == 0.02


def test_a_folder_that_nobody_stored_tells_its_licence_as_well(folder: Path, tmp_path: Path) -> None:
    assert "non-commercial" in load_insightface_pack(folder).info.licence
    (folder / "LICENSE").write_text("\nMIT License\n\nCopyright ...")
    assert load_insightface_pack(folder).info.licence == "MIT License"


def test_a_table_beside_the_models_is_read_if_it_is_for_this_space(folder: Path) -> None:
    space = load_insightface_pack(folder).info.embedding_space
    table = {"embedding_space": space, "thresholds": {"1e-4": {"1/3": 0.41}}, "identify_margin": 0.1}
    (folder / THRESHOLDS).write_text(json.dumps(table))
    info = load_insightface_pack(folder).info
    assert (info.thresholds.get("1e-4", "1/3"), info.identify_margin) == (0.41, 0.1)
    (folder / THRESHOLDS).write_text(json.dumps(table | {"embedding_space": "another"}))
    with pytest.raises(PackError, match="is for embedding space another, the models make"):
        load_insightface_pack(folder)


def test_a_table_that_cannot_be_read_is_refused(folder: Path) -> None:
    (folder / THRESHOLDS).write_text("[]")
    with pytest.raises(PackError, match="is not a table of thresholds"):
        load_insightface_pack(folder)


def test_another_recogniser_makes_another_space(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    write_tiny_arcface(other / "w600k_tiny.onnx", batch="M")
    assert load_insightface_pack(other).info.embedding_space != load_insightface_pack(folder).info.embedding_space


def test_two_recognisers_are_one_too_many(folder: Path) -> None:
    write_tiny_arcface(folder / "second.onnx")
    with pytest.raises(PackError, match=r"second\.onnx, w600k_tiny\.onnx; expected one"):
        load_insightface_pack(folder)


def test_a_folder_without_a_recogniser_is_refused(folder: Path) -> None:
    (folder / "w600k_tiny.onnx").unlink()
    with pytest.raises(PackError, match="none; expected one"):
        load_insightface_pack(folder)


def test_a_recogniser_of_one_face_at_a_time_is_refused(folder: Path) -> None:
    write_tiny_arcface(folder / "w600k_tiny.onnx", batch=1)
    with pytest.raises(PackError, match="batches of 1 only"):
        load_insightface_pack(folder)


@pytest.mark.models
def test_a_real_arcface_model_tells_people_apart(test_data: Path) -> None:
    pack = load_insightface_pack(test_data / "packs" / "scrfd500m-mobilefacenet128")
    assert (pack.info.dimension, pack.info.name) == (128, "scrfd500m-mobilefacenet128")
    people = sorted(path for path in (test_data / "faces" / "lfw_subset").iterdir() if path.is_dir())[:8]
    photos = [path.read_bytes() for person in people for path in sorted(person.glob("*.jpg"))]
    vectors = [result.vector for result in pack.analyse(photos, CHECK_IN_PHOTOS)]
    assert sum(vector is not None for vector in vectors) >= 28
    names = [person.name for person in people for _ in person.glob("*.jpg")]
    usable = [(name, vector) for name, vector in zip(names, vectors, strict=True) if vector is not None]
    scores = np.stack([vector for _, vector in usable]) @ np.stack([vector for _, vector in usable]).T
    same = np.array([[one == other for other, _ in usable] for one, _ in usable])
    alike, different = scores[same & ~np.eye(len(usable), dtype=bool)], scores[~same]
    assert np.median(alike) > 0.5
    assert np.quantile(different, 0.99) < 0.35
