"""Every quality reason on a photo made to show it, and none on the photo it was made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from hadir.core.evidence import FaceMeasures
from hadir.core.verdict import QUALITY_CODES, Reason
from hadir.faces.analysis import AssembledPack
from hadir.faces.blazeface import Detection
from hadir.faces.image import Image
from hadir.faces.locate import LocatedFace
from hadir.faces.mesh import Mesh
from hadir.faces.pack import CHECK_IN_PHOTOS, ENROLMENT_PHOTOS
from hadir.faces.quality import QualityLimits, brightness_of, outside_ratio, quality_reason, sharpness_of

Encode = Callable[[Image], bytes]

LIMITS = QualityLimits(48, 0.005, 40, 30, 28, 0.5, 0.06)
GOOD = FaceMeasures((0, 0, 100, 100), 100, 0.9, 1, 0, 0, 0, 0.03, 150)


def face(crowded: bool = False) -> LocatedFace:
    nothing = np.zeros(4, dtype=np.float32), np.zeros((6, 2), dtype=np.float32)
    mesh = Mesh(np.zeros((468, 2), dtype=np.float32), np.zeros(468, dtype=np.float32), 1.0)
    return LocatedFace(Detection(0.9, *nothing), mesh, crowded)


@pytest.fixture
def reason(open_pack: AssembledPack, jpeg: Encode) -> Callable[[Image], Reason | None]:
    def of(image: Image) -> Reason | None:
        return open_pack.analyse([jpeg(np.ascontiguousarray(image))], CHECK_IN_PHOTOS)[0].finding.code

    return of


Of = Callable[[Image], Reason | None]


def in_linear_light(image: Image, factor: float) -> Image:
    return (((image / 255.0) ** 2.2 * factor) ** (1 / 2.2) * 255).round().clip(0, 255).astype(np.uint8)


def test_a_good_photo_has_no_reason(reason: Of, astronaut: Image) -> None:
    assert reason(astronaut) is None


def test_a_photo_of_something_else_has_no_face(reason: Of) -> None:
    assert reason(np.full((480, 640, 3), 128, dtype=np.uint8)) is Reason.NO_FACE


def test_a_distant_face_is_too_small(reason: Of, astronaut: Image) -> None:
    canvas = np.full((160, 200, 3), 90, dtype=np.uint8)
    canvas[40:120, 60:140] = cv2.resize(astronaut[40:240, 120:320], (80, 80), interpolation=cv2.INTER_AREA)
    assert reason(canvas) is Reason.FACE_TOO_SMALL


def test_an_unsteady_hand_is_blurred(reason: Of, astronaut: Image) -> None:
    assert reason(np.asarray(cv2.GaussianBlur(astronaut, (0, 0), 4), dtype=np.uint8)) is Reason.BLURRED


def test_a_photo_without_light_is_too_dark(reason: Of, astronaut: Image) -> None:
    assert reason(in_linear_light(astronaut, 0.01)) is Reason.TOO_DARK


def test_a_dark_complexion_is_not_too_dark(reason: Of, astronaut: Image) -> None:
    """A sixth of the light reflected: from the lightest skin to the darkest."""
    assert reason(in_linear_light(astronaut, 1 / 6)) is None


def test_a_face_at_the_edge_is_cut_off(reason: Of, astronaut: Image) -> None:
    assert reason(astronaut[:, 205:]) is Reason.CUT_OFF
    assert reason(astronaut[97:]) is Reason.CUT_OFF


def test_two_people_side_by_side_are_several_faces(reason: Of, astronaut: Image) -> None:
    person = astronaut[:300, 80:380]
    assert reason(np.concatenate([person, person[:, ::-1]], axis=1)) is Reason.SEVERAL_FACES


@pytest.mark.parametrize(("side_px", "expected"), [(180, None), (230, Reason.SEVERAL_FACES)])
def test_a_second_face_counts_from_half_the_width(
    side_px: int, expected: Reason | None, reason: Of, astronaut: Image
) -> None:
    """Another face, .43 and .54 times as wide as the one in front."""
    scene = np.full((480, 640, 3), 100, dtype=np.uint8)
    scene[:, :400] = cv2.resize(astronaut[40:280, 120:320], (400, 480))
    scene[20 : 20 + side_px, 410 : 410 + side_px] = cv2.resize(astronaut[40:240, 120:320], (side_px, side_px))
    assert reason(scene) is expected


def test_a_group_photo_is_several_faces(open_pack: AssembledPack, jpeg: Encode) -> None:
    """People of a package that the pack's optional recognisers need anyway."""
    spec = find_spec("insightface")
    assert spec is not None and spec.origin is not None
    group = cv2.imread(str(Path(spec.origin).parent / "data" / "images" / "t1.jpg"), cv2.IMREAD_COLOR_RGB)
    assert group is not None
    photo = jpeg(np.asarray(group[:480, 320:960], dtype=np.uint8))
    assert open_pack.analyse([photo], CHECK_IN_PHOTOS)[0].finding.code is Reason.SEVERAL_FACES
    loose = dataclasses.replace(ENROLMENT_PHOTOS, quality=False)
    (largest,) = open_pack.analyse([photo], loose)
    assert largest.finding.code is None and largest.vector is not None


