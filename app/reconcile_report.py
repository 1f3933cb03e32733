"""What reconciling found, for people, machines and spreadsheets: counts and ids, never a person."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, tzinfo
from pathlib import Path

from hadir.pipeline.reconcile import Fault, FaultKind, HourCounts, Reconciled

__all__ = ["by_hour", "document", "fault_document", "last_line", "said", "summary", "write_csv"]

_COUNTS = (
    "records",
    "received",
    "decided",
    "duplicates",
    "dead_letters",
    "missing",
    "passed_over",
    "undecided",
    "gone",
)

_ALWAYS_SAID = frozenset({FaultKind.MISSING, FaultKind.DOUBLED})

_SAID: Mapping[FaultKind, tuple[str, str]] = {
    FaultKind.MISSING: ("hilang: tidak ada putusan", "missing: there is no verdict"),
    FaultKind.DOUBLED: ("ganda: lebih dari satu putusan", "doubled: more than one verdict"),
    FaultKind.PASSED_OVER: (
        "terlewat: yang diputuskan kiriman ulangnya",
        "passed over: a later repetition was decided",
    ),
    FaultKind.DIFFERS: ("putusan berbeda dari rekamannya", "the verdict is not its record's"),
    FaultKind.UNFOUNDED: ("putusan tanpa rekaman", "a verdict without a record"),
    FaultKind.GONE_UNDECIDED: ("rekaman terhapus sebelum diputuskan", "records gone before they were decided"),
}


def summary(found: Reconciled) -> dict[str, object]:
    """The totals by their names in docs/delivery.md."""
    total = found.total
    faults = {kind.value: found.fault_counts[kind] for kind in FaultKind}
    counts = {name: getattr(total, name) for name in _COUNTS}
    return {
        **counts,
        **{name: count for name, count in faults.items() if name not in counts},
        "oldest_undecided_ms": found.oldest_undecided_ms,
        "holds": found.holds,
    }


def document(found: Reconciled, since_ms: int, until_ms: int) -> dict[str, object]:
    """Everything: totals, hours by unit, faults."""
    hours = [
        {"hour_ms": hour_ms, "unit": unit, **{name: getattr(counts, name) for name in _COUNTS}}
        for (hour_ms, unit), counts in sorted(found.hours.items())
    ]
    return {
        "since_ms": since_ms,
        "until_ms": until_ms,
        **summary(found),
        "hours": hours,
        "faults": [fault_document(fault) for fault in found.faults],
    }


def fault_document(fault: Fault) -> dict[str, object]:
    """One fault with its place in the log."""
    return {**asdict(fault), "kind": fault.kind.value}


def said(fault: Fault) -> str:
    """One fault as an operator reads it."""
    indonesian, english = _SAID[fault.kind]
    place = f"{fault.partition}@{fault.offset}"
    what = f" ({fault.what})" if fault.what else ""
    return f"{fault.id or '–':<36}  {place:<12}  {indonesian} · {english}{what}"


def by_hour(found: Reconciled, zone: tzinfo) -> Iterator[tuple[str, HourCounts]]:
    """Hours of all units together, by the site's clock; a unit of its own below where something is wrong with it."""
    for hour_ms in sorted({hour_ms for hour_ms, _ in found.hours}):
        total = HourCounts()
        units = {unit: counts for (at_ms, unit), counts in sorted(found.hours.items()) if at_ms == hour_ms}
        for counts in units.values():
            total.add(counts)
        yield _clock(hour_ms, zone), total
        for unit, counts in units.items():
            if counts.missing or counts.passed_over:
                yield f"  {unit}", counts


def last_line(found: Reconciled) -> str:
    """The line that scripts and people look for: `missing 0, doubled 0` at its end says that all is well, as any other
    fault is named behind it."""
    total, doubled = found.total, found.fault_counts[FaultKind.DOUBLED]
    said = f"received {total.received}, decided {total.decided}, missing {total.missing}, doubled {doubled}"
    others = {kind: count for kind, count in found.fault_counts.items() if count and kind not in _ALWAYS_SAID}
    return said + "".join(f", {kind} {count}" for kind, count in others.items())


def write_csv(path: Path, found: Reconciled, zone: tzinfo) -> list[Path]:
    """One line per hour and unit at `path`, and where there are faults one line each in a second file beside it, whose
    name ends in `-faults`; both for spreadsheets. Returns what was written."""
    hours = [
        (_clock(hour_ms, zone), unit, *(getattr(counts, name) for name in _COUNTS))
        for (hour_ms, unit), counts in sorted(found.hours.items())
    ]
    _write(path, ("hour", "unit", *_COUNTS), hours)
    if not found.faults:
        return [path]
    beside = path.with_name(f"{path.stem}-faults{path.suffix}")
    faults = [
        (
            one.kind.value,
            one.id or "",
            one.partition,
            one.offset,
            "" if one.received_at_ms is None else _clock(one.received_at_ms, zone),
            one.what,
        )
        for one in found.faults
    ]
    _write(beside, ("kind", "id", "partition", "offset", "received_at", "what"), faults)
    return [path, beside]


def _write(path: Path, names: tuple[str, ...], lines: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(lines)


def _clock(at_ms: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, zone).isoformat(timespec="minutes")
