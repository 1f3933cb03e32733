"""The photo that a pack is tried with shows one usable face."""

from __future__ import annotations

from hadir.faces.open_pack import load_open_pack
from hadir.faces.pack import CHECK_IN_PHOTOS
from hadir.faces.sample_photo import sample_photo


def test_the_sample_photo_takes_the_whole_way_through_a_pack() -> None:
    [result] = load_open_pack().analyse([sample_photo()], CHECK_IN_PHOTOS)
    assert (result.finding.code, result.vector is None) == (None, False)


def test_it_is_the_same_every_time() -> None:
    assert sample_photo() is sample_photo()