REASONS: dict[str, tuple[LocatedFace, FaceMeasures, float, Reason]] = {
    "crowded": (face(crowded=True), GOOD, 0, Reason.SEVERAL_FACES),
    "small": (face(), dataclasses.replace(GOOD, width_px=47.9), 0, Reason.FACE_TOO_SMALL),
    "outside": (face(), GOOD, 0.061, Reason.CUT_OFF),
    "right": (face(), dataclasses.replace(GOOD, yaw_deg=30.1), 0, Reason.TURNED_AWAY),
    "left": (face(), dataclasses.replace(GOOD, yaw_deg=-30.1), 0, Reason.TURNED_AWAY),
    "down": (face(), dataclasses.replace(GOOD, pitch_deg=28.1), 0, Reason.TURNED_AWAY),
    "up": (face(), dataclasses.replace(GOOD, pitch_deg=-28.1), 0, Reason.TURNED_AWAY),
    "dark": (face(), dataclasses.replace(GOOD, brightness=39), 0, Reason.TOO_DARK),
    "blurred": (face(), dataclasses.replace(GOOD, sharpness=0.0049), 0, Reason.BLURRED),
}


@pytest.mark.parametrize("name", REASONS)
def test_a_value_beyond_its_limit_gives_its_reason(name: str) -> None:
    located, measures, outside, reason = REASONS[name]
    assert quality_reason(located, measures, outside, LIMITS) is reason
    assert reason in QUALITY_CODES


def test_values_at_their_limits_pass() -> None:
    at = dataclasses.replace(GOOD, width_px=48, yaw_deg=-30, pitch_deg=28, brightness=40, sharpness=0.005)
    assert quality_reason(face(), at, 0.06, LIMITS) is None


def test_roll_is_no_reason() -> None:
    assert quality_reason(face(), dataclasses.replace(GOOD, roll_deg=90), 0, LIMITS) is None


@pytest.mark.parametrize("factor", [0.3, 0.6])
def test_sharpness_depends_on_neither_contrast_nor_light(factor: float) -> None:
    grey = np.random.default_rng(1).integers(0, 255, (150, 150)).astype(np.uint8)
    grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), 3), dtype=np.uint8)
    grey = ((grey - grey.min()) * (250 / np.ptp(grey))).astype(np.uint8)
    assert sharpness_of((grey * factor + 5).astype(np.uint8)) == pytest.approx(sharpness_of(grey), rel=0.15)


def test_a_chip_of_one_colour_is_not_sharp() -> None:
    assert sharpness_of(np.full((150, 150), 77, dtype=np.uint8)) == 0


def test_brightness_is_that_of_the_highlights() -> None:
    grey = np.full((150, 150), 30, dtype=np.uint8)
    assert brightness_of(grey) == 30
    grey[60:100, 60:80] = 200
    assert brightness_of(grey) == 200


def test_outside_ratio_counts_points_beyond_any_edge() -> None:
    image = np.zeros((100, 200, 3), dtype=np.uint8)
    points = np.array([[0, 0], [199, 99], [-1, 50], [200, 50], [50, -0.5], [50, 99.5]], dtype=np.float32)
    assert outside_ratio(points, image) == pytest.approx(4 / 6)
