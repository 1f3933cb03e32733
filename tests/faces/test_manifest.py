"""Manifests that are not what they should be are refused with the key that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hadir.core.errors import PackError
from hadir.faces.manifest import embedding_space, read_manifest, threshold_table
from tests.faces.pack_folders import change_manifest, copy_pack

Change = Callable[[dict[str, Any]], object]

BROKEN: dict[str, tuple[Change, str]] = {
    "schema": (lambda m: m.update(schema=2), "schema is 2, this version reads 1"),
    "detector": (lambda m: m["detector"].update(input=192), "detector.input is 192"),
    "landmarks": (lambda m: m["landmarks"].update(input=256), "landmarks.input is 256"),
    "alignment": (lambda m: m["alignment"].update(template="five points"), "alignment is"),
    "views": (lambda m: m.update(views=["chip"]), "views is"),
    "unlisted": (lambda m: m["files"].pop("golden_chip.npz"), r"files does not list golden_chip\.npz"),
    "outside": (lambda m: m["files"].update({"../x": {"sha256": "", "bytes": 1}}), r"files names '\.\./x'"),
    "missing": (lambda m: m.pop("quality"), "missing required field `quality`"),
    "type": (lambda m: m["quality"].update(min_face_px="wide"), r"`\$\.quality\.min_face_px`"),
    "precision": (lambda m: m["golden"].update(fp32=[]), r"`\$\.golden"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_manifest_is_refused_naming_the_key(name: str, tmp_path: Path) -> None:
    change, message = BROKEN[name]
    pack = copy_pack(tmp_path)
    change_manifest(pack, change)
    with pytest.raises(PackError, match=message):
        read_manifest(pack)


def test_a_folder_without_a_manifest_is_no_pack(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"manifest\.json cannot be read"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"3e-3": {}}, "rate '3e-3'"),
        ({"1e-3": {"5/1": 0.9}}, "0.9 for '5/1'"),
        ({"1e-3": {"1/1": 1.5}}, "1.5 for '1/1'"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused(table: dict[str, dict[str, float | None]], message: str) -> None:
    with pytest.raises(PackError, match=message):
        threshold_table(table, "a test")


def test_a_cell_without_enough_data_stays_unknown() -> None:
    table = threshold_table({"1e-3": {"1/1": 0.93, "4/4": None}}, "a test")
    assert (table.get("1e-3", "1/1"), table.get("1e-3", "4/4")) == (0.93, None)


@pytest.mark.parametrize("name", ["short.onnx", "mesh.onnx", "canonical_face.npy", "descriptor_int8.onnx"])
def test_another_file_that_shapes_vectors_makes_another_space(name: str, tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    before = read_manifest(pack)
    change_manifest(pack, lambda manifest: manifest["files"][name].update(sha256="0" * 64))
    after = read_manifest(pack)
    assert embedding_space(after, "int8") != embedding_space(before, "int8")
    assert (embedding_space(after, "fp16") == embedding_space(before, "fp16")) is (name == "descriptor_int8.onnx")


def test_two_precisions_of_one_file_are_two_spaces(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    change_manifest(pack, lambda manifest: manifest["descriptor"].update(fp16=manifest["descriptor"]["int8"]))
    manifest = read_manifest(pack)
    assert embedding_space(manifest, "int8") != embedding_space(manifest, "fp16")


def test_limits_thresholds_and_statistics_do_not_change_the_space(tmp_path: Path) -> None:
    pack = copy_pack(tmp_path)
    before = read_manifest(pack)
    change_manifest(pack, lambda manifest: manifest.update(identify_margin=0.5, thresholds={}, statistics=None))
    assert embedding_space(read_manifest(pack), "int8") == embedding_space(before, "int8")
