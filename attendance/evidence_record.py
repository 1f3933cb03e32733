"""From what was measured and decided to what the ledger keeps: the chained row, and the body of its side table.

The body holds plain JSON types alone, in parts that verification can name one by one: no vectors, no names, no NIP.
Similarities keep six digits, degrees six (0.1 m on the ground), metres and pixels one. What is not finite becomes null.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from hadir.attendance.ledger_row import LedgerRow
from hadir.core.check_in import CheckIn, Fix, Received
from hadir.core.evidence import (
    AppliedThreshold,
    Candidate,
    Cohort,
    Evidence,
    FaceFinding,
    FaceMeasures,
    LivenessFinding,
    PhotoFinding,
    Replay,
)
from hadir.core.verdict import Verdict

__all__ = ["evidence_body", "ledger_row"]

_SCORE_DIGITS = 6
_DEGREE_DIGITS = 6
_METRE_DIGITS = 1
_PIXEL_DIGITS = 1
_MEASURE_DIGITS = 3


def ledger_row(
    received: Received,
    evidence: Evidence,
    verdict: Verdict,
    *,
    decided_at_ms: int,
    snapshot: str,
    embedding_space: str,
    policy: str,
) -> LedgerRow:
    """The row of revision 0. `snapshot` and `embedding_space` are those that served; the face's own stand first."""
    check_in, face = received.check_in, evidence.face
    return LedgerRow(
        id=received.id,
        revision=0,
        person=received.person,
        direction=_text(check_in.direction if check_in else received.direction),
        channel=_text(check_in.channel if check_in else received.channel),
        outcome=verdict.outcome,
        reasons=verdict.reasons,
        case=verdict.case,
        minutes=verdict.minutes,
        distance_m=_rounded(verdict.distance_m, _METRE_DIGITS),
        field=verdict.field,
        shift=verdict.shift,
        captured_at_ms=check_in.captured_at_ms if check_in else None,
        received_at_ms=received.received_at_ms,
        decided_at_ms=decided_at_ms,
        partition=received.position.partition,
        offset=received.position.offset,
        snapshot=face.snapshot if face else snapshot,
        embedding_space=face.embedding_space if face else embedding_space,
        policy=policy,
        content_sha256=received.content_sha256,
    )


def evidence_body(
    received: Received, evidence: Evidence, verdict: Verdict, photo_sha256: Sequence[str]
) -> dict[str, object]:
    """Everything a reviewer or an auditor may ask for later; `photo_sha256` are hex digests parallel to the photos."""
    check_in, face = received.check_in, evidence.face
    findings = face.photos if face else ()
    return {
        "content_sha256": received.content_sha256,
        "device_id": check_in.device_id if check_in else None,
        "distance_m": _rounded(verdict.distance_m, _METRE_DIGITS),
        "face": _face(face) if face else None,
        "failed_attempts": evidence.failed_attempts,
        "field": verdict.field,
        "fix": _fix(check_in),
        "history": {"accepted": evidence.history.accepted, "mismatches": evidence.history.mismatches},
        "other_person": verdict.other_person,
        "photos": _photos(photo_sha256, findings),
        "place": _place(evidence),
        **({"replays": [_replay(one) for one in evidence.replays]} if evidence.replays else {}),
        "thresholds": _thresholds(evidence),
    }


def _face(face: FaceFinding) -> dict[str, object]:
    return {
        "agreement": _rounded(face.agreement, _SCORE_DIGITS),
        "claimed": _candidate(face.claimed) if face.claimed else None,
        "cohort": _cohort(face.cohort) if face.cohort else None,
        "enrolled": bool(face.enrolled),
        "others": [_candidate(other) for other in face.others],
        "usable": int(face.usable),
    }


def _candidate(candidate: Candidate) -> dict[str, object]:
    return {
        "normalised": _rounded(candidate.normalised, _SCORE_DIGITS),
        "person": candidate.person,
        "photos": int(candidate.photos),
        "similarity": _rounded(candidate.similarity, _SCORE_DIGITS),
        "synthetic": bool(candidate.synthetic),
    }


