"""The measurement of marks counts every pair once, and sees a copy as near where another photo is far."""

from __future__ import annotations

import numpy as np

from dev.measure_photo_marks import copies, pairs_within
from hadir.app.demo_people import people_in_packages
from hadir.faces.packs import load_pack


def test_every_two_photos_of_a_person_are_a_pair() -> None:
    words = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [3, 0, 0, 0]], dtype=np.uint64)
    found = pairs_within({"three": words, "one": words[:1]})
    assert {person: bits.tolist() for person, bits in found.items()} == {"three": [1, 1, 2]}


def test_a_recompressed_photo_is_near_and_a_mirrored_one_is_not() -> None:
    found = copies(load_pack("open"), [people_in_packages()[0].photos[0]])
    assert found["JPEG at quality 60"].max() <= 20
    assert found["mirrored"].min() > 60
