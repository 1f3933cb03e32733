"""What a worker of a re-embedding makes of a photo: the enrolled face's vector, or a reason, never another face's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.app.demo_people import RealPerson, crowd_of, people_in_packages
from hadir.app.variation import encode_jpeg
from hadir.core.errors import SpaceMismatch
from hadir.faces.pack import ENROLMENT_PHOTOS, FacePack
from hadir.faces.packs import load_pack
from hadir.pipeline.embedding import ANOTHER_FACE, EmbedSpec, EmbedStage, EnrolledPhoto, same_face

Box = tuple[float, float, float, float]

_edges = st.floats(0, 4000, allow_nan=False, width=32)
boxes = st.tuples(_edges, _edges, _edges, _edges).map(
    lambda e: (min(e[0], e[2]), min(e[1], e[3]), max(e[0], e[2]), max(e[1], e[3]))
)


@pytest.fixture(scope="module")
def people() -> list[RealPerson]:
    return people_in_packages()


@pytest.fixture(scope="module")
def pack() -> FacePack:
    return load_pack("open", "fp16")


@pytest.fixture(scope="module")
def stage(pack: FacePack) -> EmbedStage:
    return EmbedStage(pack)


@given(a=boxes, b=boxes)
def test_it_does_not_matter_which_detector_came_first(a: Box, b: Box) -> None:
    assert same_face(a, b) == same_face(b, a)


@given(a=boxes, apart=st.floats(1, 100))
def test_faces_beside_each_other_are_two(a: Box, apart: float) -> None:
    width = a[2] - a[0]
    assert not same_face(a, (a[0] + width + apart, a[1], a[2] + width + apart, a[3]))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ((100.0, 100.0, 200.0, 200.0), True),
        ((80.0, 60.0, 220.0, 260.0), True),  # with hair and neck
        ((120.0, 120.0, 180.0, 190.0), True),  # eyes to mouth
        ((170.0, 100.0, 270.0, 200.0), False),  # a shoulder away
        ((150.0, 150.0, 150.0, 150.0), False),  # nothing at all
    ],
)
def test_boxes_of_one_face_differ_by_what_detectors_take_for_a_face(other: Box, same: bool) -> None:
    assert same_face((100.0, 100.0, 200.0, 200.0), other) is same


def test_a_photo_in_which_the_new_pack_looks_at_somebody_else_is_refused(
    people: list[RealPerson], stage: EmbedStage, pack: FacePack
) -> None:
    upright = [p for p in people if pack.analyse([encode_jpeg(p.photos[0])], ENROLMENT_PHOTOS)[0].vector is not None]
    crowd = crowd_of(upright)
    half = crowd.shape[1] / 2
    sides = [(0.0, 0.0, half, half), (half, 0.0, 2 * half, half)]
    photos = stage.embed([EnrolledPhoto("x", encode_jpeg(crowd), side) for side in sides])
    assert sorted(photo.reason or "" for photo in photos) == ["", ANOTHER_FACE]
    assert [photo.vector is None for photo in photos] == [photo.reason is not None for photo in photos]


def test_what_enrolment_would_refuse_today_keeps_its_template(
    people: list[RealPerson], stage: EmbedStage, pack: FacePack
) -> None:
    photos = [encode_jpeg(person.photos[0]) for person in people]
    refused = [p for p, r in zip(photos, pack.analyse(photos, ENROLMENT_PHOTOS), strict=True) if r.vector is None]
    assert refused, "two of the eight are turned away"
    assert [one.reason for one in stage.embed([EnrolledPhoto("x", p, None) for p in refused])] == [None] * len(refused)


def test_a_photo_gives_the_same_bytes_whatever_stands_beside_it(people: list[RealPerson], stage: EmbedStage) -> None:
    photos = [EnrolledPhoto(person.person, encode_jpeg(person.photos[0]), None) for person in people]
    together = stage.embed(photos)
    assert [stage.embed([photo])[0] for photo in photos] == together
    assert list(reversed(stage.embed(photos[::-1]))) == together
    assert all(np.frombuffer(one.vector or b"", dtype="<f4").shape == (128,) for one in together)


def test_bytes_that_are_no_photo_get_their_reason(stage: EmbedStage) -> None:
    noise = encode_jpeg(np.zeros((200, 200, 3), dtype=np.uint8))
    photos = stage.embed(
        [EnrolledPhoto("a", b"", None), EnrolledPhoto("b", b"text", None), EnrolledPhoto("c", noise, None)]
    )
    assert [photo.reason for photo in photos] == ["photo_empty", "photo_not_an_image", "no_face"]


def test_a_worker_that_would_make_other_vectors_does_not_serve() -> None:
    with pytest.raises(SpaceMismatch, match=r"faces\.precision"):
        EmbedSpec("open", "fp16", "another-space")()
