"""Marks: the bits are fixed, light does not change them, and a copy's are near."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.app.demo_people import people_in_packages
from hadir.app.variation import encode_jpeg
from hadir.faces.image import Image
from hadir.faces.pack import CHECK_IN_PHOTOS
from hadir.faces.packs import load_pack
from hadir.faces.photo_mark import BY_FIVE_POINTS, BY_MESH, MARK_BYTES, face_mark


def chip(seed: int = 0, low: int = 40, high: int = 200) -> Image:
    """Soft noise: as much at low frequencies as a face has."""
    noise = np.random.default_rng(seed).integers(low, high, (150, 150, 3)).astype(np.uint8)
    soft = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 5)
    spread = (soft - soft.min()) / np.ptp(soft) * (high - low) + low
    return np.asarray(spread, dtype=np.uint8)


def wave(down: int, across: int) -> Image:
    """One frequency alone, the strongest by far, over a little of everything."""
    angle = (2 * np.arange(150) + 1) * np.pi / 300
    surface = 90 * np.outer(np.cos(down * angle), np.cos(across * angle)) + 127
    grain = np.random.default_rng(5).normal(0, 2, (150, 150))
    return np.repeat(np.clip(surface + grain, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def _enlarged(photo: Image) -> Image:
    return np.asarray(cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def bits(one: bytes | None, other: bytes | None) -> int:
    assert one is not None
    assert other is not None
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def test_a_mark_is_its_kind_and_256_bits_of_which_half_are_set() -> None:
    mark = face_mark(chip(), BY_MESH)
    assert mark is not None
    assert (len(mark), mark[0], MARK_BYTES) == (33, 1, 33)
    assert int.from_bytes(mark[1:], "big").bit_count() == 128
    assert face_mark(chip(), BY_FIVE_POINTS) == b"\2" + mark[1:]


@pytest.mark.parametrize(("down", "across"), [(1, 1), (1, 16), (16, 1), (7, 3), (16, 16)])
def test_each_bit_belongs_to_one_frequency(down: int, across: int) -> None:
    """Stored marks are compared for a month: the order of the bits may never change without another kind."""
    mark = face_mark(wave(down, across), BY_MESH)
    assert mark is not None
    place = 16 * (down - 1) + across - 1
    assert mark[1 + place // 8] >> (7 - place % 8) & 1


@given(st.floats(0.6, 1.2), st.floats(-20, 20))
def test_light_changes_next_to_nothing(gain: float, offset: float) -> None:
    """Nothing at all but for the rounding to whole levels, as long as nothing is clipped."""
    soft = chip()
    lit = np.rint(soft.astype(np.float64) * gain + offset).astype(np.uint8)
    assert bits(face_mark(soft, BY_MESH), face_mark(lit, BY_MESH)) <= 6


def test_another_chip_is_as_far_as_chance() -> None:
    far = [bits(face_mark(chip(0), BY_MESH), face_mark(chip(seed), BY_MESH)) for seed in range(1, 20)]
    assert 90 < np.mean(far) < 166
    assert min(far) > 60


def test_an_even_chip_has_no_mark() -> None:
    assert face_mark(np.full((150, 150, 3), 90, np.uint8), BY_MESH) is None


@pytest.mark.models
def test_a_copy_of_a_selfie_is_near_and_another_person_is_not() -> None:
    pack = load_pack("open")
    first, other = (_enlarged(person.photos[0]) for person in people_in_packages()[:2])
    smaller = np.asarray(cv2.resize(first, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    edge = first.shape[0] // 50
    sent = [
        encode_jpeg(first, 92),
        encode_jpeg(smaller, 60),
        encode_jpeg(first[edge:-edge, edge:-edge]),
        encode_jpeg(other),
    ]
    marks = [result.finding.mark for result in pack.analyse(sent, CHECK_IN_PHOTOS)]
    assert bits(marks[0], marks[1]) <= 20
    assert bits(marks[0], marks[2]) <= 20
    assert bits(marks[0], marks[3]) > 60


def test_photos_without_a_face_have_no_mark() -> None:
    [nothing] = load_pack("open").analyse([encode_jpeg(np.full((400, 400, 3), 120, np.uint8))], CHECK_IN_PHOTOS)
    assert nothing.finding.mark is None
