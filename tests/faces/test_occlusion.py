"""Drawings on faces: they cover what they should, leave alone what they should, and the same seed draws the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadir.faces.analysis import AssembledPack
from hadir.faces.face_frame import OVAL, frame_of
from hadir.faces.image import Image, Points
from hadir.faces.mesh import POINTS
from hadir.faces.occlusion import Occlusion, occlude
from hadir.faces.pack import ENROLMENT_PHOTOS
from tests.faces.conftest import Encode

LARGEST_FACE = replace(ENROLMENT_PHOTOS, quality=False)
EYES, NOSE_TIP, MOUTH, CHIN, FOREHEAD, CHEEKS = (159, 386), 4, 13, 152, 151, (50, 280)
WORN = list(Occlusion)


@pytest.fixture(scope="module")
def face(astronaut: Image, open_pack: AssembledPack, png: Encode) -> tuple[Image, Points]:
    (found,) = open_pack.analyse([png(astronaut)], LARGEST_FACE)
    assert found.points_px is not None
    return astronaut, found.points_px


def change_at(face: tuple[Image, Points], kind: Occlusion, local: tuple[float, float]) -> float:
    """How much the pixels around a place in face coordinates change, mean over seeds."""
    image, points = face
    x, y = (round(float(v)) for v in frame_of(points).to_photo(np.array([local]))[0])
    patch = (slice(y - 2, y + 3), slice(x - 2, x + 3))
    changes = [
        np.abs(occlude(image, points, kind, seed)[patch].astype(float) - image[patch]).mean() for seed in range(8)
    ]
    return float(np.mean(changes))


def change_of(face: tuple[Image, Points], kind: Occlusion, point: int) -> float:
    x, y = frame_of(face[1]).to_face(face[1][[point]])[0].tolist()
    return change_at(face, kind, (x, y))


@pytest.mark.parametrize(
    ("kind", "covered", "visible"),
    [
        (Occlusion.HIJAB, (), (*EYES, NOSE_TIP, MOUTH, *CHEEKS, FOREHEAD)),
        (Occlusion.MASK, (NOSE_TIP, MOUTH, CHIN), (*EYES, FOREHEAD)),
        (Occlusion.SUNGLASSES, EYES, (NOSE_TIP, MOUTH, CHIN, FOREHEAD)),
        (Occlusion.GLASSES, (), (NOSE_TIP, MOUTH, CHIN, FOREHEAD)),
    ],
)
def test_it_covers_its_part_of_the_face_and_no_other(
    face: tuple[Image, Points], kind: Occlusion, covered: tuple[int, ...], visible: tuple[int, ...]
) -> None:
    assert all(change_of(face, kind, point) > 15 for point in covered)
    assert all(change_of(face, kind, point) < 4 for point in visible)


@pytest.mark.parametrize("place", [(0.0, -1.3), (-1.1, -0.6), (1.1, -0.6), (0.0, 1.25), (-1.1, 1.0), (0.6, 1.9)])
def test_a_hijab_covers_hair_ears_neck_and_shoulders(face: tuple[Image, Points], place: tuple[float, float]) -> None:
    assert change_at(face, Occlusion.HIJAB, place) > 15


@pytest.mark.parametrize("kind", WORN)
def test_the_same_seed_draws_the_same_and_another_draws_another(face: tuple[Image, Points], kind: Occlusion) -> None:
    image, points = face
    before = image.copy()
    first, again, other = (occlude(image, points, kind, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(image, before)
    assert first.dtype == np.uint8
    assert first.shape == image.shape


@pytest.mark.parametrize("kind", WORN)
def test_a_grey_photo_stays_grey(face: tuple[Image, Points], kind: Occlusion) -> None:
    image, points = face
    grey = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    for seed in range(4):
        assert int(np.ptp(occlude(grey, points, kind, seed), axis=2).max()) <= 1


def test_cloth_is_as_dark_as_the_face_that_wears_it(face: tuple[Image, Points]) -> None:
    image, points = face
    dark = (image * 0.25).astype(np.uint8)
    neck = frame_of(points).to_photo(np.array([[0.0, 1.5]]))[0].round().astype(int)
    lit, unlit = (float(occlude(i, points, Occlusion.HIJAB, 1)[neck[1], neck[0]].mean()) for i in (image, dark))
    assert unlit < 0.5 * lit


@pytest.mark.parametrize("kind", [Occlusion.HIJAB, Occlusion.GLASSES])
def test_the_face_is_still_found_and_still_the_same_person(
    face: tuple[Image, Points], kind: Occlusion, open_pack: AssembledPack, png: Encode
) -> None:
    image, points = face
    plain, worn = open_pack.analyse([png(image), png(occlude(image, points, kind, 3))], LARGEST_FACE)
    assert plain.vector is not None
    assert worn.vector is not None
    assert 0.9 < float(plain.vector @ worn.vector) < 0.9999


@settings(max_examples=25, deadline=None)
@given(
    scale=st.floats(0.05, 4),
    angle=st.floats(0, 6.3),
    shift=st.tuples(st.floats(-400, 400), st.floats(-400, 400)),
    kind=st.sampled_from(WORN),
)
def test_any_size_angle_and_place_can_be_drawn_on_also_beyond_the_edge(
    face: tuple[Image, Points], scale: float, angle: float, shift: tuple[float, float], kind: Occlusion
) -> None:
    points = face[1] - face[1].mean(axis=0)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = (scale * points @ turn + 64 + np.array(shift)).astype(np.float32)
    image = np.full((128, 160, 3), 120, dtype=np.uint8)
    assert occlude(image, moved, kind, 0).shape == image.shape


@settings(max_examples=25, deadline=None)
@given(angle=st.floats(-3, 3), scale=st.floats(0.1, 10))
def test_the_frame_holds_the_rim_and_goes_there_and_back(
    face: tuple[Image, Points], angle: float, scale: float
) -> None:
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = (scale * (face[1] - 100) @ turn).astype(np.float32)
    frame = frame_of(points)
    rim = frame.to_face(points[list(OVAL)])
    assert np.abs(rim).max() == pytest.approx(1, abs=1e-4)
    assert frame.to_photo(rim) == pytest.approx(points[list(OVAL)], abs=1e-2 * scale)


@pytest.mark.parametrize("points", [np.zeros((5, 2), np.float32), np.zeros((POINTS, 2), np.float32)])
def test_what_is_no_mesh_is_refused(astronaut: Image, points: Points) -> None:
    with pytest.raises(ValueError, match="mesh"):
        occlude(astronaut, points, Occlusion.HIJAB, 0)