def _cohort(cohort: Cohort) -> dict[str, object]:
    return {
        "mean": _rounded(cohort.mean, _SCORE_DIGITS),
        "sd": _rounded(cohort.sd, _SCORE_DIGITS),
        "size": cohort.size,
    }


def _photos(digests: Sequence[str], findings: Sequence[PhotoFinding]) -> list[dict[str, object]]:
    """One entry per photo; without findings (a crash, an invalid field) the digests stand alone."""
    if findings and len(findings) != len(digests):
        raise ValueError(f"{len(digests)} photo digests for {len(findings)} findings")
    return [
        {
            "code": findings[at].code if findings else None,
            "face": _measures(findings[at].face) if findings else None,
            "sha256": digest,
            **(_liveness(findings[at].liveness) if findings else {}),
        }
        for at, digest in enumerate(digests)
    ]


def _liveness(liveness: LivenessFinding | None) -> dict[str, object]:
    """Nothing where the slot is empty."""
    if liveness is None:
        return {}
    return {"liveness": {"reason": liveness.reason, "score": _rounded(liveness.score, _MEASURE_DIGITS)}}


def _measures(face: FaceMeasures | None) -> dict[str, object] | None:
    if face is None:
        return None
    return {
        "box_px": [_rounded(edge, _PIXEL_DIGITS) for edge in face.box_px],
        "brightness": _rounded(face.brightness, _MEASURE_DIGITS),
        "detector_score": _rounded(face.detector_score, _MEASURE_DIGITS),
        "pitch_deg": _rounded(face.pitch_deg, _PIXEL_DIGITS),
        "presence": _rounded(face.presence, _MEASURE_DIGITS),
        "roll_deg": _rounded(face.roll_deg, _PIXEL_DIGITS),
        "sharpness": _rounded(face.sharpness, _MEASURE_DIGITS),
        "width_px": _rounded(face.width_px, _PIXEL_DIGITS),
        "yaw_deg": _rounded(face.yaw_deg, _PIXEL_DIGITS),
    }


def _fix(check_in: CheckIn | None) -> dict[str, object] | None:
    fix: Fix | None = check_in.fix if check_in else None
    if fix is None:
        return None
    return {
        "accuracy_m": _rounded(fix.accuracy_m, _METRE_DIGITS),
        "latitude_deg": _rounded(fix.latitude_deg, _DEGREE_DIGITS),
        "longitude_deg": _rounded(fix.longitude_deg, _DEGREE_DIGITS),
        "mock": fix.mock,
    }


def _place(evidence: Evidence) -> dict[str, object] | None:
    place = evidence.place
    if place is None:
        return None
    return {
        "distance_m": _rounded(place.distance_m, _METRE_DIGITS),
        "radius_m": _rounded(place.radius_m, _METRE_DIGITS),
        "site": place.site,
    }


def _replay(replay: Replay) -> dict[str, object]:
    return {
        "decides": replay.decides,
        "distance_bits": replay.distance_bits,
        "exact": replay.exact,
        "of": replay.of,
        "of_photo": replay.of_photo,
        "photo": replay.photo,
        "same_person": replay.same_person,
    }


def _thresholds(evidence: Evidence) -> dict[str, object]:
    applied = {
        "accept": evidence.accept,
        "agree": evidence.agree,
        "identify": evidence.identify,
        "review": evidence.review,
    }
    named: dict[str, object] = {name: _threshold(one) for name, one in applied.items() if one is not None}
    if evidence.identify_margin is not None:
        named["identify_margin"] = _rounded(evidence.identify_margin, _SCORE_DIGITS)
    return named


def _threshold(applied: AppliedThreshold) -> dict[str, object]:
    return {
        "cell": applied.cell,
        "fmr": applied.fmr,
        "scale": applied.scale,
        "similarity": _rounded(applied.similarity, _SCORE_DIGITS),
        "source": applied.source,
    }


def _text(word: StrEnum | None) -> str | None:
    return None if word is None else word.value


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), digits)
