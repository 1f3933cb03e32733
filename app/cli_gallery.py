"""`hadir gallery`: who is enrolled, who is missing and why, who looks like somebody else, and erasing a person."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadir.app.options import Config, Json, settings_of, wrong_use
from hadir.app.output import out, print_json

if TYPE_CHECKING:
    from hadir.app.gallery_status import Missing

__all__ = ["register"]

_DONE, _PARTLY = 0, 3

Gallery = Annotated[str | None, typer.Option(help="Folder or URI of galleries. Default: the settings'.")]
Person = Annotated[str, typer.Argument(metavar="PERSON", help="The person's id, as on the roster.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Look after enrolled faces: status, duplicates, erasure.")
    group.command("status", epilog="Example:  hadir gallery status --missing belum-terdaftar.csv")(status)
    group.command("show", epilog="Example:  hadir gallery show a-0001")(show)
    group.command("duplicates", epilog="Example:  hadir gallery duplicates --most 20")(duplicates)
    group.command("erase", epilog="Example:  hadir gallery erase a-0001 --reason 'request 17/2026'")(erase)
    group.command("encrypt", epilog="Example:  hadir gallery encrypt --old-key var/old.key")(encrypt)
    app.add_typer(group, name="gallery")


def status(
    gallery: Gallery = None,
    space: Annotated[str | None, typer.Option(help="Embedding space. Default: the one that serves.")] = None,
    missing: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write who is not enrolled, and why, to a CSV.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """The roster of today against the gallery, by unit: enrolled, missing, refused and why."""
    from hadir.app.gallery_status import read_status
    from hadir.app.gallery_words import headline, status_lines
    from hadir.core.clock import SystemClock

    found = read_status(settings_of(config), SystemClock().now_ms(), gallery, space)
    if missing is not None:
        _write_missing(missing, found.missing)
    if as_json:
        print_json(found.as_json())
    else:
        out.print(headline(found), style="bold", markup=False)
        _print(status_lines(found))
        if missing is not None:
            out.print(f"{len(found.missing)} orang · people: {missing}")
    return _DONE


def show(person: Person, gallery: Gallery = None, config: Config = None, as_json: Json = False) -> int:
    """Everything that enrolment holds of one person, in every embedding space; no vectors."""
    from hadir.app.gallery_person import held_person
    from hadir.app.gallery_words import person_lines

    found = held_person(settings_of(config), person, gallery)
    if as_json:
        print_json(found.as_json())
    else:
        _print(person_lines(found))
    return _DONE


def duplicates(
    gallery: Gallery = None,
    most: Annotated[int, typer.Option(min=1, max=100_000, help="As many pairs, the closest first.")] = 100,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """The same face under two ids: pairs that strangers hardly ever make. Twins look like that too: a human decides."""
    from hadir.app.face_duplicates import find_duplicates
    from hadir.app.gallery_words import duplicates_lines

    found = find_duplicates(settings_of(config), most, gallery)
    if as_json:
        print_json(found.as_json())
    else:
        _print(duplicates_lines(found))
    return _DONE


def erase(
    person: Person,
    reason: Annotated[str, typer.Option(help="Why, for the record: a file number, never a name or a NIP.")],
    by: Annotated[str | None, typer.Option(help="Who asked for it. Default: the account that runs this.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Forget a person: photos, templates of every space, refusals, and every snapshot that holds them. No way back.

    The snapshot that serves is replaced by one without the person; a running pipeline takes it within a second. Exit
    code 3 where one does not.
    """
    import time

    from hadir.app.erasure import erase as erase_person
    from hadir.app.gallery_words import erasure_lines
    from hadir.app.operator_name import operator_name
    from hadir.core.clock import SystemClock

    if not reason.strip():
        raise wrong_use("--reason is empty: name the request that asks for the erasure")
    who = by or operator_name()
    done = erase_person(settings_of(config), person, reason=reason, by=who, clock=SystemClock(), sleep=time.sleep)
    if as_json:
        print_json(done.as_json())
    else:
        _print(erasure_lines(done))
    return _DONE if done.agreement is None or done.agreement.reached else _PARTLY


def encrypt(
    old_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key that files were encrypted with before.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Encrypt photos, templates and photos of cases that are not yet under the settings' key. May be run again."""
    from hadir.app.encryption import encrypt_stores
    from hadir.index.envelope import read_key

    done = encrypt_stores(settings_of(config), read_key(old_key) if old_key else None)
    if as_json:
        print_json({"encrypted": done.files, "already": done.already})
    else:
        out.print(f"{done.files} berkas dienkripsi · files encrypted; {done.already} sudah · were already.")
    return _DONE


def _write_missing(path: Path, missing: Sequence[Missing]) -> None:
    from hadir.app.enrolment_wording import advice

    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(("person", "unit", "reasons", "saran", "advice"))
        for one in missing:
            says = [advice(code) for code in one.reasons]
            told = " ".join(say.id for say in says), " ".join(say.en for say in says)
            writer.writerow((one.person, one.unit, " ".join(one.reasons), *told))


def _print(told: Iterable[str]) -> None:
    for line in told:
        out.print(line, markup=False)
