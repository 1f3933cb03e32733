"""Bytes to check-ins and back: the wire format of `docs/wire-format.md`, schema 1."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import msgspec

from hadir.core.check_in import Channel, CheckIn, Direction, Fix, Position, Received
from hadir.core.errors import Undecodable
from hadir.pipeline.ports import Record
from hadir.pipeline.topics import MAX_RECORD_BYTES

__all__ = ["MOST_PHOTOS", "MOST_PHOTO_BYTES", "SCHEMA", "content_sha256", "decode", "encode_check_in", "readable_id"]

SCHEMA = 1
MOST_PHOTOS = 4
MOST_PHOTO_BYTES = 4_718_592
"""4.5 MiB for all photos of one check-in."""
PERSON_BYTES = 64
DEVICE_ID_BYTES = 128

EARLIEST_MS = 946_684_800_000
"""2000-01-01 UTC. Clocks before it or from `LATEST_MS` on are not clocks but mistakes."""
LATEST_MS = 4_102_444_800_000
"""2100-01-01 UTC."""

WIDEST_M = 20_040_000.0
"""Half the Earth's circumference: a fix cannot be less accurate than that."""

_DIRECTIONS: Mapping[str, Direction] = {one.value: one for one in Direction}
_CHANNELS: Mapping[str, Channel] = {one.value: one for one in Channel}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Fields = Mapping[object, Any]


def decode(record: Record) -> Received:
    """Read one record of the check-in topic.

    A record whose person is known gets a verdict even when another field is wrong: then `check_in` is None and
    `invalid_field` names the first wrong field in the order of the table in `docs/wire-format.md`, `key` last.

    Raises:
        Undecodable: not a MessagePack map of schema 1 with a UUID id and a person of 1 to 64 bytes without
            control characters. No other error, whatever the bytes.
    """
    fields = _read_map(record.value)
    if type(fields.get("schema")) is not int or fields["schema"] != SCHEMA:
        raise Undecodable(f"schema is not {SCHEMA}: send check-ins as docs/wire-format.md describes")
    identity = _uuid(fields.get("id"))
    person: Any = fields.get("person")
    if identity is None:
        raise Undecodable("id is not a UUID in its 36-character form: the client makes one per check-in, once")
    if not _is_text(person, PERSON_BYTES):
        raise Undecodable(
            f"person is not text of 1 to {PERSON_BYTES} bytes without control characters: send the roster's opaque id"
        )
    invalid = next(_invalid_fields(fields, record.key), None)
    digests = _photo_digests(fields)
    return Received(
        id=identity,
        person=person,
        position=Position(record.partition, record.offset),
        received_at_ms=record.timestamp_ms,
        content_sha256=_content_sha256(fields, digests),
        check_in=_check_in(fields, identity) if invalid is None else None,
        invalid_field=invalid,
        direction=_direction(fields.get("direction")),
        channel=_channel(fields.get("channel")),
        photo_sha256=tuple(d.hex() for d in digests or () if isinstance(d, bytes)) if invalid is None else (),
    )


def readable_id(value: bytes) -> str | None:
    """The id of bytes that are otherwise not decodable, where one can be read: for a dead letter's header."""
    try:
        return _uuid(_read_map(value).get("id"))
    except Undecodable:
        return None


def encode_check_in(check_in: CheckIn) -> bytes:
    """What a sender puts on the topic, with `check_in.person` in UTF-8 as the record's key."""
    fix = check_in.fix
    return msgspec.msgpack.encode(
        {
            "schema": SCHEMA,
            "id": check_in.id,
            "person": check_in.person,
            "direction": check_in.direction.value,
            "channel": check_in.channel.value,
            "captured_at_ms": check_in.captured_at_ms,
            "fix": None
            if fix is None
            else {
                "latitude_deg": fix.latitude_deg,
                "longitude_deg": fix.longitude_deg,
                "accuracy_m": fix.accuracy_m,
                "mock": fix.mock,
            },
            "photos": list(check_in.photos),
            "device": None if check_in.device_id is None else {"id": check_in.device_id},
        }
    )


def content_sha256(fields: Fields) -> str:
    """Hex SHA-256 over the MessagePack of the map with sorted keys, each photo replaced by its (binary) SHA-256.

    Keys are sorted by code point, at every depth. Keys that are not text stand behind, by their MessagePack bytes.
    """
    return _content_sha256(fields, _photo_digests(fields))


def _photo_digests(fields: Fields) -> list[object] | None:
    """The photos, those that are bytes replaced by their SHA-256; None where there is no list of them."""
    photos = fields.get("photos")
    if not isinstance(photos, list):
        return None
    return [hashlib.sha256(photo).digest() if isinstance(photo, bytes) else photo for photo in photos]


