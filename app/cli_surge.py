"""`hadir surge`: a whole morning's check-ins sent to a running pipeline, and what became of every one of them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hadir.app.options import Config, Json, settings_of, wrong_use
from hadir.app.output import err, lines, out, print_json
from hadir.core.errors import InputError

if TYPE_CHECKING:
    from hadir.app.surge_rehearsal import SurgeOptions

__all__ = ["finish", "register"]

_DONE, _PARTLY, _FAILED = 0, 3, 4
_OWN = "dev/own_surge.py"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("surge", epilog="Example:  hadir surge --own --people 1000 --minutes 5 --faults faults.toml")(surge)


def surge(
    curve: Annotated[
        Literal["morning", "flat", "step"],
        typer.Option(help="morning: 90 minutes, steepest before work begins; step: ten times as many for a fifth."),
    ] = "morning",
    people: Annotated[int, typer.Option(min=1, max=1_000_000, help="Check-ins over the whole curve.")] = 1000,
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="So many times faster than the curve.")] = 1.0,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes",
            "--window",
            min=0.1,
            max=1440,
            help="Of a morning only its busiest minutes; of another curve its length, 10 where not given.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed: the same moments, people and scenes.")] = 1,
    selfies: Annotated[int, typer.Option(min=1, max=20_000, help="Different pictures, made beforehand.")] = 500,
    own: Annotated[
        bool, typer.Option("--own", help="Start broker, database and pipeline for this alone (from a checkout).")
    ] = False,
    faces: Annotated[Path | None, typer.Option(help="With --own: your photos, one sub-folder per person.")] = None,
    pool: Annotated[Literal["ray", "inline"], typer.Option(help="With --own: who looks at the faces.")] = "ray",
    faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --own: what to break when (docs/surge.md).")
    ] = None,
    p99_s: Annotated[float | None, typer.Option(min=0, help="Fail (4) unless p99 is below so many seconds.")] = None,
    oldest_s: Annotated[
        float | None, typer.Option(min=0, help="Fail (4) where a check-in is undecided for longer.")
    ] = None,
    patience_s: Annotated[float, typer.Option(min=1, max=3600, help="How long to wait for the last verdicts.")] = 120.0,
    folder: Annotated[Path, typer.Option(help="Where surge.html and surge.json go.")] = Path("runs/surge"),
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Rehearse a morning: send check-ins along a curve, watch the verdicts, count what was lost, doubled or wrong.

    Without --own: to the pipeline that runs with the same --config, whose log and ledger must be fresh ones.

    Ctrl-C ends the sending; what was sent is waited for and reported (exit code 3).

    Exit code 4: a verdict, a limit or an invariant failed.
    """
    from hadir.app.surge_rehearsal import SurgeOptions, surge_against

    options = SurgeOptions(
        folder=str(folder),
        curve=curve,
        people=people,
        speed=speed,
        minutes=minutes,
        seed=seed,
        selfies=selfies,
        faults=None if faults is None else str(faults),
        p99_s=p99_s,
        oldest_s=oldest_s,
        patience_s=patience_s,
        as_json=as_json,
    )
    if own:
        if config is not None:
            raise wrong_use("--own makes settings of its own: leave --config out, or --own")
        return _own(options, faces, pool)
    if faces is not None or faults is not None:
        raise wrong_use(
            "--faces and --faults go with --own: elsewhere the gallery's people sign, and nothing is broken"
        )
    code = finish(options, surge_against(settings_of(config), options))
    err.print(
        "log ini kini berisi gladi: hapus topiknya sebelum dipakai sungguhan · this log now holds a rehearsal: delete "
        "its topics before a real pipeline reads them (docs/surge.md)"
    )
    return code


def finish(options: SurgeOptions, numbers: Mapping[str, Any]) -> int:
    """Tell the numbers; the exit code."""
    if options.as_json:
        print_json(numbers)
    else:
        _tell(options, numbers)
    if not numbers["passed"]:
        return _FAILED
    return _PARTLY if numbers["stopped_early"] else _DONE


def _own(options: SurgeOptions, faces: Path | None, pool: str) -> int:
    import msgspec

    if not (Path.cwd() / _OWN).is_file():
        raise InputError(
            "--own starts a broker and a database, for which it needs a checkout of Hadir as the working folder; with "
            "a pipeline of your own: hadir surge --config FILE"
        )
    wanted = {"options": options, "faces": None if faces is None else str(faces), "pool": pool}
    command = [sys.executable, "-m", "dev.own_surge", msgspec.json.encode(wanted).decode()]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own interpreter, a file of the checkout
        # Ctrl-C reaches both: the surge ends its sending, and this process waits for its report.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return process.wait()
        finally:
            signal.signal(signal.SIGINT, before)


def _tell(options: SurgeOptions, numbers: Mapping[str, Any]) -> None:
    spread, generator = numbers["latency_s"], numbers["generator"]
    out.print(
        f"[bold]dikirim · sent {numbers['check_ins']} · dijawab · answered {numbers['answered']} · "
        f"hilang · missing {numbers['missing']} · ganda · doubled {numbers['doubled']} · "
        f"keliru · wrong {numbers['wrong_verdicts']}[/]"
    )
    waited = "–" if spread is None else ", ".join(f"{name} {value:.3f} s" for name, value in spread.items())
    lines(
        [
            ("lama tunggu · latency", waited),
            ("tertua · oldest undecided", f"{numbers['oldest_undecided_s']:.1f} s"),
            ("putusan · verdicts", ", ".join(f"{count} {name}" for name, count in numbers["verdicts"].items())),
            ("gangguan · faults", str(numbers["faults"])),
            (
                "pengirim · generator",
                f"{generator['cpu_ms_per_check_in']:.2f} ms CPU per check-in, {generator['cores']:.2f} of a core",
            ),
        ]
    )
    marks = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]·[/]"}
    for one in numbers["invariants"]:
        out.print(f"  {marks[one['holds']]} {one['number']} {one['name']}: ", end="")
        out.print(one["detail"], markup=False)
    for said in numbers["missed"]:
        out.print(f"  [red]✗[/] {said}")
    out.print(f"laporan · report: {Path(options.folder) / 'surge.html'}", markup=False)
