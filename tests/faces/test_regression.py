"""The open pack's parts on one public-domain portrait, against figures of the reference conversion.

The figures were made by another implementation of the same steps and another conversion of the same weights; the
tolerances are what such a pair may differ by.
"""

from __future__ import annotations

import numpy as np
import pytest

from hadir.faces.alignment import CHIP_PX, cut_chip, fit_similarity
from hadir.faces.blazeface import BlazeFace
from hadir.faces.descriptor import Descriptor
from hadir.faces.front import Front
from hadir.faces.image import Image
from hadir.faces.locate import LocatedFace
from hadir.faces.manifest import Manifest
from hadir.faces.onnx import Network
from hadir.faces.pose import eye_openness, mouth_openness, pose_of

POINT_PX = 0.3

Shipped = tuple[Manifest, dict[str, bytes]]


@pytest.fixture(scope="module")
def face(front: Front, astronaut: Image) -> LocatedFace:
    (located,) = front.locator.locate([astronaut])
    assert located is not None
    return located


@pytest.fixture(scope="module")
def chip(front: Front, astronaut: Image, face: LocatedFace) -> Image:
    return cut_chip(astronaut, fit_similarity(face.mesh.points_px, front.template), CHIP_PX)


def descriptor(shipped: Shipped, file: str) -> Descriptor:
    return Descriptor(Network(shipped[1][file], file, ("output",)), 128)


def test_the_detector_finds_one_face_where_the_reference_does(face: LocatedFace) -> None:
    assert face.detection.score == pytest.approx(0.923, abs=0.003)
    assert face.detection.box_px == pytest.approx([176.6, 81.2, 272.1, 176.8], abs=POINT_PX)
    assert not face.crowded


def test_the_detectors_keypoints_lie_where_the_references_do(face: LocatedFace) -> None:
    expected = [(202.1, 102.7), (246.2, 109.1), (220.4, 126.7), (218.2, 147.5), (177.3, 111.3), (270.7, 124.2)]
    assert face.detection.keypoints_px == pytest.approx(np.array(expected), abs=POINT_PX)


def test_the_mesh_lies_where_the_references_does(face: LocatedFace) -> None:
    expected = {
        1: (224.5, 130.7),
        33: (194.4, 100.9),
        263: (256.7, 104.1),
        61: (202.5, 139.6),
        291: (246.8, 142.5),
        152: (222.7, 175.7),
    }
    assert face.mesh.points_px[list(expected)] == pytest.approx(np.array(list(expected.values())), abs=POINT_PX)
    assert face.mesh.depth_px[1] == pytest.approx(-23.4, abs=POINT_PX)
    assert face.mesh.presence > 0.99


def test_the_template_has_the_references_points(front: Front) -> None:
    expected = [(36.79, 45.41), (58.43, 46.06), (89.45, 46.06), (111.09, 45.41), (73.94, 77.08), (73.94, 146.24)]
    assert front.template[[33, 133, 362, 263, 1, 152]] == pytest.approx(np.array(expected), abs=0.01)


def test_the_chip_is_cut_as_the_reference_cuts_it(front: Front, face: LocatedFace) -> None:
    matrix = fit_similarity(face.mesh.points_px, front.template)
    assert matrix[:, :2] == pytest.approx(np.array([[1.3041, 0.0576], [-0.0576, 1.3041]]), abs=0.003)
    assert matrix[:, 2] == pytest.approx(np.array([-226.354, -74.476]), abs=0.5)


def test_pose_and_expression_are_the_references(face: LocatedFace) -> None:
    pose = pose_of(face.mesh)
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == pytest.approx((-0.1, 9.2, 2.5), abs=0.7)
    assert eye_openness(face.mesh) == pytest.approx((0.285, 0.275), abs=0.01)
    assert mouth_openness(face.mesh.points_px) == pytest.approx(0.174, abs=0.01)


def test_the_descriptor_is_the_references(shipped: Shipped, chip: Image) -> None:
    views = np.stack([chip.transpose(2, 0, 1), chip[:, ::-1].transpose(2, 0, 1)]).astype(np.float32)
    file = shipped[0].descriptor.fp16
    plain, mirrored = Network(shipped[1][file], file, ("output",)).run(views)[0]
    norms = np.linalg.norm(plain), np.linalg.norm(mirrored)
    assert plain[:5] == pytest.approx([-0.0658, 0.0223, 0.0210, -0.0670, -0.1628], abs=0.01)
    assert norms[0] == pytest.approx(1.455, abs=0.01)
    assert float(plain @ mirrored) / (norms[0] * norms[1]) == pytest.approx(0.9904, abs=0.001)


def test_int8_and_fp16_nearly_agree(shipped: Shipped, chip: Image) -> None:
    parts = shipped[0].descriptor
    int8, fp16 = (descriptor(shipped, file).embed([chip])[0] for file in (parts.int8, parts.fp16))
    assert float(int8 @ fp16) >= 0.999


@pytest.mark.parametrize("quarter_turns", [1, 3])
def test_a_face_on_its_side_gives_the_same_face(
    quarter_turns: int,
    front: Front,
    chip: Image,
    astronaut: Image,
    shipped: Shipped,
) -> None:
    turned = np.ascontiguousarray(np.rot90(astronaut, quarter_turns))
    (found,) = front.locator.locate([turned])
    assert found is not None
    again = cut_chip(turned, fit_similarity(found.mesh.points_px, front.template), CHIP_PX)
    embed = descriptor(shipped, shipped[0].descriptor.int8).embed
    assert float(embed([chip])[0] @ embed([again])[0]) > 0.997
    assert pose_of(found.mesh).roll_deg == pytest.approx(3 - 90 if quarter_turns == 1 else 3 + 90, abs=5)


def test_a_large_face_has_the_same_mesh(front: Front, face: LocatedFace, astronaut: Image) -> None:
    (found,) = front.locator.locate([np.kron(astronaut, np.ones((5, 5, 1), dtype=np.uint8))])
    assert found is not None
    assert found.mesh.points_px / 5 == pytest.approx(face.mesh.points_px, abs=2)


def test_a_face_that_fills_the_photo_is_found_by_a_second_look(
    front: Front, face: LocatedFace, astronaut: Image, shipped: Shipped
) -> None:
    x0, y0, x1, y1 = (round(float(edge)) for edge in face.detection.box_px)
    tight = np.ascontiguousarray(astronaut[y0 + 15 : y1 - 8, x0 + 10 : x1 - 10])
    file = shipped[0].detector.file
    detector = BlazeFace(Network(shipped[1][file], file, ("regressors", "classificators")))
    assert detector.detect([tight]) == [[]]
    (found,) = front.locator.locate([tight])
    assert found is not None
    assert found.mesh.points_px[1] == pytest.approx(face.mesh.points_px[1] - (x0 + 10, y0 + 15), abs=4)


def test_a_picture_without_a_face_has_none(front: Front) -> None:
    y, x = np.mgrid[0:480, 0:640]
    waves = (127 + 100 * np.sin(x / 17) * np.cos(y / 23)).astype(np.uint8)
    assert front.locator.locate([np.repeat(waves[..., None], 3, axis=2)]) == [None]
