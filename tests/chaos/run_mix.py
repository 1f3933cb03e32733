"""What is sent in a run: honest check-ins, and everything else that arrives at such a topic, drawn from a seed."""

from __future__ import annotations

import hashlib
import random
import struct
import time
import uuid
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import msgspec

from hadir.app.scenarios import SITE
from hadir.core.check_in import Channel, CheckIn, Direction, Fix
from hadir.core.message import Message
from hadir.pipeline.codec import content_sha256, encode_check_in
from hadir.pipeline.topics import CHECK_INS
from tests.chaos.run_site import ChaosSite
from tests.chaos.run_stage import DEADLY

__all__ = ["Parcel", "mix"]

PER_10_000 = {
    "honest": 8770,
    "somebody_elses_face": 200,
    "fingerprint": 500,
    "sent_again": 250,
    "other_content": 70,
    "undecodable": 70,
    "broken_photo": 70,
    "unknown_person": 30,
    "invalid_field": 30,
    "deadly_photo": 10,
}
REMEMBERED = 2_000


@dataclass(frozen=True, slots=True)
class Parcel:
    """One record to send. `id` is None where it is no check-in; then `digest` is its value's SHA-256, else the
    content's."""

    message: Message
    kind: str
    id: str | None
    digest: str


def mix(site: ChaosSite, rng: random.Random) -> Iterator[Parcel]:
    """Without end. Repetitions are of what was drawn shortly before."""
    kinds, weights = list(PER_10_000), list(PER_10_000.values())
    before: deque[CheckIn] = deque(maxlen=REMEMBERED)
    while True:
        kind = rng.choices(kinds, weights)[0]
        if kind == "undecodable":
            yield _noise(rng)
            continue
        if kind in {"sent_again", "other_content"} and not before:
            kind = "honest"
        check_in = rng.choice(before) if kind in {"sent_again", "other_content"} else _honest(site, rng)
        if (change := _CHANGES.get(kind)) is not None:
            check_in = change(site, check_in, rng)
        if kind != "invalid_field":
            before.append(check_in)
        yield _parcel(check_in, kind)


def _honest(site: ChaosSite, rng: random.Random) -> CheckIn:
    number = rng.randrange(len(site.people))
    return CheckIn(
        id=str(uuid.UUID(bytes=rng.randbytes(16), version=4)),
        person=site.people[number],
        direction=rng.choice((Direction.IN, Direction.OUT)),
        channel=Channel.FACE,
        captured_at_ms=time.time_ns() // 1_000_000,
        fix=Fix(*SITE, accuracy_m=8.0, mock=False),
        photos=(site.photo(number, rng.randbytes(16)),),
    )


def _parcel(check_in: CheckIn, kind: str) -> Parcel:
    value = encode_check_in(check_in)
    if kind == "invalid_field":
        value = msgspec.msgpack.encode({**msgspec.msgpack.decode(value), "direction": "sideways"})
    digest = content_sha256(msgspec.msgpack.decode(value))
    return Parcel(Message(CHECK_INS, check_in.person.encode(), value), kind, check_in.id, digest)


def _noise(rng: random.Random) -> Parcel:
    """Bytes that no client of Hadir sends; a marker keeps them from ever being a check-in by chance."""
    value = b"\xc1" + rng.randbytes(rng.randrange(1, 400))
    key = f"clerk-{rng.randrange(100)}".encode()
    return Parcel(Message(CHECK_INS, key, value), "undecodable", None, hashlib.sha256(value).hexdigest())


def _another_face(site: ChaosSite, check_in: CheckIn, rng: random.Random) -> CheckIn:
    return replace(check_in, photos=(site.photo(rng.randrange(len(site.people)), rng.randbytes(16)),))


def _fingerprint(_: ChaosSite, check_in: CheckIn, rng: random.Random) -> CheckIn:
    del rng
    return replace(check_in, channel=Channel.FINGERPRINT, fix=None, photos=())


def _broken(_: ChaosSite, check_in: CheckIn, rng: random.Random) -> CheckIn:
    photo = check_in.photos[0]
    cut = photo[: rng.randrange(len(photo))]
    return replace(check_in, photos=(rng.choice((cut, b"", b"<html></html>", _bomb())),))


def _bomb() -> bytes:
    """A PNG of 30,000 × 30,000 pixels, as far as its header knows."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def _deadly(_: ChaosSite, check_in: CheckIn, rng: random.Random) -> CheckIn:
    return replace(check_in, photos=(DEADLY + rng.randbytes(16),))


def _unknown(_: ChaosSite, check_in: CheckIn, rng: random.Random) -> CheckIn:
    return replace(check_in, person=f"nobody-{rng.randrange(1_000_000)}")


def _other_content(_: ChaosSite, check_in: CheckIn, rng: random.Random) -> CheckIn:
    return replace(check_in, captured_at_ms=check_in.captured_at_ms - rng.randrange(1, 60_000))


_CHANGES: dict[str, Callable[[ChaosSite, CheckIn, random.Random], CheckIn]] = {
    "somebody_elses_face": _another_face,
    "fingerprint": _fingerprint,
    "other_content": _other_content,
    "broken_photo": _broken,
    "deadly_photo": _deadly,
    "unknown_person": _unknown,
}
