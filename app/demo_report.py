"""What the demo leaves behind: report.json for machines, report.html for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hadir.app.board import percentiles
from hadir.app.demo import DemoResult
from hadir.app.plots import arrivals_svg, bars_svg, latency_svg
from hadir.app.report import Page, Plot, Table, Tile, write_page

__all__ = ["CAVEAT", "summary", "write_report"]

CAVEAT = (
    "Halaman ini membuktikan alurnya, bukan ketelitiannya. Every check-in here is a variation of one photo of a "
    "person, and about 13,000 people are synthetic vectors: this proves the plumbing, not the accuracy. Selfies are "
    "drawn anew until the very pack that judges them calls them usable, and nobody signs for a colleague whom that "
    "pack hardly tells apart: no error rate can be read from these verdicts. For accuracy, run hadir evaluate on "
    "photos of different days. Variations of one photo look like copies of it, so near copies are only recorded here; "
    "the same file twice goes to a human. Liveness is not measured yet."
)


def summary(result: DemoResult) -> dict[str, object]:
    """The numbers of report.json; every rate is a fraction, every time in seconds."""
    sheet, checked = result.sheet, result.tally
    latency = percentiles(sheet.latencies_s)
    return {
        "check_ins": len(result.planned),
        "received": sheet.received,
        "verdicts": {name: checked.outcomes.get(name, 0) for name in ("accepted", "review", "rejected")},
        "expected_mismatches": len(checked.mismatches),
        "people": result.people,
        "broker": result.settings.run.broker,
        "pool": result.settings.run.pool,
        "throughput_per_s": _throughput(result),
        "latency_s": None if latency is None else {"p50": latency.p50, "p95": latency.p95, "p99": latency.p99},
        "ledger_rows": checked.rows,
        "duplicates": sheet.duplicates,
        "dead_letters": sheet.dead_letters.total(),
        "dead_letters_without_row": sheet.without_row,
        "missing": len(checked.missing),
        "doubled": len(checked.doubled),
        "ledger_verified": not result.problems,
        "ledger": result.settings.ledger.url,
    }


def write_report(result: DemoResult, folder: Path) -> None:
    """Write report.json and report.html into `folder`."""
    numbers = summary(result)
    (folder / "report.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    write_page(_page(result, numbers, folder), folder / "report.html")


def _throughput(result: DemoResult) -> float | None:
    """Verdicts per second between the first arrival and the last verdict; the demo's own pace bounds it."""
    sheet = result.sheet
    if not sheet.decided_at_s:
        return None
    return sheet.decided / max(1e-3, max(sheet.decided_at_s) - min(sheet.received_at_s))


def _page(result: DemoResult, numbers: Mapping[str, object], folder: Path) -> Page:
    sheet, checked = result.sheet, result.tally
    latency = percentiles(sheet.latencies_s)
    return Page(
        title="a small true morning",
        subtitle=f"{numbers['check_ins']} check-ins, {result.people:,} people, "
        f"{numbers['broker']} log, {numbers['pool']} pool",
        caveat=CAVEAT,
        tiles=[
            Tile("diterima · received", str(sheet.received)),
            Tile("diputuskan · decided", str(sheet.decided)),
            Tile("tanpa putusan · without a verdict", str(sheet.closed - sheet.decided)),
            _zero("hilang · missing", len(checked.missing)),
            _zero("ganda · doubled", len(checked.doubled)),
            _zero("di luar dugaan · unexpected", len(checked.mismatches)),
            _zero("cacat buku · ledger problems", len(result.problems)),
            Tile("detik · seconds, p50 / p99", "–" if latency is None else f"{latency.p50:.2f} / {latency.p99:.2f}"),
        ],
        plots=[
            Plot(
                "Kedatangan dan penyelesaian · Arrivals and what became of them",
                "Closed is a verdict, a repetition that was answered, or a record that was set aside; the gap between "
                "both lines is what was open then. A purple line is a face actor that was killed.",
                arrivals_svg(sheet.received_at_s, sheet.closed_at_s, sheet.moments),
            ),
            Plot(
                "Lama tunggu · Latency",
                "From the log's receipt to the durable verdict.",
                latency_svg(sheet.latencies_s),
            ),
            Plot(
                "Alasan · Reasons",
                "All reasons given, in the colours of the outcomes they stood beside. A handful of real faces sign "
                "again and again, which is why so many verdicts say repeated.",
                bars_svg(sheet.reasons),
            ),
        ],
        tables=[_played(result), _wrong(result)],
        places_name="Letak berkas · Where things are",
        places=[
            ("ledger", str(numbers["ledger"])),
            ("expected verdicts", str(folder / "truth.csv")),
            ("numbers", str(folder / "report.json")),
            ("log", str(folder / "log.jsonl")),
            ("settings", str(folder / "hadir.toml")),
        ],
    )


def _zero(name: str, count: int) -> Tile:
    return Tile(name, str(count), "good" if count == 0 else "bad")


def _played(result: DemoResult) -> Table:
    """What was played, and what had to come of it."""
    groups: Counter[tuple[str, str]] = Counter()
    for one in result.planned:
        expected = f"{one.expected.outcome.value}: {one.expected.reason}" if one.expected else "no row of its own"
        groups[one.label, expected] += 1
    rows = [(label, expected, count) for (label, expected), count in sorted(groups.items())]
    return Table(
        "Yang dimainkan · What was played",
        "Written to truth.csv before the stream started, joined with the ledger afterwards.",
        ("scene", "must become", "times"),
        rows,
    )


def _wrong(result: DemoResult) -> Table:
    rows = [(wrong.id, wrong.expected, wrong.actual) for wrong in result.tally.mismatches]
    says = "None: every verdict is the expected one." if not rows else "Each is a defect, of Hadir or of the demo."
    return Table("Di luar dugaan · Other than expected", says, ("check-in", "expected", "actual"), rows)
