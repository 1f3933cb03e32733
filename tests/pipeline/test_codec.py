"""The wire format: what is a check-in, what is an invalid field, what cannot be decoded; and nothing else ever."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hadir.core.check_in import Channel, CheckIn, Direction, Fix, Received
from hadir.core.errors import Undecodable
from hadir.pipeline.codec import MOST_PHOTO_BYTES, content_sha256, decode, encode_check_in
from hadir.pipeline.ports import Record
from hadir.pipeline.topics import MAX_RECORD_BYTES

ID = "5f0c7a4e-8a39-4b5e-9a32-0c8fb6a1d2e3"
CHECK_IN = CheckIn(
    ID, "p-1", Direction.IN, Channel.FACE, 1_790_000_000_000, Fix(-8.17, 113.7, 12.0, False), (b"\xff\xd8a",), "d-1"
)


def fields(**changes: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.msgpack.decode(encode_check_in(CHECK_IN))
    return decoded | changes


def record(value: bytes, key: bytes | None = b"p-1") -> Record:
    return Record(3, 7, 1_790_000_000_500, key, value)


def read(**changes: Any) -> Received:
    return decode(record(msgspec.msgpack.encode(fields(**changes))))


def test_a_check_in_comes_back_as_it_was_sent() -> None:
    received = decode(record(encode_check_in(CHECK_IN)))
    assert received.check_in == CHECK_IN
    assert (received.invalid_field, received.received_at_ms) == (None, 1_790_000_000_500)


@given(
    st.builds(
        CheckIn,
        id=st.uuids().map(str),
        person=st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=16),
        direction=st.sampled_from(Direction),
        channel=st.just(Channel.FACE),
        captured_at_ms=st.integers(946_684_800_000, 4_102_444_799_999),
        fix=st.none()
        | st.builds(
            Fix,
            st.floats(-90, 90),
            st.floats(-180, 180),
            st.floats(0.001, 20_000_000),
            st.none() | st.booleans(),
        ),
        photos=st.lists(st.binary(max_size=64), min_size=1, max_size=4).map(tuple),
        device_id=st.none() | st.text("abc-1", min_size=1, max_size=128),
    )
)
def test_every_valid_check_in_comes_back(check_in: CheckIn) -> None:
    assert decode(record(encode_check_in(check_in), check_in.person.encode())).check_in == check_in


@given(st.binary(max_size=400))
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\x91" * 100_000)
@example(b"\x81\xa1\xff\x01")
@example(b"\x81\x90\x01")
def test_any_bytes_are_received_or_undecodable(value: bytes) -> None:
    try:
        decode(record(value))
    except Undecodable:
        return


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=4)
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(sorted(fields())), ANYTHING)
def test_any_value_of_any_field_is_received_or_undecodable(name: str, value: object) -> None:
    try:
        received = decode(record(msgspec.msgpack.encode(fields() | {name: value})))
    except Undecodable:
        assert name in {"schema", "id", "person"}
        return
    assert (received.check_in is None) == (received.invalid_field is not None)
    assert received.check_in is not None or received.invalid_field is not None


@given(st.sampled_from(["latitude_deg", "longitude_deg", "accuracy_m", "mock"]), ANYTHING)
def test_any_value_in_a_fix_is_a_check_in_or_named(name: str, value: object) -> None:
    fix = {"latitude_deg": 1.0, "longitude_deg": 1.0, "accuracy_m": 1.0, "mock": None} | {name: value}
    assert read(fix=fix).invalid_field in {None, f"fix.{name}"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"direction": "sideways"}, "direction"),
        ({"direction": b"in"}, "direction"),
        ({"channel": "iris"}, "channel"),
        ({"captured_at_ms": 1.5}, "captured_at_ms"),
        ({"captured_at_ms": True}, "captured_at_ms"),
        ({"captured_at_ms": 946_684_799_999}, "captured_at_ms"),
        ({"captured_at_ms": 4_102_444_800_000}, "captured_at_ms"),
        ({"fix": []}, "fix"),
        ({"fix": {"latitude_deg": float("nan"), "longitude_deg": 1, "accuracy_m": 1}}, "fix.latitude_deg"),
        ({"fix": {"latitude_deg": 90.1, "longitude_deg": 1, "accuracy_m": 1}}, "fix.latitude_deg"),
        ({"fix": {"latitude_deg": True, "longitude_deg": 1, "accuracy_m": 1}}, "fix.latitude_deg"),
        ({"fix": {"latitude_deg": 1, "longitude_deg": float("inf"), "accuracy_m": 1}}, "fix.longitude_deg"),
        ({"fix": {"latitude_deg": 1, "longitude_deg": 1, "accuracy_m": 0}}, "fix.accuracy_m"),
        ({"fix": {"latitude_deg": 1, "longitude_deg": 1, "accuracy_m": -1}}, "fix.accuracy_m"),
        ({"fix": {"latitude_deg": 1, "longitude_deg": 1}}, "fix.accuracy_m"),
        ({"fix": {"latitude_deg": 1, "longitude_deg": 1, "accuracy_m": 1, "mock": 1}}, "fix.mock"),
        ({"photos": []}, "photos"),
        ({"photos": [b"1"] * 5}, "photos"),
        ({"photos": [bytes(MOST_PHOTO_BYTES), b"1"]}, "photos"),
        ({"photos": ["text"]}, "photos"),
        ({"photos": None}, "photos"),
        ({"channel": "fingerprint"}, "photos"),
        ({"channel": "paper", "photos": [b"1"]}, "photos"),
        ({"device": "d-1"}, "device"),
        ({"device": {"id": 7}}, "device.id"),
        ({"device": {"id": "x" * 129}}, "device.id"),
        ({"direction": None, "channel": None, "photos": None}, "direction"),
    ],
)
def test_the_first_invalid_field_is_named(changes: dict[str, Any], named: str) -> None:
    received = read(**changes)
    assert (received.invalid_field, received.check_in) == (named, None)


@pytest.mark.parametrize("name", ["direction", "channel", "captured_at_ms", "fix", "photos", "device"])
def test_a_missing_field_is_named(name: str) -> None:
    without = {key: value for key, value in fields().items() if key != name}
    assert decode(record(msgspec.msgpack.encode(without))).invalid_field == name


@pytest.mark.parametrize("key", [None, b"", b"p-2", b"p-1 "])
def test_a_key_that_is_not_the_person_is_invalid(key: bytes | None) -> None:
    assert decode(record(encode_check_in(CHECK_IN), key)).invalid_field == "key"


def test_what_could_be_read_is_kept_beside_an_invalid_field() -> None:
    received = read(captured_at_ms=None)
    assert (received.person, received.direction, received.channel) == ("p-1", Direction.IN, Channel.FACE)
    assert read(direction="sideways").direction is None


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"schema": True},
        {"schema": 1.0},
        {"schema": None},
        {"id": ID[:-1]},
        {"id": "{" + ID + "}"},
        {"id": ID.replace("-", "")},
        {"id": uuid.UUID(ID).bytes},
        {"person": ""},
        {"person": "é" * 33},
        {"person": b"p-1"},
        {"person": "p\x001"},
        {"person": 7},
    ],
)
def test_without_schema_id_or_person_nothing_can_be_decided(changes: dict[str, Any]) -> None:
    with pytest.raises(Undecodable):
        read(**changes)


@pytest.mark.parametrize(
    "value", [b"", b"\x90", b"\xc0", b"{}", encode_check_in(CHECK_IN)[:-1], encode_check_in(CHECK_IN) + b"\x00"]
)
def test_bytes_that_are_no_map_cannot_be_decoded(value: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(record(value))


def test_a_record_over_the_size_limit_cannot_be_decoded() -> None:
    assert read(photos=[bytes(MOST_PHOTO_BYTES)]).invalid_field is None
    with pytest.raises(Undecodable, match="smaller photos"):
        read(photos=[bytes(MAX_RECORD_BYTES)])


def test_an_id_in_capitals_is_the_same_id() -> None:
    assert read(id=ID.upper()).id == ID


def test_unknown_fields_are_ignored_but_belong_to_the_content() -> None:
    received = read(weather={"rain": True, 7: "seven"})
    assert received.check_in == CHECK_IN
    assert received.content_sha256 != read().content_sha256


def test_the_content_hash_does_not_depend_on_the_order_of_keys() -> None:
    swapped = dict(reversed(fields().items()))
    swapped["fix"] = dict(reversed(swapped["fix"].items()))
    assert decode(record(msgspec.msgpack.encode(swapped))).content_sha256 == read().content_sha256


def test_the_content_hash_is_that_of_the_documented_bytes() -> None:
    expected = {key: fields()[key] for key in sorted(fields())}
    expected["fix"] = {key: expected["fix"][key] for key in sorted(expected["fix"])}
    expected["photos"] = [hashlib.sha256(photo).digest() for photo in CHECK_IN.photos]
    assert read().content_sha256 == hashlib.sha256(msgspec.msgpack.encode(expected)).hexdigest()


def test_every_changed_field_changes_the_content_hash() -> None:
    others = [
        replace(CHECK_IN, direction=Direction.OUT),
        replace(CHECK_IN, captured_at_ms=CHECK_IN.captured_at_ms + 1),
        replace(CHECK_IN, photos=(b"\xff\xd8b",)),
        replace(CHECK_IN, device_id=None),
        replace(CHECK_IN, fix=None),
    ]
    hashes = {decode(record(encode_check_in(one))).content_sha256 for one in [CHECK_IN, *others]}
    assert len(hashes) == 6


def test_keys_that_are_not_text_have_an_order_too() -> None:
    one: dict[object, object] = {"a": 1, "z": {1: "x", "k": 2, 2: "y"}}
    other: dict[object, object] = {"z": {2: "y", 1: "x", "k": 2}, "a": 1}
    assert content_sha256(one) == content_sha256(other)