def _content_sha256(fields: Fields, digests: list[object] | None) -> str:
    if digests is not None:
        fields = {**fields, "photos": digests}
    try:
        canonical = msgspec.msgpack.encode(fields, order="deterministic")
    except TypeError:  # msgspec sorts text keys only
        canonical = msgspec.msgpack.encode(_sorted(fields))
    return hashlib.sha256(canonical).hexdigest()


def _sorted(value: object) -> object:
    if isinstance(value, Mapping):
        ordered = sorted(value, key=lambda k: (0, k, b"") if isinstance(k, str) else (1, "", msgspec.msgpack.encode(k)))
        return {key: _sorted(value[key]) for key in ordered}
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value


def _read_map(value: bytes) -> Fields:
    if len(value) > MAX_RECORD_BYTES:
        raise Undecodable(f"the record has {len(value)} bytes, {MAX_RECORD_BYTES} are allowed: send smaller photos")
    try:
        fields = msgspec.msgpack.decode(value)
    except (ValueError, RecursionError, OverflowError) as err:
        raise Undecodable(f"not MessagePack ({type(err).__name__}): see docs/wire-format.md") from err
    if not isinstance(fields, dict):
        raise Undecodable(f"MessagePack of type {type(fields).__name__}, expected a map: see docs/wire-format.md")
    return fields


def _invalid_fields(fields: Fields, key: bytes | None) -> Iterator[str]:
    if _direction(fields.get("direction")) is None:
        yield "direction"
    channel = _channel(fields.get("channel"))
    if channel is None:
        yield "channel"
    if not _is_whole(fields.get("captured_at_ms"), EARLIEST_MS, LATEST_MS):
        yield "captured_at_ms"
    yield from _invalid_in_fix(fields.get("fix", ""))
    if not _photos_fit(fields.get("photos"), channel):
        yield "photos"
    yield from _invalid_in_device(fields.get("device", ""))
    if key != fields["person"].encode():
        yield "key"


def _invalid_in_fix(fix: object) -> Iterator[str]:
    if fix is None:
        return
    if not isinstance(fix, dict):
        yield "fix"
        return
    if not _is_number(fix.get("latitude_deg"), -90.0, 90.0):
        yield "fix.latitude_deg"
    if not _is_number(fix.get("longitude_deg"), -180.0, 180.0):
        yield "fix.longitude_deg"
    # Phones say 0 where they know no accuracy: such a fix must never count as a perfect one.
    if not _is_number(fix.get("accuracy_m"), 0.0, WIDEST_M) or fix["accuracy_m"] == 0:
        yield "fix.accuracy_m"
    if not isinstance(fix.get("mock"), bool | None):
        yield "fix.mock"


def _invalid_in_device(device: object) -> Iterator[str]:
    if device is None:
        return
    if not isinstance(device, dict):
        yield "device"
    elif device.get("id") is not None and not _is_text(device["id"], DEVICE_ID_BYTES):
        yield "device.id"


def _photos_fit(photos: object, channel: Channel | None) -> bool:
    if not isinstance(photos, list) or not all(isinstance(photo, bytes) for photo in photos):
        return False
    if sum(map(len, photos)) > MOST_PHOTO_BYTES:
        return False
    return 1 <= len(photos) <= MOST_PHOTOS if channel is Channel.FACE else not photos


def _check_in(fields: Fields, identity: str) -> CheckIn:
    fix, device = fields["fix"], fields["device"]
    return CheckIn(
        id=identity,
        person=fields["person"],
        direction=Direction(fields["direction"]),
        channel=Channel(fields["channel"]),
        captured_at_ms=fields["captured_at_ms"],
        fix=None
        if fix is None
        else Fix(float(fix["latitude_deg"]), float(fix["longitude_deg"]), float(fix["accuracy_m"]), fix.get("mock")),
        photos=tuple(fields["photos"]),
        device_id=None if device is None else device.get("id"),
    )


def _direction(value: object) -> Direction | None:
    return _DIRECTIONS.get(value) if isinstance(value, str) else None


def _channel(value: object) -> Channel | None:
    return _CHANNELS.get(value) if isinstance(value, str) else None


def _uuid(value: object) -> str | None:
    return value.lower() if isinstance(value, str) and _UUID.fullmatch(value) else None


def _is_text(value: object, most_bytes: int) -> bool:
    # Control characters are no part of an id, and PostgreSQL cannot store the first of them.
    return isinstance(value, str) and 1 <= len(value.encode()) <= most_bytes and not _CONTROL.search(value)


def _is_whole(value: object, low: int, below: int) -> bool:
    return type(value) is int and low <= value < below


def _is_number(value: object, low: float, high: float) -> bool:
    return type(value) in (int, float) and isfinite(value) and low <= value <= high  # type: ignore[arg-type, operator]
