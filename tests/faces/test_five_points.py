"""What five points tell of a face: against turned heads whose angles are known, and against the mesh."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.core.evidence import FaceMeasures
from hadir.core.verdict import Reason
from hadir.faces.alignment import arcface_points, five_of
from hadir.faces.five_points import (
    PITCH_FACTOR,
    PITCH_SHIFT_DEG,
    WIDTH_RATIO,
    YAW_FACTOR,
    YAW_SHIFT_DEG,
    FivePointGauge,
)
from hadir.faces.front import Front, read_array
from hadir.faces.image import Image, Points
from hadir.faces.insightface_models import FivePointFace
from hadir.faces.manifest import CANONICAL_FACE, Manifest, read_files, read_manifest
from hadir.faces.mesh import Mesh
from hadir.faces.open_pack import shipped_folder
from hadir.faces.own_front import Prominence
from hadir.faces.photo import Photo
from hadir.faces.pose import pose_of

ALONE = Prominence(crowded=False)

MANIFEST = read_manifest(shipped_folder())
CANONICAL = read_array(read_files(shipped_folder(), MANIFEST), CANONICAL_FACE, (468, 3)).astype(np.float32)
GAUGE = FivePointGauge(CANONICAL, MANIFEST.quality)


def seen(yaw_deg: float, pitch_deg: float, roll_deg: float, scale: float = 8.0) -> Points:
    """The five points of the canonical head, turned and seen from far away, in a photo of 300 px."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    about_y = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    head = five_of(CANONICAL).astype(np.float64) * (1, -1, -1)
    turned = head @ (about_z @ about_y @ about_x).T
    return np.asarray(scale * turned[:, :2] + 150, dtype=np.float32)


def face_at(points: Points, width_px: float = 100.0) -> FivePointFace:
    box = np.array([100, 100, 100 + width_px, 220], dtype=np.float32)
    return FivePointFace(box, points, 0.9)


def photo(side_px: int = 300, reduction: int = 1) -> Photo:
    pixels = np.random.default_rng(1).integers(60, 255, (side_px, side_px, 3)).astype(np.uint8)
    return Photo(pixels, reduction)


def measured(taken: Photo, face: FivePointFace) -> FaceMeasures:
    return GAUGE.measure(taken, face, GAUGE.chip(taken, face))


@given(yaw=st.floats(-50, 50), pitch=st.floats(-40, 40), scale=st.floats(2, 30))
def test_a_turned_head_is_measured_as_turned(yaw: float, pitch: float, scale: float) -> None:
    if abs(yaw) > 1 and abs(pitch) > 1:
        yaw, pitch = (yaw, 0.0) if abs(yaw) > abs(pitch) else (0.0, pitch)  # angles about both axes do not commute
    measures = measured(photo(), face_at(seen(yaw, pitch, 0, scale)))
    assert measures.yaw_deg == pytest.approx(YAW_FACTOR * yaw + YAW_SHIFT_DEG, abs=1.2)
    assert measures.pitch_deg == pytest.approx(PITCH_FACTOR * pitch + PITCH_SHIFT_DEG, abs=1.2)


@given(roll=st.floats(-170, 170))
def test_a_tilted_head_is_measured_as_tilted(roll: float) -> None:
    assert measured(photo(), face_at(seen(0, 0, roll))).roll_deg == pytest.approx(roll, abs=1.0)


def test_the_mesh_says_the_same_of_a_real_face(front: Front, astronaut: Image) -> None:
    face = front.locator.locate([astronaut])[0]
    assert face is not None
    pose = pose_of(face.mesh)
    measures = measured(Photo(astronaut, 1), face_at(arcface_points(face.mesh)))
    assert measures.yaw_deg == pytest.approx(pose.yaw_deg, abs=5)
    assert measures.pitch_deg == pytest.approx(pose.pitch_deg, abs=9)
    assert measures.roll_deg == pytest.approx(pose.roll_deg, abs=3)


def test_sizes_are_of_the_photo_before_it_was_reduced() -> None:
    measures = measured(photo(reduction=4), face_at(seen(0, 0, 0)))
    assert (measures.width_px, measures.box_px[0]) == (400, 400)


@pytest.mark.parametrize(
    ("points", "width_px", "expected"),
    [
        (seen(0, 5, 0), 100, None),
        (seen(45, 0, 0), 100, Reason.TURNED_AWAY),
        (seen(0, 5, 0), MANIFEST.quality.min_face_px * WIDTH_RATIO - 1, Reason.FACE_TOO_SMALL),
        (seen(0, 5, 0) - np.float32(110), 100, Reason.CUT_OFF),
    ],
)
def test_what_is_wrong_with_a_face_has_its_reason(points: Points, width_px: float, expected: Reason | None) -> None:
    taken, face = photo(), face_at(points, width_px)
    assert GAUGE.reason(taken, ALONE, measured(taken, face), points) is expected


def test_somebody_else_in_the_photo_is_the_first_reason() -> None:
    taken, face = photo(), face_at(seen(45, 0, 0))
    crowded = Prominence(crowded=True)
    assert GAUGE.reason(taken, crowded, measured(taken, face), face.points_px) is Reason.SEVERAL_FACES


def test_five_points_of_a_mesh_and_of_the_canonical_face_are_the_same_places(
    shipped: tuple[Manifest, dict[str, bytes]],
) -> None:
    mesh = Mesh(CANONICAL[:, :2], CANONICAL[:, 2], 1.0)
    assert np.array_equal(arcface_points(mesh), five_of(CANONICAL)[:, :2])
