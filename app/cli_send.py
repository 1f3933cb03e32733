"""`hadir send`: check-ins into Kafka, and their verdicts back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hadir.app.check_in_list import COLUMNS
from hadir.app.options import Config, Json, settings_of, wrong_use
from hadir.app.output import err, out, print_json
from hadir.core.errors import InputError

if TYPE_CHECKING:
    from hadir.app.sending import Answer
    from hadir.core.check_in import CheckIn

__all__ = ["register"]

_DONE, _PARTLY = 0, 3
_COLUMNS = f"{', '.join(COLUMNS)}; only {COLUMNS[0]} must be there, several photos are separated by |"


def register(app: typer.Typer) -> None:
    """Add the command."""
    example = "hadir send --person a-0001 --photo selfie.jpg --at=-8.1722,113.7001,12"
    app.command("send", epilog=f"Example:  {example}   or   hadir send day.csv")(send)


def send(
    csv: Annotated[
        Path | None, typer.Argument(metavar="CSV", help=f"Check-ins, one a line. Columns: {_COLUMNS}.")
    ] = None,
    person: Annotated[str | None, typer.Option(help="Instead of a CSV: whose check-in.")] = None,
    photo: Annotated[list[Path] | None, typer.Option(help="1 to 4 photos; may be repeated.")] = None,
    direction: Annotated[Literal["in", "out"], typer.Option(help="Coming or leaving.")] = "in",
    at: Annotated[str | None, typer.Option(metavar="LAT,LON,ACCURACY_M", help="Where the device is.")] = None,
    wait_s: Annotated[float, typer.Option(min=0, max=3600, help="How long to wait for verdicts; 0 = do not.")] = 60.0,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Send check-ins and wait for their verdicts.

    Exit code 3 when some have none in time, or were set aside: nothing is lost, and what to do is said.
    """
    from hadir.app.sending import send_and_wait
    from hadir.app.wiring import kafka_cluster

    check_ins = list(_check_ins(csv, person, photo or [], direction, at))
    if not check_ins:
        raise InputError("nothing to send: the CSV has no rows")
    answers = send_and_wait(kafka_cluster(settings_of(config)), check_ins, wait_s)
    if as_json:
        told = [asdict(answer) for answer in answers]
        print_json({"sent": len(check_ins), "answered": sum(a.verdict is not None for a in answers), "verdicts": told})
    else:
        for answer in answers:
            _tell(answer)
    return _left_open(answers, wait_s) if wait_s else _DONE


def _left_open(answers: Sequence[Answer], wait_s: float) -> int:
    """Say what has no verdict, and where it is; the exit code."""
    aside = [answer for answer in answers if answer.set_aside is not None]
    waiting = sum(answer.verdict is None and answer.set_aside is None for answer in answers)
    if aside:
        err.print(
            f"{len(aside)} dari {len(answers)} disisihkan · {len(aside)} of {len(answers)} set aside "
            f"({', '.join(sorted({str(answer.set_aside) for answer in aside}))}): their id came before with other "
            "content, and that verdict stands; hadir explain ID shows it, hadir dead-letters list what was set aside."
        )
    if waiting:
        err.print(
            f"{waiting} dari {len(answers)} belum diputuskan · {waiting} of {len(answers)} not decided within "
            f"{wait_s:g} s: they are in the log, and a running hadir run decides them; hadir explain ID shows it then."
        )
    return _PARTLY if aside or waiting else _DONE


def _check_ins(
    csv: Path | None, person: str | None, photos: list[Path], direction: str, at: str | None
) -> Iterable[CheckIn]:
    from hadir.app.check_in_list import read_check_ins, single_check_in
    from hadir.core.clock import SystemClock

    now_ms = SystemClock().now_ms()
    if (csv is None) == (person is None):
        raise wrong_use("give either a CSV of check-ins, or --person with --photo")
    if csv is not None:
        return read_check_ins(csv, now_ms)
    assert person is not None
    return [single_check_in(person, direction, photos, at, now_ms)]


def _tell(answer: Answer) -> None:
    if answer.verdict is None:
        became = "sent" if answer.set_aside is None else f"set aside: {answer.set_aside}"
        out.print(f"{answer.id}  {answer.person}: {became}", markup=False)
        return
    colour = {"accepted": "green", "review": "yellow", "rejected": "red"}[answer.verdict["outcome"]]
    out.print(f"[{colour}]{answer.verdict['outcome']}[/]  {answer.person}  {answer.id}")
    out.print(f"  {', '.join(answer.verdict['reasons'])} · {answer.verdict['sentence']['id']}", markup=False)
