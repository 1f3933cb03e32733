"""One verdict, explained: what was claimed, measured, required and decided, in lines that a person can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hadir.app.output import moment
from hadir.attendance.ledger_row import LedgerRow
from hadir.attendance.units import Units
from hadir.attendance.wording import sentence
from hadir.core.thresholds import MOST

__all__ = ["document", "explain"]

Line = tuple[str, str]


def explain(
    row: LedgerRow, evidence: Mapping[str, Any] | None, reviewer: bool, units: Units | None = None
) -> list[Line]:
    """Name and value, in the order in which one asks.

    `evidence` is the side table's body, None after erasure. Only a `reviewer` learns who else a face resembles. With
    `units` times are told by the clock of the person's unit too.
    """
    erased = [("bukti · evidence", "sudah dihapus · erased")]
    measured = erased if evidence is None else list(_measured(evidence, reviewer))
    return [*_verdict(row, units), *measured, *_versions(row)]


def document(row: LedgerRow, evidence: Mapping[str, Any] | None, reviewer: bool) -> dict[str, object]:
    """The same for machines: the row, the sentence and the evidence; other people only for a `reviewer`."""
    says = sentence(row.outcome, row.reasons, row.minutes, row.distance_m, row.field)
    body = None if evidence is None else dict(evidence)
    if body is not None and not reviewer:
        body["other_person"] = None
        if body.get("replays"):
            body["replays"] = [{**one, "of": None, "of_photo": None, "same_person": None} for one in body["replays"]]
        if body.get("face"):
            body["face"] = {**body["face"], "others": [{**other, "person": None} for other in body["face"]["others"]]}
    return {**asdict(row), "sentence": asdict(says), "evidence": body}


def _verdict(row: LedgerRow, units: Units | None) -> Iterator[Line]:
    says = sentence(row.outcome, row.reasons, row.minutes, row.distance_m, row.field)
    yield "presensi · check-in", f"{row.id}, revision {row.revision}"
    yield "pegawai · person", f"{row.person}, {row.direction or '?'}, by {row.channel or '?'}"
    yield "putusan · outcome", f"{row.outcome.value}: {', '.join(reason.value for reason in row.reasons)}"
    yield "kepada pegawai · tells the employee", says.id
    yield "dalam Inggris · in English", says.en
    later_s = (row.decided_at_ms - row.received_at_ms) / 1000
    yield "diterima · received", f"{_time(row, row.received_at_ms, units)} (decided {later_s:.2f} s later)"
    if row.captured_at_ms is not None:
        ahead_s = (row.received_at_ms - row.captured_at_ms) / 1000
        yield "jam perangkat · device clock", f"{_time(row, row.captured_at_ms, units)} ({ahead_s:+.0f} s)"
    yield "giliran · shift", row.shift or "tidak ada · none"


def _measured(body: Mapping[str, Any], reviewer: bool) -> Iterator[Line]:
    face = body.get("face")
    if face:
        yield from _similarities(face, body.get("thresholds") or {})
    if face and face.get("agreement") is not None:
        yield "antarfoto · photos agree", f"cosine similarity {face['agreement']:.4f}"
    for number, photo in enumerate(body.get("photos") or [], start=1):
        yield f"foto · photo {number}", photo.get("code") or "dapat dipakai · usable"
        if alive := photo.get("liveness"):
            score = alive["reason"] if alive["score"] is None else f"{alive['score']:.3f} of 1"
            yield f"liveness of photo {number} (for reviewers, decides nothing)", score
    yield from (_replay(one, reviewer) for one in body.get("replays") or ())
    place, fix = body.get("place"), body.get("fix")
    if place:
        yield "tempat · place", f"{place['distance_m']} m from {place['site']}, radius {place['radius_m']} m"
    if fix:
        yield "posisi · fix", f"accuracy {fix['accuracy_m']} m, mock location: {fix['mock']}"
    if reviewer and body.get("other_person"):
        yield "hanya pemeriksa · for reviewers only", f"resembles {body['other_person']}"


def _replay(replay: Mapping[str, Any], reviewer: bool) -> Line:
    """Which check-in had the photo first is for reviewers: it may be another person's."""
    how = "byte yang sama · the same bytes" if replay["exact"] else f"{replay['distance_bits']} dari · of 256 bit"
    what = how + ("" if replay["decides"] else ", hanya dicatat · only recorded")
    if reviewer:
        whose = "pegawai yang sama · same person" if replay["same_person"] else "pegawai lain · another person"
        what += f": {replay['of']} foto · photo {replay['of_photo'] + 1}, {whose}"
    return f"pernah dikirim · sent before, photo {replay['photo'] + 1}", what


def _similarities(face: Mapping[str, Any], thresholds: Mapping[str, Any]) -> Iterator[Line]:
    claimed = face.get("claimed")
    if claimed:
        yield "kemiripan · similarity to the claimed person", _scores(claimed)
        yield from (("perlu · needed", limit) for limit in _limits(thresholds))
    identify = thresholds.get("identify")
    if identify and identify.get("similarity") is not None:
        margin = thresholds.get("identify_margin")
        limit = f"{identify['similarity']:.4f} {_scale(identify)} at FMR {identify['fmr']:g}"
        limit += f", and {margin} cosine above everybody else"
        yield "menyebut orang lain · to name somebody else", limit
    others: Sequence[Mapping[str, Any]] = face.get("others") or ()
    for other in others[:1]:
        who = "a synthetic person" if other["synthetic"] else "the best other person"
        yield f"kemiripan · similarity to {who}", _scores(other)


def _limits(thresholds: Mapping[str, Any]) -> Iterator[str]:
    for name in ("accept", "review"):
        if (limit := thresholds.get(name)) and limit.get("similarity") is not None:
            needs = f"{name} at FMR {limit['fmr']:g} needs {limit['similarity']:.4f} {_scale(limit)}"
            yield f"{needs}: {_pairing(limit['cell'])}, {_SOURCES.get(limit['source'], limit['source'])}"


_SOURCES = {
    "snapshot": "menurut galeri ini · by this gallery's own calibration",
    "pack": "menurut paket · as the pack was measured",
    "pack:highest": "batas tertinggi paket · the pack's highest threshold, as it was not measured for so many photos",
}


def _pairing(cell: str) -> str:
    """A cell in words: how many photos on either side."""
    probe, template = (f"{side}+" if side == str(MOST) else side for side in cell.split("/"))
    return f"{probe} foto terhadap templat {template} foto · photos against a template of {template}"


def _scores(other: Mapping[str, Any]) -> str:
    """The cosine, and z where the snapshot normalises; evidence from before that has no such field."""
    z = other.get("normalised")
    return f"{other['similarity']:.4f} cosine" + ("" if z is None else f", {z:.3f} normalised (AS-norm)")


def _scale(limit: Mapping[str, Any]) -> str:
    return "normalised" if limit.get("scale") == "as-norm" else "cosine"


def _versions(row: LedgerRow) -> Iterator[Line]:
    yield (
        "diputuskan oleh · decided by",
        f"policy {row.policy}, snapshot {row.snapshot}, embedding space {row.embedding_space[:16]}",
    )
    yield "buku · ledger", f"partition {row.partition}, offset {row.offset}"


def _time(row: LedgerRow, at_ms: int, units: Units | None) -> str:
    """UTC, after the wall clock of the unit that the shift's key begins with, where that is known."""
    unit = (row.shift or "").partition("/")[0]
    if units is None or unit not in units:
        return moment(at_ms)
    return f"{units.local(unit, at_ms):%Y-%m-%d %H:%M:%S} waktu {unit} · local time ({moment(at_ms)})"
