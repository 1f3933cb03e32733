"""Folders become vectors by person, in the order of the photos' hashes, and a photo without a face is counted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from dev.face_sets import ChipCutter, chips_of, embed, photo_paths
from dev.golden import golden_chip, golden_photo, kept_chip
from hadir.core.errors import InputError, PackError
from hadir.faces.descriptor import Descriptor
from hadir.faces.image import Image
from hadir.faces.onnx import Network
from hadir.faces.open_pack import shipped_folder


@pytest.fixture(scope="module")
def cutter() -> ChipCutter:
    return ChipCutter(shipped_folder())


def _write(path: Path, image: Image) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
    path.write_bytes(data)
    return data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`a` with the portrait in five sizes, `b` with the portrait turned round, `c` with an empty wall."""
    photo = golden_photo()
    _write(tmp_path / "train" / "a" / "1.png", photo)
    for side in (200, 250, 300, 350):
        _write(tmp_path / "test" / "a" / f"{side}.jpg", cv2.resize(photo, (side, side)).astype(np.uint8))
    _write(tmp_path / "b" / "1.png", np.ascontiguousarray(photo[:, ::-1]))
    _write(tmp_path / "c" / "1.png", np.full((200, 200, 3), 128, dtype=np.uint8))
    (tmp_path / "README").write_text("not a photo")
    return tmp_path


def test_vectors_are_grouped_by_the_folder_above_the_photo_and_ordered_by_hash(
    folder: Path, cutter: ChipCutter
) -> None:
    network = Network((shipped_folder() / "descriptor_int8.onnx").read_bytes(), "int8", ("output",))
    descriptor = Descriptor(network, 128)
    embedded = embed(folder, cutter, {"int8": descriptor})
    people = embedded.vectors["int8"]
    assert {person: len(vectors) for person, vectors in people.items()} == {"a": 5, "b": 1}
    assert embedded.failed == 1
    chips = {labelled.photo: labelled.chip for labelled in chips_of(folder, cutter) if labelled.person == "a"}
    for vector, photo in zip(people["a"], sorted(chips), strict=True):
        chip = chips[photo]
        assert chip is not None
        np.testing.assert_allclose(descriptor.embed([chip])[0], vector, atol=1e-6)


def test_a_photo_is_named_by_the_hash_of_its_bytes(folder: Path, cutter: ChipCutter) -> None:
    names = {labelled.photo for labelled in chips_of(folder, cutter)}
    assert names == {hashlib.sha256(path.read_bytes()).hexdigest() for path in photo_paths(folder)}


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no JPEG, PNG or PGM"):
        photo_paths(tmp_path)


def test_the_golden_chip_stays_while_detector_and_mesh_say_the_same(cutter: ChipCutter) -> None:
    anew = golden_chip(cutter)
    np.testing.assert_array_equal(
        kept_chip(shipped_folder(), anew), np.load(shipped_folder() / "golden_chip.npz")["chip"]
    )
    with pytest.raises(PackError, match="levels from the stored one"):
        kept_chip(shipped_folder(), np.roll(anew, 3, axis=1))


def test_without_a_stored_golden_chip_the_message_says_what_to_do(tmp_path: Path, cutter: ChipCutter) -> None:
    with pytest.raises(PackError, match="restore it from version control, or measure anew"):
        kept_chip(tmp_path, golden_chip(cutter))
