"""What a snapshot says about itself, and what differs between two: for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hadir.app.normalisation_words import normalisation_document, normalisation_words
from hadir.app.output import lines, moment, out
from hadir.index.manifest import Carried
from hadir.index.snapshot import Snapshot
from hadir.index.snapshot_diff import Enrolment, SnapshotDiff
from hadir.index.snapshot_list import Listed

__all__ = [
    "diff_document",
    "list_document",
    "say_diff",
    "say_list",
    "say_snapshot",
    "snapshot_document",
]

_MOST_NAMED = 20
"""Ids on a terminal; --json has all of them."""


def snapshot_document(folder: Path, snapshot: Snapshot) -> dict[str, object]:
    """For machines."""
    manifest = snapshot.manifest
    return {
        "snapshot": manifest.id,
        "folder": str(folder),
        "embedding_space": manifest.space.name,
        "pack": manifest.space.pack,
        "precision": manifest.space.precision,
        "licence": manifest.space.licence,
        "people": manifest.people,
        "templates": manifest.templates,
        "synthetic": manifest.synthetic,
        "similarity_at_fmr": _supported(snapshot),
        "normalisation": normalisation_document(snapshot.calibration.normalisation),
        "calibration_carried": None if manifest.carried is None else asdict(manifest.carried),
    }


def say_snapshot(folder: Path, snapshot: Snapshot) -> None:
    """For people."""
    manifest = snapshot.manifest
    lines(
        [
            ("snapshot", f"{manifest.id} in {folder}"),
            ("people", f"{manifest.people} with {manifest.templates} templates, and {manifest.synthetic} synthetic"),
            ("pack", f"{manifest.space.pack} {manifest.space.precision}, {manifest.space.licence}"),
            ("embedding space", manifest.space.name),
            ("normalisation", normalisation_words(snapshot.calibration.normalisation)),
            ("calibration", _measured_on(manifest.carried)),
        ]
    )
    out.print("Own calibration (probe photos / template photos: cosine similarity):")
    supported = _supported(snapshot)
    for rate, cells in supported.items():
        out.print(f"  FMR {rate}: " + ", ".join(f"{cell}: {value:.4f}" for cell, value in cells.items()))
    if not supported:
        out.print(
            "  belum cukup orang · too few people for any rate: what the pack was measured with serves; with a pack "
            "that brings no measured rates hadir run refuses. hadir doctor says which thresholds serve, and from where."
        )


def _measured_on(carried: Carried | None) -> str:
    if carried is None:
        return "diukur di sini · measured on these people"
    return (
        f"dibawa · carried over from {carried.measured_in}, at most {carried.changed} of whose {carried.people} people "
        "have changed since"
    )


def list_document(listed: Sequence[Listed]) -> dict[str, object]:
    """For machines; a snapshot that cannot be read has a `problem` and no figures."""
    return {"snapshots": [_listed(one) for one in listed]}


def say_list(listed: Sequence[Listed]) -> None:
    """For people, the newest first."""
    if not listed:
        out.print("Belum ada · no snapshot here yet: hadir index build makes one.")
    lines((f"{one.id} {one.role or '':<9}", _in_words(one)) for one in listed)


def diff_document(before: Enrolment, after: Enrolment, found: SnapshotDiff) -> dict[str, object]:
    """For machines, with every id."""
    return {
        "before": before.manifest.id,
        "after": after.manifest.id,
        "same_space": before.manifest.space.name == after.manifest.space.name,
        "embedding_spaces": [before.manifest.space.name, after.manifest.space.name],
        "packs": [before.manifest.space.pack, after.manifest.space.pack],
        "people": [len(before.people), len(after.people)],
        "templates": [found.templates_before, found.templates_after],
        "gained": list(found.gained),
        "lost": list(found.lost),
        "changed": list(found.changed),
        "unchanged": found.unchanged,
    }


def say_diff(before: Enrolment, after: Enrolment, found: SnapshotDiff) -> None:
    """For people."""
    spaces = [f"{one.manifest.space.pack} {one.manifest.space.precision}" for one in (before, after)]
    same = before.manifest.space.name == after.manifest.space.name
    lines(
        [
            ("snapshots", f"{before.manifest.id} → {after.manifest.id}"),
            ("pack", spaces[0] if same else f"{spaces[0]} → {spaces[1]} (ruang lain · another embedding space)"),
            ("templates", f"{found.templates_before} → {found.templates_after}"),
            ("bertambah · gained", _named(found.gained)),
            ("hilang · lost", _named(found.lost)),
            ("foto lain · other photos", _named(found.changed)),
            ("sama · unchanged", str(found.unchanged)),
        ]
    )


def _named(people: Sequence[str]) -> str:
    more = f", … {len(people) - _MOST_NAMED} more" if len(people) > _MOST_NAMED else ""
    return f"{len(people)}" + (f": {', '.join(people[:_MOST_NAMED])}{more}" if people else "")


def _in_words(one: Listed) -> str:
    if one.manifest is None:
        return f"RUSAK · unusable: {one.problem}"
    manifest = one.manifest
    thresholds = "own thresholds" if one.calibrated else "no thresholds of its own"
    served = f", on {', '.join(one.replicas)}" if one.replicas else ""
    return (
        f"{moment(manifest.created_at_ms)}, {manifest.people} people, {manifest.templates} templates, "
        f"{manifest.space.pack} {manifest.space.precision} ({manifest.space.licence}), "
        f"space {manifest.space.name[:16]}, {thresholds}{served}"
    )


def _listed(one: Listed) -> dict[str, object]:
    head: dict[str, object] = {"snapshot": one.id, "role": one.role, "replicas": list(one.replicas)}
    if one.manifest is None:
        return {**head, "problem": one.problem}
    manifest = one.manifest
    return {
        **head,
        "people": manifest.people,
        "templates": manifest.templates,
        "synthetic": manifest.synthetic,
        "embedding_space": manifest.space.name,
        "pack": manifest.space.pack,
        "precision": manifest.space.precision,
        "licence": manifest.space.licence,
        "created_at_ms": manifest.created_at_ms,
        "calibrated": one.calibrated,
    }


def _supported(snapshot: Snapshot) -> dict[str, dict[str, float]]:
    """Its own thresholds, where they have enough data."""
    table = snapshot.calibration.table.similarity
    found = {rate: {cell: t for cell, t in cells.items() if t is not None} for rate, cells in table.items()}
    return {rate: found[rate] for rate in sorted(found, key=float, reverse=True) if found[rate]}
