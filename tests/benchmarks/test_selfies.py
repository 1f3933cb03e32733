"""A selfie in another light: the same face to the pack, and no near copy of the one before."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks._selfies import SEED, in_another_light, take_selfies
from hadir.attendance.near_marks import MOST_BITS
from hadir.faces.pack import CHECK_IN_PHOTOS
from hadir.faces.packs import load_pack

SAME_FACE = 0.9


@pytest.mark.models
def test_the_same_picture_in_another_light_shows_the_same_face_and_is_no_near_copy() -> None:
    pack, rng = load_pack("open"), np.random.default_rng(SEED)
    [selfie], [template] = take_selfies(pack, 1)
    lit = [in_another_light(selfie.photo, rng) for _ in range(4)]
    seen = pack.analyse([selfie.photo, *lit], CHECK_IN_PHOTOS)
    assert all(one.vector is not None and float(one.vector @ template.vector) > SAME_FACE for one in seen)
    marks = [int.from_bytes(one.finding.mark or b"", "big") for one in seen]
    assert min((a ^ b).bit_count() for at, a in enumerate(marks) for b in marks[:at]) > MOST_BITS
