"""Whether an accepted row holds the proof that its policy asks for: read from the ledger's own words, trusting nobody.

It repeats what `decide` promises in other words and from what was written, so that a fault in assembling, deciding or
writing shows as a difference between both.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from hadir.attendance.policy import Policy
from hadir.core.check_in import Channel
from hadir.core.verdict import Outcome

__all__ = ["unproven"]

Line = Mapping[str, Any]

ROUNDING_M = 0.2
"""The ledger keeps metres to one digit: three of them together may be off by so much."""


def unproven(line: Line, policy: Policy, snapshots: Collection[str]) -> str | None:
    """What an accepted row lacks; None where nothing is missing, or nothing was accepted.

    Args:
        line: a row as `hadir.attendance.ledger_export.export` gives it with its evidence. After an erasure the evidence
            is None, and only what the chained row says can be looked at.
        policy: the one in force when it was decided.
        snapshots: those that served.
    """
    if line["outcome"] != Outcome.ACCEPTED.value or line["revision"] != 0:
        return None
    return next(_lacks(line, policy, snapshots), None)


def _lacks(line: Line, policy: Policy, snapshots: Collection[str]) -> Iterator[str]:
    if line["policy"] != policy.id:
        yield f"another policy ({line['policy']})"
    if not line["shift"] or str(line["shift"]).endswith("/"):
        yield "an open shift"
    channel = line["channel"]
    if channel == Channel.FINGERPRINT.value:
        if policy.fingerprint is not Outcome.ACCEPTED:
            yield "a channel that may be accepted"
        return
    if channel == Channel.PAPER.value:
        if policy.paper is not Outcome.ACCEPTED:
            yield "a channel that may be accepted"
        return
    if channel != Channel.FACE.value:
        yield "a channel"
        return
    if line["snapshot"] not in snapshots:
        yield "a known snapshot"
    skew_s = abs(line["received_at_ms"] - line["captured_at_ms"]) / 1000
    if not skew_s <= policy.clock_skew_limit_s:
        yield "a clock that agrees"
    if (evidence := line["evidence"]) is not None:
        yield from _face(evidence, line["person"], policy)
        yield from _place(evidence, policy)


def _face(evidence: Line, person: str, policy: Policy) -> Iterator[str]:
    face, thresholds = evidence.get("face"), evidence.get("thresholds") or {}
    if evidence.get("failed_attempts") or face is None or not face["usable"]:
        yield "a face"
        return
    claimed = face["claimed"]
    if claimed is None or not face["enrolled"] or claimed["person"] != person:
        yield "a comparison with the claimed person"
    elif not _reaches(claimed, thresholds.get("accept"), policy.accept_fmr):
        yield f"a score at the policy's rate {policy.accept_fmr:g}"
    if face["usable"] > 1 and not _agrees(face["agreement"], thresholds.get("agree"), policy.review_fmr):
        yield "photos that agree"


def _place(evidence: Line, policy: Policy) -> Iterator[str]:
    fix, place = evidence.get("fix"), evidence.get("place")
    if fix is None or place is None:
        yield "a place"
        return
    if fix["mock"]:
        yield "a fix that is not mocked"
    accuracy_m, distance_m, radius_m = fix["accuracy_m"], place["distance_m"], place["radius_m"]
    if not _finite(accuracy_m, distance_m, radius_m) or not 0 <= accuracy_m <= policy.accuracy_limit_m + ROUNDING_M:
        yield "an accurate fix"
    elif not distance_m + accuracy_m <= radius_m + ROUNDING_M:
        yield "a fix inside the fence"


def _reaches(claimed: Line, threshold: Line | None, fmr: float) -> bool:
    if threshold is None:
        return False
    score = claimed["similarity"] if threshold["scale"] == "cosine" else claimed["normalised"]
    return _agrees(score, threshold, fmr)


def _agrees(score: float | None, threshold: Line | None, fmr: float) -> bool:
    """Whether a score reaches a threshold of this very rate. What is not a number reaches nothing."""
    if threshold is None or threshold["fmr"] != fmr or not _finite(score, threshold["similarity"]):
        return False
    return bool(score >= threshold["similarity"])


def _finite(*values: float | None) -> bool:
    return all(value is not None and math.isfinite(value) for value in values)
