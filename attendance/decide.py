"""decide(received, evidence, policy) -> verdict: the outcome table, pure. No clock, no I/O, no vendor.

Every rule below yields the rows of the table that hold, as (outcome, reason), in the order of the table; the worst
outcome wins, and all reasons are kept, those of the worst outcome first. What is not a number proves nothing: every
comparison is written so that NaN can neither accept nor refuse, which leaves it to a human.

Where the table leaves room:
- `invalid_field` and `unknown_person` stand alone: without a valid claim, or a unit, nothing else can be judged.
- `late` and `early_leave` stand in the place of `ok`, and are kept beside other reasons; `ok` is kept only alone or
  beside `repeated`, which never stands first. An accepted fingerprint says `channel_fingerprint` instead of `ok`.
- Photos that cannot be used do not count while another one of the same check-in can. When none can, `photo_unreadable`
  needs photo codes on all of them; else the quality reasons of the readable ones stand.
- No site assigned to a person is the organiser's omission: `location_uncertain`.
- A case is a verdict in review, or a suspected impostor: where another reason refuses anyway, neither the third
  mismatch nor a spent crash budget opens one.
- A face check-in whose photos nobody has looked at is `processing_failed`, however it came about.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from hadir.attendance.geofence import Fence, judge
from hadir.attendance.policy import Policy
from hadir.core.check_in import Channel, CheckIn, Direction, Received
from hadir.core.evidence import AppliedThreshold, Candidate, Evidence, FaceFinding
from hadir.core.verdict import NO_THRESHOLD, PHOTO_CODES, QUALITY_CODES, Outcome, Reason, Verdict

__all__ = ["decide"]

_Row = tuple[Outcome, Reason]

_WORST_FIRST = (Outcome.REJECTED, Outcome.REVIEW, Outcome.ACCEPTED)


def decide(received: Received, evidence: Evidence, policy: Policy) -> Verdict:
    """Exactly one verdict for any received record and any evidence. Never raises, looks at no clock."""
    rows = sorted(_rows(received, evidence, policy), key=lambda row: _WORST_FIRST.index(row[0]))
    outcome = rows[0][0]
    reasons = tuple(reason for _, reason in rows if reason is not Reason.OK or outcome is Outcome.ACCEPTED)
    timed = Reason.LATE in reasons or Reason.EARLY_LEAVE in reasons
    accused = Reason.IMPOSTOR_SUSPECTED in reasons
    return Verdict(
        outcome=outcome,
        reasons=reasons,
        case=outcome is Outcome.REVIEW or accused,
        minutes=evidence.shift.minutes if timed and evidence.shift else None,
        distance_m=_distance(evidence),
        other_person=evidence.face.others[0].person if accused and evidence.face else None,
        shift=evidence.shift.key if evidence.shift else evidence.shift_key,
        field=NO_THRESHOLD if _unmeasured(reasons, evidence) else received.invalid_field,
    )


def _rows(received: Received, evidence: Evidence, policy: Policy) -> Iterator[_Row]:
    check_in = received.check_in
    if check_in is None:
        yield Outcome.REJECTED, Reason.INVALID_FIELD
    elif not evidence.on_roster:
        yield Outcome.REJECTED, Reason.UNKNOWN_PERSON
    else:
        yield from _shift(check_in, evidence)
        if check_in.channel is Channel.FACE:
            yield from _face(evidence, policy)
            yield from _replay(evidence)
            yield from _location(check_in, evidence, policy)
            yield from _clock(check_in, evidence, policy)
        yield from _channel(check_in, evidence, policy)
        yield from _repeated(evidence)


def _shift(check_in: CheckIn, evidence: Evidence) -> Iterator[_Row]:
    if evidence.shift is None:
        yield Outcome.REVIEW, Reason.OUTSIDE_SHIFT
    elif evidence.shift.minutes > 0:
        yield Outcome.ACCEPTED, Reason.LATE if check_in.direction is Direction.IN else Reason.EARLY_LEAVE
    elif check_in.channel is Channel.FACE:
        yield Outcome.ACCEPTED, Reason.OK


def _face(evidence: Evidence, policy: Policy) -> Iterator[_Row]:
    face = evidence.face
    if face is None:
        yield Outcome.REVIEW, Reason.PROCESSING_FAILED
        return
    if face.usable > 0:
        yield from _similarity(face, evidence, policy)
        yield from _agreement(face, evidence)
    else:
        yield from _photos(face)
    if not face.enrolled:
        yield Outcome.REVIEW, Reason.NOT_ENROLLED


def _replay(evidence: Evidence) -> Iterator[_Row]:
    """A photo proves presence once. Who sent it first, and whether by mistake, is for a human to find out."""
    if any(replay.decides for replay in evidence.replays):
        yield Outcome.REVIEW, Reason.PHOTO_REPLAYED


def _similarity(face: FaceFinding, evidence: Evidence, policy: Policy) -> Iterator[_Row]:
    """1:1 first; 1:N is looked at only where 1:1 fails. A person without templates has nothing to be compared with."""
    if not face.enrolled:
        return
    accept, review = (_above(face.claimed, threshold) for threshold in (evidence.accept, evidence.review))
    if accept is not None and accept >= 0:
        return
    if review is None or review >= 0:
        yield Outcome.REVIEW, Reason.SIMILARITY_UNCERTAIN
    elif _other_stands_out(face, evidence):
        yield Outcome.REJECTED, Reason.IMPOSTOR_SUSPECTED
    elif evidence.history.mismatches + 1 >= policy.mismatches_before_review:
        yield Outcome.REVIEW, Reason.FACE_MISMATCH
    else:
        yield Outcome.REJECTED, Reason.FACE_MISMATCH


def _unmeasured(reasons: tuple[Reason, ...], evidence: Evidence) -> bool:
    """Uncertain for want of a threshold: then no better photo would help, and the sentence must not ask for one."""
    applied = (evidence.accept, evidence.review)
    return Reason.SIMILARITY_UNCERTAIN in reasons and any(t is not None and t.similarity is None for t in applied)


def _other_stands_out(face: FaceFinding, evidence: Evidence) -> bool:
    """One other person passes `identify_fmr` and exceeds both the claimed and the second-best other by the margin,
    which is a cosine, whatever scale the rate is in.

    A synthetic person is never accused, but counts as second best: where the best other is synthetic, nobody real
    stands out from them.
    """
    if not face.others or face.others[0].synthetic or face.claimed is None or evidence.identify_margin is None:
        return False
    best, margin = face.others[0].similarity, evidence.identify_margin
    runners_up = [face.claimed.similarity, *(other.similarity for other in face.others[1:])]
    above = _above(face.others[0], evidence.identify)
    return above is not None and above >= 0 and all(best >= other + margin for other in runners_up)


def _agreement(face: FaceFinding, evidence: Evidence) -> Iterator[_Row]:
    """Two photos of one check-in belong to no template, so they are compared by their cosine."""
    if face.usable < 2:
        return
    above = _difference(face.agreement, evidence.agree)
    if above is None or above < 0:
        yield Outcome.REVIEW, Reason.PHOTOS_DISAGREE


def _photos(face: FaceFinding) -> Iterator[_Row]:
    codes = {photo.code for photo in face.photos}
    if quality := [reason for reason in Reason if reason in codes & QUALITY_CODES]:
        yield from ((Outcome.REJECTED, reason) for reason in quality)
    elif codes and codes <= PHOTO_CODES:
        yield Outcome.REJECTED, Reason.PHOTO_UNREADABLE
        yield from ((Outcome.REJECTED, reason) for reason in Reason if reason in codes)
    else:
        yield Outcome.REVIEW, Reason.PROCESSING_FAILED


def _location(check_in: CheckIn, evidence: Evidence, policy: Policy) -> Iterator[_Row]:
    if check_in.fix is None:
        yield Outcome.REVIEW, Reason.LOCATION_MISSING
        return
    place, accuracy_m = evidence.place, check_in.fix.accuracy_m
    fence = judge(place, accuracy_m, policy.accuracy_limit_m) if place is not None else Fence.UNCERTAIN
    if fence is Fence.OUTSIDE:
        yield Outcome.REJECTED, Reason.OUTSIDE_SITE
    elif fence is Fence.UNCERTAIN:
        yield Outcome.REVIEW, Reason.LOCATION_UNCERTAIN
    if check_in.fix.mock:
        yield Outcome.REVIEW, Reason.MOCK_LOCATION


def _clock(check_in: CheckIn, evidence: Evidence, policy: Policy) -> Iterator[_Row]:
    skew_s = abs(evidence.received_at_ms - check_in.captured_at_ms) / 1000
    if not skew_s <= policy.clock_skew_limit_s:
        yield Outcome.REVIEW, Reason.CLOCK_SKEW


def _repeated(evidence: Evidence) -> Iterator[_Row]:
    """Only an earlier accepted one makes this a repetition: trying again after a refusal is what people should do."""
    if evidence.history.accepted:
        yield Outcome.ACCEPTED, Reason.REPEATED


def _channel(check_in: CheckIn, evidence: Evidence, policy: Policy) -> Iterator[_Row]:
    if check_in.channel is Channel.FINGERPRINT:
        yield policy.fingerprint, Reason.CHANNEL_FINGERPRINT
        delay_h = (evidence.received_at_ms - check_in.captured_at_ms) / 3_600_000
        if delay_h > policy.reported_late_after_h:
            yield Outcome.REVIEW, Reason.REPORTED_LATE
    elif check_in.channel is Channel.PAPER:
        yield policy.paper, Reason.CHANNEL_PAPER


def _above(other: Candidate | None, threshold: AppliedThreshold | None) -> float | None:
    """How far a comparison lies above the threshold, in the threshold's own scale; None where nothing can be said."""
    if other is None or threshold is None:
        return None
    return _difference(threshold.score(other), threshold)


def _difference(score: float | None, threshold: AppliedThreshold | None) -> float | None:
    """None where one of both is absent or not finite."""
    if score is None or threshold is None or threshold.similarity is None:
        return None
    above = score - threshold.similarity
    return above if math.isfinite(above) else None


def _distance(evidence: Evidence) -> float | None:
    place = evidence.place
    return place.distance_m if place is not None and math.isfinite(place.distance_m) else None
