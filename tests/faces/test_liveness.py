"""The liveness slot: real MiniFASNet models on real samples, and what is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from hadir.core.errors import PackError
from hadir.core.evidence import LivenessFinding
from hadir.faces.image import Image
from hadir.faces.liveness import DESCRIPTION, load_liveness
from hadir.faces.open_pack import load_open_pack
from hadir.faces.pack import CHECK_IN_PHOTOS, PhotoResult
from hadir.faces.watched_pack import WatchedPack

MODELS = {"minifasnet_v2_2.7.onnx": 2.7, "minifasnet_v1se_4.0.onnx": 4.0}
ANY_FACE = replace(CHECK_IN_PHOTOS, quality=False)
FIVE = np.array([[60, 60], [100, 60], [80, 85], [65, 105], [95, 105]], dtype=np.float32)


@pytest.fixture
def minifasnet(test_data: Path, tmp_path: Path) -> Path:
    """The slot's folder: real models and their description."""
    models = []
    for name, scale in MODELS.items():
        content = (test_data / "antispoof" / name).read_bytes()
        (tmp_path / name).write_bytes(content)
        models.append({"file": name, "sha256": hashlib.sha256(content).hexdigest(), "scale": scale})
    describe(tmp_path, format="minifasnet", models=models)
    return tmp_path


def describe(folder: Path, **said: object) -> None:
    document = {"name": "minifasnet", "licence": "Apache-2.0"} | said
    (folder / DESCRIPTION).write_text(json.dumps(document), encoding="utf-8")


def change(folder: Path, **said: object) -> None:
    describe(folder, **(json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")) | said))


def watched(folder: Path, photo: bytes) -> PhotoResult:
    return WatchedPack(load_open_pack(), load_liveness(folder)).analyse([photo], ANY_FACE)[0]


@pytest.mark.parametrize(("sample", "alive"), [("T1", True), ("F1", False), ("F2", False)])
def test_the_samples_of_its_makers_are_told_apart(minifasnet: Path, test_data: Path, sample: str, alive: bool) -> None:
    finding = watched(minifasnet, (test_data / "antispoof" / f"image_{sample}.jpg").read_bytes()).finding
    assert finding.liveness is not None
    assert finding.liveness.score is not None
    assert (finding.liveness.score > 0.5) is alive


def test_the_slot_changes_nothing_but_what_it_adds(minifasnet: Path, test_data: Path) -> None:
    photo = (test_data / "antispoof" / "image_T1.jpg").read_bytes()
    (plain,) = load_open_pack().analyse([photo], ANY_FACE)
    seen = watched(minifasnet, photo)
    assert replace(seen.finding, liveness=None) == plain.finding
    assert seen.vector is not None
    assert plain.vector is not None
    np.testing.assert_array_equal(seen.vector, plain.vector)


def test_a_photo_without_a_usable_face_is_not_looked_at(minifasnet: Path) -> None:
    assert watched(minifasnet, b"no photo").finding.liveness is None


@pytest.mark.parametrize("box", [(0, 0, 40, 40), (150, 150, 199, 199), (-20, -20, 220, 220)])
def test_a_face_at_the_rim_still_has_a_score(minifasnet: Path, box: tuple[float, ...]) -> None:
    photo = np.full((200, 200, 3), 128, dtype=np.uint8)
    score = load_liveness(minifasnet).judge(photo, box, FIVE).score
    assert score is not None
    assert 0 <= score <= 1


def test_an_altered_model_is_refused_by_name(minifasnet: Path) -> None:
    path = minifasnet / "minifasnet_v2_2.7.onnx"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(PackError, match=r"minifasnet_v2_2\.7\.onnx was altered"):
        load_liveness(minifasnet)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"models": []}, "names no model"),
        ({"format": "insightface"}, "the add-on of insightface is one"),
        ({"format": "other"}, "does not describe"),
        ({"models": [{"file": "../x.onnx", "sha256": "0", "scale": 2}]}, "outside of its folder"),
        ({"models": [{"file": "x.onnx", "sha256": "0", "scale": 2}]}, "cannot be read"),
        ({"models": [{"file": "minifasnet_v2_2.7.onnx", "sha256": "0"}]}, "needs a scale"),
    ],
)
def test_a_description_of_no_use_is_refused(minifasnet: Path, said: dict[str, object], words: str) -> None:
    change(minifasnet, **said)
    with pytest.raises(PackError, match=words):
        load_liveness(minifasnet)


def test_a_folder_without_a_description_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=DESCRIPTION):
        load_liveness(tmp_path)


@pytest.fixture
def add_on(tmp_path: Path) -> Path:
    """A folder with a model of the add-on's shape, which calls the mean of its input alive."""
    node = helper.make_node("ReduceMean", ["image"], ["live"], axes=[1, 2, 3], keepdims=0)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 80, 80])
    live = helper.make_tensor_value_info("live", TensorProto.FLOAT, ["n"])
    graph = helper.make_graph([node], "mean", [image], [live])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / "live.onnx")
    digest = hashlib.sha256((tmp_path / "live.onnx").read_bytes()).hexdigest()
    describe(tmp_path, format="insightface", models=[{"file": "live.onnx", "sha256": digest}])
    return tmp_path


def test_the_add_on_of_insightface_sees_five_points(add_on: Path) -> None:
    bright: Image = np.full((400, 400, 3), 204, dtype=np.uint8)
    assert load_liveness(add_on).judge(bright, (140, 140, 220, 220), FIVE + 100).score == pytest.approx(0.8, abs=1e-3)


def test_a_face_beyond_the_rim_is_an_input_that_is_no_good_not_a_spoof(add_on: Path) -> None:
    bright = cv2.resize(np.full((8, 8, 3), 204, dtype=np.uint8), (160, 160))
    finding = load_liveness(add_on).judge(np.asarray(bright), (-40, -40, 40, 40), FIVE - 70)
    assert finding == LivenessFinding(None, "too_near_the_rim")


def test_a_minifasnet_is_not_taken_for_the_add_on(minifasnet: Path) -> None:
    (only,) = json.loads((minifasnet / DESCRIPTION).read_text(encoding="utf-8"))["models"][:1]
    change(minifasnet, format="insightface", models=[only])
    with pytest.raises(PackError, match="not the liveness add-on"):
        load_liveness(minifasnet)
