"""Similarity fits give back what was done to the points, and chips hold what lies under them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.faces.alignment import arcface_points, arcface_template, cut_chip, fit_similarity
from hadir.faces.image import scale_of, shrink
from hadir.faces.mesh import Mesh

SHAPE = np.array([[0, 0], [10, 0], [3, 8], [7, -4]], dtype=np.float32)


@given(angle=st.floats(-3.1, 3.1), scale=st.floats(0.05, 20), x=st.floats(-500, 500), y=st.floats(-500, 500))
def test_a_fit_undoes_any_turn_scale_and_shift(angle: float, scale: float, x: float, y: float) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (SHAPE @ turn.T + (x, y)).astype(np.float32)
    matrix = fit_similarity(moved, SHAPE)
    assert moved @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(SHAPE, abs=0.02)


def test_a_fit_never_reflects() -> None:
    mirrored = SHAPE * np.array([-1, 1], dtype=np.float32)
    assert np.linalg.det(fit_similarity(mirrored, SHAPE)[:, :2]) >= 0


def test_points_that_coincide_cannot_be_aligned() -> None:
    with pytest.raises(ValueError, match="all coincide"):
        fit_similarity(np.ones((4, 2), dtype=np.float32), SHAPE)


def test_a_chip_is_black_beyond_the_photo() -> None:
    photo = np.full((20, 20, 3), 200, dtype=np.uint8)
    chip = cut_chip(photo, np.array([[1.0, 0, 10], [0, 1.0, 0]]), 40)
    assert (chip[:20, 10:30] == 200).all()
    assert (chip[:, :10] == 0).all() and (chip[20:] == 0).all()


def test_a_small_chip_of_a_large_photo_does_not_alias() -> None:
    stripes = np.zeros((400, 400, 3), dtype=np.uint8)
    stripes[:, ::2] = 200
    chip = cut_chip(stripes, np.array([[0.1, 0, 0], [0, 0.1, 0]]), 40)
    assert chip[5:-5, 5:-5].std() < 1
    assert chip[5:-5, 5:-5].mean() == pytest.approx(100, abs=2)


def test_a_shrunk_photo_says_by_how_much_on_each_axis() -> None:
    photo = np.zeros((101, 200, 3), dtype=np.uint8)
    small = shrink(photo, 3)
    assert small.shape == (33, 66, 3)
    assert scale_of(small, photo) == (66 / 200, 33 / 101)
    assert shrink(photo, 1) is photo


def test_arcface_points_are_eyes_nose_and_mouth_corners_image_left_first() -> None:
    points = np.zeros((468, 2), dtype=np.float32)
    for index, at in {
        33: (0, 0),
        133: (10, 0),
        362: (20, 0),
        263: (30, 0),
        4: (15, 10),
        61: (7, 20),
        291: (23, 20),
    }.items():
        points[index] = at
    five = arcface_points(Mesh(points, np.zeros(468, dtype=np.float32), 1.0))
    assert five.tolist() == [[5, 0], [25, 0], [15, 10], [7, 20], [23, 20]]
    template = arcface_template()
    assert (template[0, 0] < template[1, 0]) and (template[3, 0] < template[4, 0])
