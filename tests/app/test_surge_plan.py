"""What a surge sends, and what it holds to be right."""

from __future__ import annotations

import uuid
from collections import Counter

import cv2
import numpy as np
import pytest

from hadir.app.arrivals import arrival_times
from hadir.app.demo_people import RealPerson
from hadir.app.surge_cast import Cast, Signer, stamped
from hadir.app.surge_places import SigningPlace
from hadir.app.surge_plan import SHARES, Due, Kind, content_of, lay_out, make_check_in
from hadir.app.variation import encode_jpeg
from hadir.core.check_in import Fix, Position
from hadir.faces.pack import CHECK_IN_PHOTOS
from hadir.faces.photo import decode_photo
from hadir.pipeline.codec import decode, encode_check_in
from hadir.pipeline.ports import Record

HERE = SigningPlace(Fix(-8.0, 113.0, 8.0, mock=False), Fix(-7.9, 113.0, 8.0, mock=False), on_shift=True)
JPEG = encode_jpeg(np.full((200, 200, 3), 90, np.uint8))


def cast(people: int = 20, place: SigningPlace = HERE, colleagues: tuple[int, ...] = (1,)) -> Cast:
    return Cast([JPEG, JPEG], [Signer(f"P{n}", (0,), colleagues, place) for n in range(people)])


def planned(count: int, seed: int = 1, **of_cast: object) -> list[Due]:
    return lay_out(cast(**of_cast), arrival_times("flat", count, 60.0, seed), seed)  # type: ignore[arg-type]  # of tests


def test_a_stamp_makes_another_file_of_the_same_picture(people: list[RealPerson]) -> None:
    photo = encode_jpeg(people[0].photos[0])
    first, second = stamped(photo, b"one"), stamped(photo, b"two")
    assert len({photo, first, second}) == 3
    pixels = [decode_photo(one, CHECK_IN_PHOTOS).pixels for one in (photo, first, second)]
    assert np.array_equal(pixels[0], pixels[1])
    assert np.array_equal(pixels[0], pixels[2])


def test_only_a_jpeg_is_stamped() -> None:
    png = cv2.imencode(".png", np.zeros((200, 200, 3), np.uint8))[1].tobytes()
    with pytest.raises(ValueError, match="JPEG"):
        stamped(png, b"mark")


def test_everybody_comes_once_before_anybody_comes_again() -> None:
    plan = planned(60)
    for start in (0, 20, 40):
        assert len({due.signer.person for due in plan[start : start + 20]}) == 20


def test_a_seed_decides_what_is_played_and_ids_are_new_every_time() -> None:
    first, again = planned(300, seed=5), planned(300, seed=5)
    assert [(d.at_s, d.kind, d.signer.person) for d in first] == [(d.at_s, d.kind, d.signer.person) for d in again]
    ids = [due.id for due in (*first, *again)]
    assert len(set(ids)) == 600
    assert all(str(uuid.UUID(one)) == one for one in ids)


def test_every_scene_is_played_about_as_often_as_said() -> None:
    counts = Counter(due.kind for due in planned(5000, people=500))
    for kind, share in SHARES.items():
        assert counts[kind] == pytest.approx(5000 * share, rel=0.35)
    assert sum(SHARES.values()) == pytest.approx(1.0)


def test_who_has_no_colleague_that_looks_like_somebody_else_signs_honestly() -> None:
    assert Kind.COLLEAGUE not in {due.kind for due in planned(2000, colleagues=())}


def test_each_scene_has_its_own_right_verdicts() -> None:
    of = {due.kind: due for due in planned(2000)}
    assert of[Kind.HONEST].is_right("accepted", ["ok"])
    assert of[Kind.RESENT].is_right("accepted", ["late", "repeated"])
    assert not of[Kind.HONEST].is_right("review", ["outside_shift"])
    assert not of[Kind.COLLEAGUE].is_right("accepted", ["ok"])
    assert of[Kind.COLLEAGUE].is_right("review", ["face_mismatch"])
    assert of[Kind.OUTSIDE].is_right("rejected", ["outside_site"])
    assert not of[Kind.OUTSIDE].is_right("review", ["location_uncertain"])
    assert of[Kind.WRONG_CLOCK].is_right("review", ["outside_shift", "clock_skew"])


@pytest.mark.parametrize(
    ("on_shift", "accepted", "review"), [(True, True, False), (False, False, True), (None, True, True)]
)
def test_off_shift_an_honest_check_in_goes_to_a_human(on_shift: bool | None, accepted: bool, review: bool) -> None:
    (due,) = [d for d in planned(30, place=SigningPlace(HERE.here, HERE.away, on_shift)) if d.kind is Kind.HONEST][:1]
    assert due.is_right("accepted", ["ok"]) is accepted
    assert due.is_right("review", ["outside_shift"]) is review


def test_the_pipeline_reads_what_was_sent_and_knows_it_by_the_same_content() -> None:
    of = {due.kind: due for due in planned(2000)}
    for due in of.values():
        made = make_check_in(due, cast(), now_ms=1_790_000_000_000)
        value = encode_check_in(made)
        received = decode(Record(0, 7, 1_790_000_000_001, made.person.encode(), value))
        assert received.check_in == made
        assert received.position == Position(0, 7)
        assert received.content_sha256 == content_of(make_check_in(due, cast(), now_ms=1_790_000_000_000))
    assert make_check_in(of[Kind.WRONG_CLOCK], cast(), 1_790_000_000_000).captured_at_ms == 1_789_996_400_000
    assert make_check_in(of[Kind.OUTSIDE], cast(), 1_790_000_000_000).fix == HERE.away


def test_no_two_check_ins_bear_the_same_photo() -> None:
    photos = [make_check_in(due, cast(), 1_790_000_000_000).photos[0] for due in planned(200)]
    assert len(set(photos)) == 200
