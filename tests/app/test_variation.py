"""A fresh selfie from one photo: never the same twice, and the same for a seed."""

from __future__ import annotations

import cv2
import numpy as np

from hadir.app.demo_people import RealPerson
from hadir.app.variation import FRAME_PX, encode_jpeg, vary
from hadir.faces.pack import CHECK_IN_PHOTOS
from hadir.faces.packs import load_pack


def test_one_seed_gives_the_same_selfies_and_each_differs_from_the_last(people: list[RealPerson]) -> None:
    photo = people[0].photos[0]
    one, same = (np.random.default_rng(5) for _ in range(2))
    first, second = vary(photo, one), vary(photo, one)
    assert [vary(photo, same), vary(photo, same)] == [first, second]
    assert first != second


def test_it_is_a_jpeg_as_a_phone_sends_it(people: list[RealPerson]) -> None:
    data = vary(people[0].photos[0], np.random.default_rng(1))
    photo = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert data.startswith(b"\xff\xd8")
    assert photo is not None
    assert photo.shape == (FRAME_PX[1], FRAME_PX[0], 3)


def test_a_photo_keeps_its_colours(people: list[RealPerson]) -> None:
    red = np.zeros((200, 200, 3), np.uint8)
    red[..., 0] = 200
    photo = cv2.imdecode(np.frombuffer(encode_jpeg(red), np.uint8), cv2.IMREAD_COLOR)
    assert photo is not None
    blue, green, red_again = photo.reshape(-1, 3).mean(axis=0)
    assert (red_again > 190, blue < 10, green < 10) == (True, True, True)


def test_the_face_stays_usable_and_its_own(people: list[RealPerson]) -> None:
    """Otherwise the demo's expected verdicts would be luck."""
    pack, rng = load_pack("open"), np.random.default_rng(3)
    photos = [vary(people[0].photos[0], rng) for _ in range(12)]
    results = pack.analyse([encode_jpeg(people[0].photos[0], 95), *photos], CHECK_IN_PHOTOS)
    vectors = [result.vector for result in results]
    assert [result.finding.code for result in results] == [None] * 13
    enrolled = vectors[0]
    assert enrolled is not None
    threshold = pack.info.thresholds.similarity["1e-3"]["1/1"]
    assert all(vector is not None and threshold is not None and vector @ enrolled >= threshold for vector in vectors)
