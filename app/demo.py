"""The demo: a small true morning through the whole house, with the truth written down before it starts."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from hadir.actors.leftovers import end_leftovers
from hadir.app.board import Sheet
from hadir.app.demo_enrolment import build_index, enrol_people
from hadir.app.demo_folder import forget_earlier_demo
from hadir.app.demo_people import FEWEST_PEOPLE, Photo, RealPerson, crowd_of, people_in_folder, people_in_packages
from hadir.app.demo_site import assign_units, write_site
from hadir.app.demo_stream import Pace, stream
from hadir.app.explanation import explain
from hadir.app.log_ends import open_ends
from hadir.app.logs import log_to
from hadir.app.options import DEFAULTS
from hadir.app.output import out
from hadir.app.scenarios import Cast, Expected, Planned, plan
from hadir.app.stores import enrolments
from hadir.app.tally import Tally, tally
from hadir.app.variation import encode_jpeg, vary
from hadir.app.wiring import open_ledger
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_export import export
from hadir.attendance.ledger_heads import read_heads
from hadir.attendance.ledger_verify import verify
from hadir.attendance.units import Units
from hadir.core.clock import SystemClock
from hadir.core.errors import InputError
from hadir.core.settings import Settings, load_settings
from hadir.core.verdict import Reason
from hadir.faces.pack import CHECK_IN_PHOTOS, ENROLMENT_PHOTOS, FacePack
from hadir.faces.packs import load_pack

__all__ = ["DemoOptions", "DemoResult", "run_demo"]

_SYNTHETIC = 13_000
_SEED = 20_260_131
_SETTINGS, _NEW_SETTINGS = "hadir.toml", "hadir.toml.new"
_TRIED = 8
_NEAR = 0.02
"""Cosine by which variations of two photos may come closer than the photos are."""
_STORES = ("photos", "gallery", "snapshots", "case-photos")


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`faces` is the user's own folder of photos; `per_s` how many check-ins are sent a second."""

    folder: Path
    broker: Literal["memory", "kafka"]
    pool: Literal["inline", "ray"]
    faces: Path | None
    per_s: float
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class DemoResult:
    """All that the report is made of. `refused` are photos that enrolment did not take: person and
    reason. `explained` is one verdict in full, for reviewers."""

    settings: Settings
    people: int
    planned: tuple[Planned, ...]
    sheet: Sheet
    tally: Tally
    problems: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    explained: tuple[tuple[str, str], ...]


def run_demo(options: DemoOptions) -> DemoResult:
    """Enrol, index, stream, compare, in a folder that `demo_folder` holds.

    Raises:
        HadirError: the demo cannot be set up at all; then what an earlier one left in the folder is still there.
    """
    end_leftovers(options.folder)
    settings = _settings(options)
    say = _Steps(options.quiet)
    pack = load_pack("open")
    people = people_in_folder(options.faces, say.aside) if options.faces else people_in_packages()
    usable, refused = _sort_out(people, pack)
    ends = open_ends(settings, from_now=True)
    _start_anew(options.folder)
    say("faces", f"{len(usable)} real people; enrolment refuses {len(refused)} photos: {_why(refused)}")
    enrolled = usable[:-1]
    now_ms = SystemClock().now_ms()
    snapshot = _index(settings, enrolled, pack, now_ms)
    say("index", f"snapshot {snapshot}: {len(enrolled)} enrolled, {_SYNTHETIC:,} synthetic people around them")
    planned = _plan(options.folder, usable, now_ms, pack)
    truth = [one.expected for one in planned if one.expected is not None]
    _write_truth(options.folder / "truth.csv", truth)
    say("truth", f"{len(truth)} expected verdicts in {options.folder / 'truth.csv'}, before the stream starts")
    say("stream", f"{len(planned)} records through the {options.broker} log and the {options.pool} pool")
    sheet = stream(settings, ends, planned, Pace(options.per_s, kill_a_worker=options.pool == "ray"))
    return _result(settings, len(enrolled) + _SYNTHETIC, planned, sheet, refused)


def _start_anew(folder: Path) -> None:
    """From here on the earlier demo is gone."""
    forget_earlier_demo(folder)
    (folder / _NEW_SETTINGS).rename(folder / _SETTINGS)
    log_to(folder / "log.jsonl")


def _result(
    settings: Settings, people: int, planned: Sequence[Planned], sheet: Sheet, refused: Sequence[tuple[str, str]]
) -> DemoResult:
    """What is in the ledger now, against what was expected."""
    truth = [one.expected for one in planned if one.expected is not None]
    with closing(open_ledger(settings.ledger.url)) as ledger:
        return DemoResult(
            settings=settings,
            people=people,
            planned=tuple(planned),
            sheet=sheet,
            tally=tally(truth, export(ledger)),
            problems=tuple(str(problem) for problem in verify(ledger, read_heads(Path(settings.ledger.heads)))),
            refused=tuple(refused),
            explained=tuple(_explain_one(ledger, truth, Units.load(Path(settings.attendance.units)))),
        )


