"""Angles of a canonical face that was turned by known ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hadir.faces.front import read_array
from hadir.faces.manifest import Manifest
from hadir.faces.mesh import Mesh
from hadir.faces.pose import pose_of


def rotation(axis: int, degrees: float) -> NDArray[np.float64]:
    """About x, y or z of the image (x right, y down, z away from the camera)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    one, other = [i for i in range(3) if i != axis]
    matrix = np.eye(3)
    matrix[one, one] = matrix[other, other] = c
    matrix[one, other], matrix[other, one] = -s, s
    return matrix


@pytest.fixture(scope="module")
def canonical(shipped: tuple[Manifest, dict[str, bytes]]) -> NDArray[np.float64]:
    """The canonical face as the camera sees it: x right, y down, z away."""
    return read_array(shipped[1], "canonical_face.npy", (468, 3)).astype(np.float64) * (10, -10, -10)


def turned(canonical: NDArray[np.float64], axis: int, degrees: float) -> Mesh:
    moved = (canonical @ rotation(axis, degrees).T).astype(np.float32)
    return Mesh(moved[:, :2] + 100, moved[:, 2], 1.0)


@pytest.mark.parametrize("degrees", [-30, -15, 0, 15, 30])
def test_yaw_is_positive_when_the_nose_points_to_the_images_right(
    degrees: float, canonical: NDArray[np.float64]
) -> None:
    mesh = turned(canonical, 1, degrees)
    nose = float(mesh.points_px[1, 0] - mesh.points_px[[234, 454], 0].mean())
    yaw = pose_of(mesh).yaw_deg
    assert abs(yaw) == pytest.approx(abs(degrees), abs=2)
    assert np.sign(round(nose, 1)) == np.sign(round(yaw, 1))


def test_pitch_is_positive_when_the_head_is_lowered(canonical: NDArray[np.float64]) -> None:
    neutral, lowered, raised = (turned(canonical, 0, degrees) for degrees in (0, 20, -20))
    if lowered.points_px[1, 1] < neutral.points_px[1, 1]:
        lowered, raised = raised, lowered
    difference = pose_of(lowered).pitch_deg - pose_of(neutral).pitch_deg
    assert difference == pytest.approx(20, abs=2)
    assert pose_of(raised).pitch_deg - pose_of(neutral).pitch_deg == pytest.approx(-20, abs=2)


@pytest.mark.parametrize("degrees", [-40, 25, 90])
def test_roll_is_the_slope_of_the_eyes_and_leaves_yaw_and_pitch_alone(
    degrees: float, canonical: NDArray[np.float64]
) -> None:
    level, tilted = pose_of(turned(canonical, 2, 0)), pose_of(turned(canonical, 2, degrees))
    assert tilted.roll_deg == pytest.approx(degrees, abs=0.5)
    assert (tilted.yaw_deg, tilted.pitch_deg) == pytest.approx((level.yaw_deg, level.pitch_deg), abs=0.01)
