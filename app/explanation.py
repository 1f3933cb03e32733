"""One verdict, explained: what was claimed, measured, required and decided, in lines that a person can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from hadir.attendance.ledger_row import LedgerRow
from hadir.attendance.wording import sentence

__all__ = ["document", "explain"]

Line = tuple[str, str]


def explain(row: LedgerRow, evidence: Mapping[str, Any] | None, reviewer: bool) -> list[Line]:
    """Name and value, in the order in which one asks.

    `evidence` is the side table's body, None after erasure. Only a `reviewer` learns who else a face resembles.
    """
    measured = [("evidence", "erased")] if evidence is None else list(_measured(evidence, reviewer))
    return [*_verdict(row), *measured, *_versions(row)]


def document(row: LedgerRow, evidence: Mapping[str, Any] | None, reviewer: bool) -> dict[str, object]:
    """The same for machines: the row, the sentence and the evidence; other people only for a `reviewer`."""
    says = sentence(row.outcome, row.reasons, row.minutes, row.distance_m, row.field)
    body = None if evidence is None else dict(evidence)
    if body is not None and not reviewer:
        body["other_person"] = None
        if body.get("face"):
            body["face"] = {**body["face"], "others": [{**other, "person": None} for other in body["face"]["others"]]}
    return {**asdict(row), "sentence": asdict(says), "evidence": body}


def _verdict(row: LedgerRow) -> Iterator[Line]:
    says = sentence(row.outcome, row.reasons, row.minutes, row.distance_m, row.field)
    yield "check-in", f"{row.id}, revision {row.revision}"
    yield "person", f"{row.person}, {row.direction or '?'}, by {row.channel or '?'}"
    yield "outcome", f"{row.outcome.value}: {', '.join(reason.value for reason in row.reasons)}"
    yield "tells the employee", says.id
    yield "in English", says.en
    yield (
        "received",
        f"{_time(row.received_at_ms)} (decided {(row.decided_at_ms - row.received_at_ms) / 1000:.2f} s later)",
    )
    if row.captured_at_ms is not None:
        yield "device clock", f"{_time(row.captured_at_ms)} ({(row.received_at_ms - row.captured_at_ms) / 1000:+.0f} s)"
    yield "shift", row.shift or "none"


def _measured(body: Mapping[str, Any], reviewer: bool) -> Iterator[Line]:
    face = body.get("face")
    if face:
        yield from _similarities(face, body.get("thresholds") or {})
    if face and face.get("agreement") is not None:
        yield "photos agree", f"cosine similarity {face['agreement']:.4f}"
    for number, photo in enumerate(body.get("photos") or [], start=1):
        yield f"photo {number}", photo.get("code") or "usable"
        if alive := photo.get("liveness"):
            score = alive["reason"] if alive["score"] is None else f"{alive['score']:.3f} of 1"
            yield f"liveness of photo {number} (for reviewers, decides nothing)", score
    place, fix = body.get("place"), body.get("fix")
    if place:
        yield "place", f"{place['distance_m']} m from {place['site']}, radius {place['radius_m']} m"
    if fix:
        yield "fix", f"accuracy {fix['accuracy_m']} m, mock location: {fix['mock']}"
    if reviewer and body.get("other_person"):
        yield "for reviewers only", f"resembles {body['other_person']}"


def _similarities(face: Mapping[str, Any], thresholds: Mapping[str, Any]) -> Iterator[Line]:
    claimed = face.get("claimed")
    if claimed:
        yield "similarity to the claimed person", f"{_scores(claimed)}{_limits(thresholds)}"
    identify = thresholds.get("identify")
    if identify and identify.get("similarity") is not None:
        margin = thresholds.get("identify_margin")
        limit = f"{identify['similarity']:.4f} {_scale(identify)} at FMR {identify['fmr']:g}"
        limit += f", and {margin} cosine above everybody else"
        yield "to name somebody else", limit
    others: Sequence[Mapping[str, Any]] = face.get("others") or ()
    for other in others[:1]:
        who = "a synthetic person" if other["synthetic"] else "the best other person"
        yield f"similarity to {who}", _scores(other)


def _limits(thresholds: Mapping[str, Any]) -> str:
    named = [
        f"{name} at FMR {limit['fmr']:g} needs {limit['similarity']:.4f} {_scale(limit)} "
        f"(cell {limit['cell']} of {limit['source']})"
        for name in ("accept", "review")
        if (limit := thresholds.get(name)) and limit.get("similarity") is not None
    ]
    return f"; {'; '.join(named)}" if named else ""


def _scores(other: Mapping[str, Any]) -> str:
    """The cosine, and z where the snapshot normalises; evidence from before that has no such field."""
    z = other.get("normalised")
    return f"{other['similarity']:.4f} cosine" + ("" if z is None else f", {z:.3f} normalised (AS-norm)")


def _scale(limit: Mapping[str, Any]) -> str:
    return "normalised" if limit.get("scale") == "as-norm" else "cosine"


def _versions(row: LedgerRow) -> Iterator[Line]:
    yield "decided by", f"policy {row.policy}, snapshot {row.snapshot}, embedding space {row.embedding_space[:16]}"
    yield "ledger", f"partition {row.partition}, offset {row.offset}"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