def _settings(options: DemoOptions) -> Settings:
    """The demo's settings, in a file that nobody uses yet."""
    place = options.folder.absolute()
    site = {name: place / "site" / f"{name}.csv" for name in ("roster", "units", "sites", "placements", "shifts")}
    lines = [
        "# Written by hadir demo; use it to look around:  hadir explain ID --config FILE",
        f'[run]\nfolder = {_toml(place)}\nbroker = "{options.broker}"\npool = "{options.pool}"',
        f'[kafka]\ngroup = "hadir-demo-{SystemClock().now_ms()}"',
        "[stores]\n" + "\n".join(f"{name.replace('-', '_')} = {_toml(place / name)}" for name in _STORES),
        '[replay]\nnear = "record"  # every selfie of the demo is a variation of a few photos',
        "[attendance]\n" + "\n".join(f"{name} = {_toml(path)}" for name, path in site.items()),
        f"[ledger]\nurl = {_toml(f'sqlite:///{place}/ledger.db')}\nheads = {_toml(place / 'ledger-heads.jsonl')}",
    ]
    path = options.folder / _NEW_SETTINGS
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_settings(DEFAULTS, path)


def _varies(photo: Photo, pack: FacePack) -> bool:
    """Whether variations of a photo can be signed with: most photos that only just pass make some that do not."""
    rng = np.random.default_rng(_SEED)
    tried = pack.analyse([vary(photo, rng) for _ in range(_TRIED)], CHECK_IN_PHOTOS)
    return all(result.finding.code is None for result in tried)


def _toml(value: object) -> str:
    """A TOML string: JSON's escapes are among TOML's."""
    return json.dumps(str(value), ensure_ascii=False)


def _sort_out(people: Sequence[RealPerson], pack: FacePack) -> tuple[list[RealPerson], list[tuple[str, str]]]:
    """People, each with the first photo that may be enrolled, and what was refused with its reason.

    One photo each: its variations are sure to match it, while another day's photo of the same person may not.
    """
    usable: list[RealPerson] = []
    refused: list[tuple[str, str]] = []
    for person in people:
        results = pack.analyse([encode_jpeg(photo, 95) for photo in person.photos], ENROLMENT_PHOTOS)
        good = [p for p, r in zip(person.photos, results, strict=True) if r.vector is not None and _varies(p, pack)]
        refused += [(person.person, r.finding.code.value) for r in results if r.finding.code is not None]
        if good:
            usable.append(RealPerson(person.person, tuple(good[:1])))
    if len(usable) < FEWEST_PEOPLE:
        raise InputError(
            f"{len(usable)} people with a usable photo, the demo needs {FEWEST_PEOPLE}; refused: {_why(refused)}"
        )
    return usable, refused


def _index(settings: Settings, enrolled: Sequence[RealPerson], pack: FacePack, now_ms: int) -> str:
    gallery = Path(settings.stores.gallery)
    enrol_people(enrolled, pack, enrolments(settings), now_ms)
    return build_index(pack, gallery, Path(settings.stores.snapshots), synthetic=_SYNTHETIC, now_ms=now_ms, seed=_SEED)


def _plan(folder: Path, people: Sequence[RealPerson], now_ms: int, pack: FacePack) -> list[Planned]:
    def usable(selfie: bytes) -> bool:
        return pack.analyse([selfie], CHECK_IN_PHOTOS)[0].finding.code is None

    vectors = {p.person: pack.analyse([encode_jpeg(p.photos[0], 95)], ENROLMENT_PHOTOS)[0].vector for p in people}
    review = pack.info.thresholds.get("1e-2", "1/1") or 1.0

    def alike(one: str, other: str) -> bool:
        first, second = vectors[one], vectors[other]
        return first is not None and second is not None and float(first @ second) > review - _NEAR

    enrolled, stranger = people[:-1], people[-1]
    units = assign_units([p.person for p in enrolled])
    write_site(folder / "site", {**units, stranger.person: "disdik"}, now_ms, _SEED)
    rng = np.random.default_rng(_SEED)
    return plan(Cast(enrolled, stranger, units, _crowd(people, pack), now_ms, rng, usable, alike))


def _crowd(people: Sequence[RealPerson], pack: FacePack) -> Photo | None:
    """The first two neighbours whom the pack sees as two: photos of a whole body may leave the faces too small."""
    for number in range(len(people) - 1):
        crowd = crowd_of(people[number : number + 2])
        if pack.analyse([encode_jpeg(crowd)], CHECK_IN_PHOTOS)[0].finding.code is Reason.SEVERAL_FACES:
            return crowd
    return None


def _explain_one(ledger: Ledger, truth: Sequence[Expected], units: Units) -> list[tuple[str, str]]:
    """A colleague who signed for somebody: the verdict with the most to say."""
    suspected = (one.id for one in truth if one.reason == Reason.IMPOSTOR_SUSPECTED.value)
    wanted = next(suspected, truth[0].id)
    row = ledger.row(wanted)
    return explain(row, ledger.evidence(wanted), reviewer=True, units=units) if row is not None else []


def _write_truth(path: Path, truth: Sequence[Expected]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "outcome", "reason"))
        writer.writerows((one.id, one.outcome.value, one.reason) for one in truth)


def _why(refused: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{person} {reason}" for person, reason in refused) or "none"


class _Steps:
    """Numbered lines that say what the demo is doing."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._number = 0

    def __call__(self, name: str, text: str) -> None:
        self._number += 1
        if not self._quiet:
            out.print(f"[bold cyan]{self._number}[/]  [bold]{name:<7}[/] {text}")

    def aside(self, text: str) -> None:
        """A line below the numbered ones."""
        if not self._quiet:
            out.print(f"           {text}", markup=False)
