"""One claim: "person x is here now", and what the stream knows about the record that carried it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Channel", "CheckIn", "Direction", "Fix", "Position", "Received"]


class Direction(StrEnum):
    """Coming to work or leaving it."""

    IN = "in"
    OUT = "out"


class Channel(StrEnum):
    """How the person signed."""

    FACE = "face"
    FINGERPRINT = "fingerprint"
    PAPER = "paper"


@dataclass(frozen=True, slots=True)
class Fix:
    """Where the device believes it is.

    `accuracy_m` is the radius of the circle that holds the true place with 68 % probability (Android and W3C
    Geolocation
    mean the same); `mock` is the phone's own word on whether the place was faked, None where it does not say.
    """

    latitude_deg: float
    longitude_deg: float
    accuracy_m: float
    mock: bool | None = None


@dataclass(frozen=True, slots=True)
class CheckIn:
    """A valid claim, as the client made it. `person` is the roster's opaque id, never the NIP."""

    id: str
    person: str
    direction: Direction
    channel: Channel
    captured_at_ms: int
    fix: Fix | None = None
    photos: tuple[bytes, ...] = ()
    device_id: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """One record's place in the source topic."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Received:
    """A decodable record: whose id it bears, when the broker took it, and the claim if every field is valid.

    `received_at_ms` is the broker's timestamp, UTC. `content_sha256` is the hex digest that tells "the same again" from
    "the same id, other content". `check_in` is None exactly when `invalid_field` names the offending field; then
    `direction` and `channel` hold what could be read. `photo_sha256` are hex digests parallel to the claim's photos.
    """

    id: str
    person: str
    position: Position
    received_at_ms: int
    content_sha256: str
    check_in: CheckIn | None
    invalid_field: str | None = None
    direction: Direction | None = None
    channel: Channel | None = None
    photo_sha256: tuple[str, ...] = ()
