"""When a photo counts as sent before: the rule, pure.

The same bytes, or a perceptual mark of the same kind within a few bits, of the same or another person, received earlier
and not longer ago than the window. Earlier means by (received_at, partition, offset), never by when something was
decided, so that deciding the same records again finds the same. Photos of one check-in may resemble each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hadir.core.check_in import Received
from hadir.core.evidence import FaceFinding, Replay
from hadir.core.verdict import PHOTO_CODES

__all__ = ["Arrival", "ReplayPolicy", "SentPhoto", "replays_of", "sent_photos"]


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """When a record was received, in the order that counts."""

    received_at_ms: int
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class SentPhoto:
    """One photo of one check-in. `sha256` of its bytes; `mark` as hadir.faces.photo_mark says, None without a face."""

    check_in_id: str
    number: int
    person: str
    arrival: Arrival
    sha256: bytes
    mark: bytes | None

    @property
    def kind(self) -> int | None:
        """Marks of one kind are compared with each other."""
        return self.mark[0] if self.mark else None


@dataclass(frozen=True, slots=True)
class ReplayPolicy:
    """`window_ms` back; marks are near up to `distance_bits` of 256; near ones decide, or are evidence alone."""

    window_ms: int
    distance_bits: int
    near_decides: bool


def sent_photos(received: Received, finding: FaceFinding | None) -> tuple[SentPhoto, ...]:
    """What is to be remembered of a check-in: every photo but those that could not be read, which show nothing."""
    if received.check_in is None:
        return ()
    found = finding.photos if finding is not None else (None,) * len(received.photo_sha256)
    arrival = Arrival(received.received_at_ms, received.position.partition, received.position.offset)
    return tuple(
        SentPhoto(received.id, number, received.person, arrival, bytes.fromhex(digest), one.mark if one else None)
        for number, (digest, one) in enumerate(zip(received.photo_sha256, found, strict=True))
        if one is None or one.code not in PHOTO_CODES
    )


def replays_of(photos: Sequence[SentPhoto], others: Iterable[SentPhoto], policy: ReplayPolicy) -> tuple[Replay, ...]:
    """For each photo of a check-in at most one of `others`: the earliest with the same bytes, else the nearest mark."""
    known = list(others)
    found = (_replay(photo, known, policy) for photo in photos)
    return tuple(one for one in found if one is not None)


def _replay(photo: SentPhoto, others: Sequence[SentPhoto], policy: ReplayPolicy) -> Replay | None:
    earlier = [one for one in others if _is_earlier(one, photo, policy.window_ms)]
    same = [(0, one.arrival, one.number, one) for one in earlier if one.sha256 == photo.sha256]
    near = [
        (bits, one.arrival, one.number, one)
        for one in earlier
        if (bits := _bits_between(one, photo)) is not None and bits <= policy.distance_bits
    ]
    if not (candidates := same or near):
        return None
    bits, _, _, first = min(candidates, key=lambda one: one[:3])
    return Replay(
        photo=photo.number,
        of=first.check_in_id,
        of_photo=first.number,
        exact=bool(same),
        distance_bits=bits,
        same_person=first.person == photo.person,
        decides=bool(same) or policy.near_decides,
    )


def _is_earlier(one: SentPhoto, photo: SentPhoto, window_ms: int) -> bool:
    age_ms = photo.arrival.received_at_ms - one.arrival.received_at_ms
    return one.check_in_id != photo.check_in_id and one.arrival < photo.arrival and age_ms <= window_ms


def _bits_between(one: SentPhoto, other: SentPhoto) -> int | None:
    """None where there is nothing to compare."""
    if one.mark is None or other.mark is None or one.kind != other.kind:
        return None
    return (int.from_bytes(one.mark, "big") ^ int.from_bytes(other.mark, "big")).bit_count()
