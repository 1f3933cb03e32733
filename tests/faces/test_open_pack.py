"""The open pack as a whole: what it answers, what it refuses to load, and which precision it trusts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hadir.core.errors import PackError
from hadir.core.evidence import PhotoFinding
from hadir.core.verdict import Reason
from hadir.faces.analysis import AssembledPack
from hadir.faces.image import Image
from hadir.faces.manifest import read_manifest
from hadir.faces.open_pack import load_open_pack, shipped_folder
from hadir.faces.pack import CHECK_IN_PHOTOS, ENROLMENT_PHOTOS
from tests.faces.pack_folders import change_manifest, copy_pack, replace_file

Encode = Callable[[Image], bytes]


def test_a_photo_gives_its_finding_points_and_unit_vector(
    open_pack: AssembledPack, astronaut: Image, jpeg: Encode
) -> None:
    (result,) = open_pack.analyse([jpeg(astronaut)], CHECK_IN_PHOTOS)
    assert result.finding.code is None
    assert result.finding.face is not None
    assert result.finding.face.width_px == pytest.approx(95.5, abs=3)
    assert result.vector is not None and result.points_px is not None
    assert result.vector.shape == (open_pack.info.dimension,) == (128,)
    assert float(np.linalg.norm(result.vector)) == pytest.approx(1, abs=1e-5)
    assert result.points_px.shape == (468, 2)


def test_results_come_in_the_order_of_the_photos_and_one_bad_photo_spoils_no_other(
    open_pack: AssembledPack, astronaut: Image, jpeg: Encode
) -> None:
    mirrored = np.ascontiguousarray(astronaut[:, ::-1])
    photos = [jpeg(astronaut), b"", jpeg(mirrored), jpeg(astronaut)[:5000]]
    first, empty, second, cut = open_pack.analyse(photos, CHECK_IN_PHOTOS)
    assert (empty.finding, empty.vector) == (PhotoFinding(Reason.PHOTO_EMPTY), None)
    assert (cut.finding, cut.vector) == (PhotoFinding(Reason.PHOTO_TRUNCATED), None)
    assert first.points_px is not None and second.points_px is not None
    assert second.points_px[1, 0] == pytest.approx(511 - first.points_px[1, 0], abs=2)


def test_a_photos_vector_does_not_depend_on_its_neighbours(
    open_pack: AssembledPack, astronaut: Image, jpeg: Encode
) -> None:
    dimmed = (astronaut * 0.7).astype(np.uint8)
    photos = [jpeg(astronaut), jpeg(dimmed)] * 17
    alone = [open_pack.analyse([photo], CHECK_IN_PHOTOS)[0].vector for photo in photos[:2]]
    together = open_pack.analyse(photos, CHECK_IN_PHOTOS)
    for position, result in enumerate(together):
        assert result.vector == pytest.approx(alone[position % 2], abs=1e-5)


def test_no_photos_give_no_results(open_pack: AssembledPack) -> None:
    assert open_pack.analyse([], CHECK_IN_PHOTOS) == []


def test_measures_are_in_the_photos_own_pixels_when_it_was_reduced(
    open_pack: AssembledPack, astronaut: Image, jpeg: Encode
) -> None:
    large = np.kron(astronaut, np.ones((4, 4, 1), dtype=np.uint8))
    small, reduced = open_pack.analyse([jpeg(astronaut), jpeg(large)], CHECK_IN_PHOTOS)
    assert small.finding.face is not None and reduced.finding.face is not None
    assert reduced.finding.face.width_px == pytest.approx(4 * small.finding.face.width_px, rel=0.03)
    assert small.points_px is not None and reduced.points_px is not None
    assert reduced.points_px == pytest.approx(4 * small.points_px, abs=12)
    assert small.vector is not None and reduced.vector is not None
    assert float(small.vector @ reduced.vector) > 0.98


def test_without_quality_rules_even_a_black_and_white_ghost_is_compared(
    open_pack: AssembledPack, astronaut: Image, jpeg: Encode
) -> None:
    dark = jpeg((astronaut * 0.1).astype(np.uint8))
    assert open_pack.analyse([dark], CHECK_IN_PHOTOS)[0].finding.code is Reason.TOO_DARK
    loose = type(ENROLMENT_PHOTOS)(shortest_side_px=80, allow_pgm=True, quality=False)
    (result,) = open_pack.analyse([dark], loose)
    assert result.finding.code is None and result.vector is not None


def test_the_shipped_pack_says_what_it_is(open_pack: AssembledPack) -> None:
    info = open_pack.info
    assert (info.name, info.dimension) == ("open", 128)
    assert info.precision in {"int8", "fp16"}
    assert len(info.embedding_space) == 64
    assert info.thresholds.get("1e-3", "1/1") == pytest.approx(0.93, abs=0.01)
    assert info.statistics is not None and info.statistics.is_file()


@pytest.mark.parametrize("name", sorted(read_manifest(shipped_folder()).files))
def test_one_altered_byte_in_any_file_is_refused_naming_the_file(name: str, tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    content = bytearray((pack / name).read_bytes())
    content[len(content) // 2] ^= 1
    (pack / name).write_bytes(content)
    with pytest.raises(PackError, match=name.replace(".", r"\.") + " has SHA-256"):
        load_open_pack(pack)


def test_a_missing_file_is_refused_naming_the_file(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    (pack / "mesh.onnx").unlink()
    with pytest.raises(PackError, match=r"mesh\.onnx cannot be read"):
        load_open_pack(pack)


def test_a_file_that_is_no_model_is_refused_naming_the_file(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    replace_file(pack, "mesh.onnx", b"not a model")
    with pytest.raises(PackError, match=r"mesh\.onnx is not a model"):
        load_open_pack(pack)


def test_a_model_with_other_outputs_is_refused_naming_the_file(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    replace_file(pack, "mesh.onnx", (pack / "short.onnx").read_bytes())
    with pytest.raises(PackError, match=r"mesh\.onnx has 1 inputs and outputs"):
        load_open_pack(pack)


def test_where_int8_does_not_give_the_golden_vector_fp16_serves_as_another_space(
    open_pack: AssembledPack, tmp_path: Path
) -> None:
    pack = copy_pack(tmp_path)
    change_manifest(pack, lambda manifest: manifest["golden"].update(int8=manifest["golden"]["fp16"][::-1]))
    fallen_back = load_open_pack(pack).info
    assert fallen_back.precision == "fp16"
    assert fallen_back.embedding_space == load_open_pack(precision="fp16").info.embedding_space
    assert fallen_back.embedding_space != load_open_pack(precision="int8").info.embedding_space
    with pytest.raises(PackError, match=r"int8 0\..* expected at least 0\.9995"):
        load_open_pack(pack, precision="int8")


def test_where_no_precision_gives_the_golden_vector_nothing_is_loaded(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    change_manifest(pack, lambda manifest: manifest.update(golden={p: v[::-1] for p, v in manifest["golden"].items()}))
    with pytest.raises(PackError, match=r"int8 .*, fp16 .*expected at least"):
        load_open_pack(pack)


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_every_precision_has_its_own_thresholds(precision: str, tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    change_manifest(pack, lambda manifest: manifest["thresholds"].update({precision: {"1e-2": {"1/1": 0.5}}}))
    for name in ("int8", "fp16"):
        threshold = load_open_pack(pack, precision=name).info.thresholds.get("1e-2", "1/1")
        assert (threshold == 0.5) is (name == precision)
