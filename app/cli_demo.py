"""`hadir demo`: a small true morning on the embedded defaults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hadir.app.options import Json
from hadir.app.output import lines, out, print_json

if TYPE_CHECKING:
    from hadir.app.demo import DemoOptions, DemoResult

__all__ = ["register"]

_DONE, _ERROR = 0, 1


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", epilog="Example:  hadir demo --broker kafka --faces photos/")(demo)


def demo(
    folder: Annotated[Path, typer.Option(help="Where everything of the demo goes.")] = Path("runs/demo"),
    broker: Annotated[Literal["memory", "kafka"], typer.Option(help="kafka needs make kafka-up.")] = "memory",
    pool: Annotated[Literal["ray", "inline"], typer.Option(help="inline: one worker in this process.")] = "ray",
    faces: Annotated[Path | None, typer.Option(help="Your own photos: one sub-folder per person.")] = None,
    per_s: Annotated[float, typer.Option(min=1, max=1000, help="Check-ins sent a second.")] = 40.0,
    tamper: Annotated[bool, typer.Option("--tamper", help="Then change one ledger row: who finds it?")] = False,
    as_json: Json = False,
) -> int:
    """Real faces, 13,000 synthetic people, a stream with every trouble in it: expected against actual verdicts."""
    from hadir.app.demo import DemoOptions
    from hadir.app.demo_folder import demo_folder

    with demo_folder(folder):
        return _play(DemoOptions(folder, broker, pool, faces, per_s, quiet=as_json), tamper, as_json)


def _play(options: DemoOptions, tamper: bool, as_json: bool) -> int:
    from hadir.app.demo import run_demo
    from hadir.app.demo_report import summary, write_report

    result, folder = run_demo(options), options.folder
    write_report(result, folder)
    numbers = summary(result)
    good = not (result.tally.mismatches or result.tally.missing or result.tally.doubled or result.problems)
    if not as_json:
        _tell(result, numbers, folder)
    if tamper:
        changed = _tamper(folder, quiet=as_json)
        numbers["tampering"] = changed
        good = good and changed["found"] is True
    if as_json:
        print_json(numbers)
    return _DONE if good else _ERROR


def _tell(result: DemoResult, numbers: dict[str, object], folder: Path) -> None:
    from hadir.app.board import percentiles

    latency = percentiles(result.sheet.latencies_s)
    verdicts = numbers["verdicts"]
    out.print()
    out.print(
        f"[bold]received {result.sheet.received} · decided {result.sheet.decided} · "
        f"missing {numbers['missing']} · doubled {numbers['doubled']}[/]"
    )
    wrong = len(result.tally.mismatches)
    rows = [
        ("expected against actual", "every verdict as expected" if not wrong else f"{wrong} OTHER THAN EXPECTED"),
        ("verdicts", ", ".join(f"{count} {name}" for name, count in dict(verdicts).items())),  # type: ignore[call-overload]
        ("without a row", f"repetitions: {numbers['duplicates']}, dead letters: {numbers['dead_letters_without_row']}"),
        ("throughput", f"{numbers['throughput_per_s']:.0f} verdicts/s at the demo's own pace"),
        ("ledger", "verified, every chain whole" if not result.problems else f"PROBLEMS FOUND: {len(result.problems)}"),
    ]
    if latency is not None:
        rows.insert(4, ("latency", f"p50 {latency.p50:.2f} s, p95 {latency.p95:.2f} s, p99 {latency.p99:.2f} s"))
    lines(rows)
    for mismatch in result.tally.mismatches[:10]:
        out.print(f"  [red]{mismatch.id}[/] expected {mismatch.expected}, got {mismatch.actual}")
    out.print("\n[bold]One verdict, explained[/]  (as a reviewer sees it)")
    lines(result.explained)
    out.print("\n[bold]Where things are[/]")
    config = folder / "hadir.toml"
    lines(
        [
            ("report", str(folder / "report.html")),
            ("ledger", str(numbers["ledger"])),
            ("look around", f"hadir explain ID --config {config}   hadir ledger verify --config {config}"),
        ]
    )


def _tamper(folder: Path, quiet: bool) -> dict[str, object]:
    """What was changed in a copy of the ledger, and whether verification found it."""
    from hadir.app.tamper import tamper

    check_in_id, problems = tamper(folder / "ledger.db", folder / "tampered.db")
    if not quiet:
        out.print(f"\n[bold]Tampering[/]  a copy of the ledger, check-in {check_in_id}: rejected → accepted")
        out.print("hadir ledger verify says:")
        for problem in problems:
            out.print(f"  [red]{problem}[/]", markup=True)
    found = any(check_in_id in problem for problem in problems)
    return {"check_in": check_in_id, "found": found, "problems": problems}
