"""What a surge leaves behind: surge.json for machines, surge.html for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hadir.app.board import percentiles
from hadir.app.plots import arrivals_svg, latency_svg, slices_svg
from hadir.app.report import Page, Plot, Table, Tile, write_page
from hadir.app.surge import Played, Surge
from hadir.app.surge_account import Account
from hadir.app.surge_numbers import oldest_s, slices

__all__ = ["CAVEAT", "write_report"]

CAVEAT = (
    "Gladi, bukan presensi: tidak ada putusan di sini yang menyangkut kehadiran siapa pun. A rehearsal. Its selfies "
    "are variations of few photos, drawn until the very pack that judges them is sure of them, sent again and again as "
    "another file: this proves the flow, not the accuracy. Load like this would flag itself as replayed photos, so the "
    'outcome of the perceptual rule is off ([replay] near = "record"); it still runs, and its time is in the figures.'
)

_MOST_WRONG = 50


def write_report(surge: Surge, account: Account, played: Played, numbers: Mapping[str, object], folder: Path) -> None:
    """Write surge.json and surge.html into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "surge.json").write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    write_page(_page(surge, account, played, numbers, folder), folder / "surge.html")


def _page(surge: Surge, account: Account, played: Played, numbers: Mapping[str, object], folder: Path) -> Page:
    length_s, parts = slices(surge, played)
    sheet, waits = played.sheet, [one.latency_s for one in played.answers]
    spread = percentiles(waits)
    return Page(
        title="gladi lonjakan pagi · a rehearsed surge",
        subtitle=surge.title,
        caveat=CAVEAT,
        tiles=[
            Tile("dikirim · sent", str(numbers["check_ins"])),
            Tile("dijawab · answered", str(len(played.answers))),
            _zero("hilang · missing", len(account.missing)),
            _zero("ganda · doubled", len(account.doubled)),
            _zero("putusan keliru · wrong verdicts", len(account.wrong)),
            Tile("detik · seconds, p50 / p99", "–" if spread is None else f"{spread.p50:.2f} / {spread.p99:.2f}"),
            Tile("tertua · oldest undecided, s", f"{oldest_s(played):.1f}"),
        ],
        plots=[
            Plot(
                "Lama tunggu sepanjang pagi · Latency over the morning",
                f"From the intended moment of sending to the verdict, per {length_s:.0f} seconds, with how many came.",
                slices_svg([(p.at_s, p.arrivals / length_s, p.p50_s, p.p99_s) for p in parts], sheet.moments),
            ),
            Plot(
                "Kedatangan dan penyelesaian · Arrivals and verdicts",
                "The gap between both lines is what waited then. A purple line is something that was broken or mended.",
                arrivals_svg(sheet.received_at_s, sheet.closed_at_s, sheet.moments),
            ),
            Plot(
                "Lama tunggu · Latency",
                "How many check-ins waited how long.",
                latency_svg(waits, "from the intended moment to the verdict"),
            ),
        ],
        tables=[_invariants(account), _played(surge, played), _wrong(account)],
        places_name="Keadaan · Conditions",
        places=[*((k, str(v)) for k, v in _conditions(numbers).items()), ("numbers", str(folder / "surge.json"))],
    )


def _conditions(numbers: Mapping[str, object]) -> Mapping[str, object]:
    conditions, generator = numbers["conditions"], numbers["generator"]
    assert isinstance(conditions, Mapping)
    assert isinstance(generator, Mapping)
    return {**conditions, **{f"generator {name}": f"{value:.3f}" for name, value in generator.items()}}


def _zero(name: str, count: int) -> Tile:
    return Tile(name, str(count), "good" if count == 0 else "bad")


def _invariants(account: Account) -> Table:
    words = {True: "berlaku · holds", False: "DILANGGAR · BROKEN", None: "tidak diamati · not watched"}
    rows = [(one.number, one.name, words[one.holds], one.detail) for one in account.invariants]
    return Table("Tujuh invarian · The seven invariants", "Asked once all was at rest.", ("", "what", "", "seen"), rows)


def _played(surge: Surge, played: Played) -> Table:
    sent = [due for due in surge.plan if due.id in played.sent or due.id in played.unsure]
    counts = Counter(due.kind.value for due in sent)
    rights = Counter(one.due.kind.value for one in played.answers if one.right)
    rows = [(kind, count, rights[kind]) for kind, count in sorted(counts.items())]
    return Table("Yang dimainkan · What was played", "", ("scene", "sent", "answered rightly"), rows)


def _wrong(account: Account) -> Table:
    rows = [(one.id, one.kind, one.expected, one.actual) for one in account.wrong[:_MOST_WRONG]]
    says = "None." if not rows else f"The first {len(rows)} of {len(account.wrong)}."
    return Table("Putusan keliru · Wrong verdicts", says, ("check-in", "scene", "expected", "actual"), rows)
