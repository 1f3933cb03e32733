"""The three outcomes and every reason code, with the order in which reasons decide."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["NO_THRESHOLD", "PHOTO_CODES", "QUALITY_CODES", "Outcome", "Reason", "Verdict"]


class Outcome(StrEnum):
    """What becomes of a check-in."""

    ACCEPTED = "accepted"
    REVIEW = "review"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why. The values stand on the wire, in the ledger and in metrics: never rename one."""

    OK = "ok"
    LATE = "late"
    EARLY_LEAVE = "early_leave"
    REPEATED = "repeated"
    OUTSIDE_SHIFT = "outside_shift"
    SIMILARITY_UNCERTAIN = "similarity_uncertain"
    IMPOSTOR_SUSPECTED = "impostor_suspected"
    FACE_MISMATCH = "face_mismatch"
    PHOTOS_DISAGREE = "photos_disagree"
    PHOTO_REPLAYED = "photo_replayed"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    FACE_TOO_SMALL = "face_too_small"
    BLURRED = "blurred"
    TOO_DARK = "too_dark"
    TURNED_AWAY = "turned_away"
    CUT_OFF = "cut_off"
    PHOTO_UNREADABLE = "photo_unreadable"
    PHOTO_EMPTY = "photo_empty"
    PHOTO_NOT_AN_IMAGE = "photo_not_an_image"
    PHOTO_TRUNCATED = "photo_truncated"
    PHOTO_TOO_LARGE = "photo_too_large"
    PHOTO_TOO_MANY_PIXELS = "photo_too_many_pixels"
    PHOTO_TOO_SMALL = "photo_too_small"
    PHOTO_ANIMATED = "photo_animated"
    OUTSIDE_SITE = "outside_site"
    LOCATION_UNCERTAIN = "location_uncertain"
    LOCATION_MISSING = "location_missing"
    MOCK_LOCATION = "mock_location"
    CLOCK_SKEW = "clock_skew"
    UNKNOWN_PERSON = "unknown_person"
    NOT_ENROLLED = "not_enrolled"
    CHANNEL_FINGERPRINT = "channel_fingerprint"
    REPORTED_LATE = "reported_late"
    CHANNEL_PAPER = "channel_paper"
    INVALID_FIELD = "invalid_field"
    PROCESSING_FAILED = "processing_failed"


PHOTO_CODES = frozenset(
    {
        Reason.PHOTO_EMPTY,
        Reason.PHOTO_NOT_AN_IMAGE,
        Reason.PHOTO_TRUNCATED,
        Reason.PHOTO_TOO_LARGE,
        Reason.PHOTO_TOO_MANY_PIXELS,
        Reason.PHOTO_TOO_SMALL,
        Reason.PHOTO_ANIMATED,
    }
)
"""The bytes could not be used as a photo at all."""

QUALITY_CODES = frozenset(
    {
        Reason.NO_FACE,
        Reason.SEVERAL_FACES,
        Reason.FACE_TOO_SMALL,
        Reason.BLURRED,
        Reason.TOO_DARK,
        Reason.TURNED_AWAY,
        Reason.CUT_OFF,
    }
)
"""The photo is readable, but holds no face that may be compared."""


NO_THRESHOLD = "threshold"
"""In `Verdict.field`: the snapshot and its pack have no threshold for a comparison of so many photos."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about one check-in.

    `reasons` are all that hold, those that decide first. `minutes` is the lateness (`late`) or how long before the end
    the person left (`early_leave`). `distance_m` is from the fix to the edge-corrected nearest site centre. `case` says
    whether a human must look; `other_person` is shown to reviewers only. `shift` is `unit/date/code`, or `unit/date/`
    where no shift was open, or None where the person is unknown. `field` names what `invalid_field` is about, and is
    `NO_THRESHOLD` where a similarity is uncertain only because nothing says what such a comparison must reach.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    case: bool
    minutes: int | None = None
    distance_m: float | None = None
    other_person: str | None = None
    shift: str | None = None
    field: str | None = None
