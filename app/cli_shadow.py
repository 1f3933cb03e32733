"""`hadir index shadow`: what a candidate would decide of live check-ins, beside what is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadir.app.options import Config, Json, settings_of, wrong_use
from hadir.app.output import err, lines, out, print_json, progress

if TYPE_CHECKING:
    from hadir.app.shadow_report import ShadowReport

__all__ = ["listening", "register", "say_shadow"]

_DONE, _PARTLY = 0, 3
_SHOWN = 20
_TELLS = 10
"""Lines of progress from the first check-in to the last, where nobody sees a bar."""


def register(group: typer.Typer) -> None:
    """Add the command to `hadir index`."""
    group.command("shadow", epilog="Example:  hadir index shadow --check-ins 500 --sample 0.2")(shadow)


def shadow(
    snapshot: Annotated[str | None, typer.Argument(metavar="[ID]", help="Default: the candidate.")] = None,
    check_ins: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many live check-ins to compare.")] = 200,
    sample: Annotated[float, typer.Option(min=0.001, max=1, help="The share of them that it is asked about.")] = 1.0,
    listen: Annotated[float, typer.Option(min=1, max=86_400, help="Seconds to listen at most.")] = 600.0,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Let a candidate decide live check-ins from now on, beside the snapshot that serves; nothing is written.

    Names check-ins by their ids alone. Exit code 3: fewer than asked for could be compared.
    """
    from hadir.app.shadow import ShadowOptions, run_shadow
    from hadir.index.pointers import read_pointers

    settings = settings_of(config)
    chosen = snapshot or read_pointers(Path(settings.stores.snapshots)).candidate
    if chosen is None:
        raise wrong_use("no snapshot waits as a candidate: build one (hadir index build) or name one")
    with listening(check_ins, listen) as told:
        report = run_shadow(settings, chosen, check_ins, ShadowOptions(sample, listen), told=told)
    if as_json:
        print_json(report.document())
    else:
        say_shadow(report)
    return _DONE if report.compared >= check_ins else _PARTLY


@contextmanager
def listening(check_ins: int, listen_s: float) -> Iterator[Callable[[int], None]]:
    """What is waited for and how far it is, on standard error also beside --json: a line now, then a bar on a terminal
    or a line for every tenth. Gives what is to be told how many were decided."""
    err.print(
        f"Mendengarkan presensi · listening: {check_ins} live check-ins, for {listen_s:g} s at most", markup=False
    )
    step = max(1, check_ins // _TELLS)
    with progress("membandingkan · comparing", check_ins) as bar:

        def told(count: int) -> None:
            bar.update(bar.task_ids[0], completed=count)
            if not err.is_terminal and count % step == 0:
                err.print(f"membandingkan · comparing: {count} / {check_ins}", markup=False)

        yield told


def say_shadow(report: ShadowReport) -> None:
    """Who differs, and by how much; check-ins by their ids."""
    same = report.compared - report.changed
    share = f" ({same / report.compared:.1%})" if report.compared else ""
    out.print(
        f"Bayangan · shadow of {report.snapshot} beside {report.serving or '–'}: {report.compared} dibandingkan · "
        f"compared, {same} sama · the same{share}, {report.changed} berbeda · changed",
        markup=False,
    )
    lines((f"{live} → {other}", str(count)) for (live, other), count in sorted(report.table().items()))
    for name, spread in report.shift().items():
        if spread is not None:
            figures = f"{spread.p05:+.3f} / {spread.p50:+.3f} / {spread.p95:+.3f}"
            lines([(f"di atas ambang · above accept, {name}", f"p5/p50/p95 {figures} ({spread.count})")])
    lines((f"{live} → {other}", f"{count} kali · times") for (live, other), count in report.why().most_common())
    flips = sorted(report.flips().items())
    lines(
        (one, f"{live.outcome} {','.join(live.reasons)} → {other.outcome} {','.join(other.reasons)}")
        for one, (live, other) in flips[:_SHOWN]
    )
    if len(flips) > _SHOWN:
        out.print(f"  … {len(flips) - _SHOWN} lagi · more: --json has all of them", markup=False)
    if report.undecided:
        out.print(f"  {report.undecided} belum diputuskan · have no verdict yet and are not compared", markup=False)
