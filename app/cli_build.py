"""`hadir index build`: from a gallery to a snapshot that serves or waits."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadir.app.cli_calibrate import Normalise, calibrating
from hadir.app.cli_promote import NOW_SERVES, promoting
from hadir.app.options import Config, Json, settings_of
from hadir.app.output import out, print_json

if TYPE_CHECKING:
    from hadir.app.promoting import Placed, Switch
    from hadir.core.clock import Clock
    from hadir.core.settings import Settings
    from hadir.index.normalisation_choice import Mode
    from hadir.index.snapshot import Snapshot
    from hadir.index.snapshot_build import SyntheticPeople
    from hadir.index.space import EmbeddingSpace

__all__ = ["register"]

_DONE = 0

Gallery = Annotated[str | None, typer.Option(help="Folder or URI of galleries. Default: the settings'.")]
Space = Annotated[
    str | None,
    typer.Option("--pack", "--space", help="Which gallery: its pack's name or its space. Default: of what serves."),
]
Synthetic = Annotated[int, typer.Option(min=0, max=1_000_000, help="People who are not real, for rehearsals.")]

_PLACED = {
    "first": "Snapshot pertama, langsung dipakai · the first snapshot here, it serves at once.",
    "current": "Sudah dipakai · it serves already.",
    "candidate": "Menunggu sebagai kandidat · it waits as the candidate: hadir index promote lets it serve.",
}


def register(group: typer.Typer) -> None:
    """Add the command to `hadir index`."""
    group.command("build", epilog="Example:  hadir index build --gallery var/gallery")(build)


def build(
    gallery: Gallery = None,
    space: Space = None,
    snapshots: Annotated[
        Path | None, typer.Option("--snapshots", "--out", help="Folder of snapshots. Default: the settings'.")
    ] = None,
    synthetic: Synthetic = 0,
    normalisation: Normalise = "auto",
    promote: Annotated[bool, typer.Option("--promote", help="Let it serve as well, if it passes the gates.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Build a snapshot of the whole gallery and check it; it then waits as the candidate (hadir index promote).

    Where nothing has served yet, it serves at once. Exit code 4: a gate of --promote failed, and it waits.
    """
    from hadir.app.promoting import Wish, first_or_candidate
    from hadir.app.snapshot_report import say_snapshot
    from hadir.core.clock import SystemClock
    from hadir.index.pointers import read_pointers
    from hadir.index.snapshot import load_snapshot

    settings, clock = settings_of(config), SystemClock()
    root = snapshots or Path(settings.stores.snapshots)
    before = read_pointers(root)
    path = _built(settings, root, _Wanted(gallery, space, synthetic, normalisation), clock)
    placed = first_or_candidate(root, path.name, before, reason, clock)
    snapshot = load_snapshot(path)
    if not as_json:
        say_snapshot(path, snapshot)
    switch = None
    if promote and placed == "candidate":
        switch = promoting(settings, root, as_json).promote(path.name, Wish(reason))
    return _told(path, snapshot, placed, switch, as_json)


@dataclass(frozen=True, slots=True)
class _Wanted:
    gallery: str | None
    space: str | None
    synthetic: int
    normalisation: Mode


def _built(settings: Settings, root: Path, wanted: _Wanted, clock: Clock) -> Path:
    from hadir.app.named_gallery import named_gallery
    from hadir.app.wiring import policy_of
    from hadir.core.thresholds import rate_key
    from hadir.index.snapshot_build import build_snapshot

    store = named_gallery(settings, space=wanted.space, gallery=wanted.gallery, snapshots=root)
    drawn = _drawn(settings, store.space, wanted.synthetic)
    with calibrating() as bar:
        return build_snapshot(
            root,
            store,
            clock.now_ms(),
            version("hadir"),
            synthetic=drawn,
            normalisation=wanted.normalisation,
            accept_rate=rate_key(policy_of(settings).accept_fmr),
            on_cell=lambda _: bar.advance(bar.task_ids[0]),
        )


def _drawn(settings: Settings, space: EmbeddingSpace, count: int) -> SyntheticPeople | None:
    if count == 0:
        return None
    from hadir.app.serving_pack import pack_for_space
    from hadir.index.synthetic import draw_people, read_statistics

    info = pack_for_space(settings, space).info
    return draw_people(read_statistics(info.statistics or Path("statistics.npz"), info.precision), count, seed=0)


def _told(path: Path, snapshot: Snapshot, placed: Placed, switch: Switch | None, as_json: bool) -> int:
    from hadir.app.snapshot_report import snapshot_document
    from hadir.app.switch_report import exit_code, say_switch, switch_document
    from hadir.index.pointers import read_pointers

    if as_json:
        role, promotion = read_pointers(path.parent).role(path.name), switch and switch_document(switch)
        print_json({**snapshot_document(path, snapshot), "role": role, "promotion": promotion})
    elif switch is not None:
        say_switch(switch, NOW_SERVES)
    else:
        out.print(_PLACED[placed])
    return _DONE if switch is None else exit_code(switch)
