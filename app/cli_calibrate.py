"""`hadir calibrate`: what a gallery's own people say about thresholds, before anything is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.progress import Progress

from hadir.app.options import Config, Json, settings_of
from hadir.app.output import print_json, progress

if TYPE_CHECKING:
    from hadir.core.settings import Settings
    from hadir.faces.pack import PackInfo
    from hadir.index.space import EmbeddingSpace

__all__ = ["Normalise", "calibrating", "register"]

Normalise = Annotated[
    Literal["auto", "on", "off"],
    typer.Option(
        "--normalisation",
        help="Compare normalised scores: auto = where 1,000 people and a trial on held-out ones say that it helps.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("calibrate", epilog="Example:  hadir calibrate --report calibration.html")(calibrate)


def calibrate(
    gallery: Annotated[str | None, typer.Option(help="Folder or URI of galleries. Default: the settings'.")] = None,
    space: Annotated[
        str | None,
        typer.Option("--pack", "--space", help="Which gallery: its pack's name or its space. Default: of what serves."),
    ] = None,
    normalisation: Normalise = "auto",
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="An HTML page with plots.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Measure the thresholds of a gallery: every rate and cell, with intervals by people, beside the pack's own.

    Nothing is changed: `hadir index build` measures the same and keeps it in the snapshot.
    """
    from hadir.app.calibration_report import Report, calibration_document, say_calibration, write_calibration_page
    from hadir.app.named_gallery import named_gallery
    from hadir.app.wiring import policy_of
    from hadir.core.errors import InputError
    from hadir.core.thresholds import rate_key
    from hadir.index.calibrate import calibrate as measured
    from hadir.index.templates import by_person

    settings = settings_of(config)
    policy = policy_of(settings)
    store = named_gallery(settings, space=space, gallery=gallery)
    people = by_person(store.templates())
    if not people:
        raise InputError("the gallery holds no templates: enrol people first (hadir enroll)")
    rates = (rate_key(policy.accept_fmr), rate_key(policy.review_fmr), rate_key(policy.identify_fmr))
    with calibrating() as bar:
        found = measured(people, rates[0], normalisation, lambda _: bar.advance(bar.task_ids[0]))
    templates = sum(len(vectors) for vectors in people.values())
    made = Report(store.space, len(people), templates, found, _pack(settings, store.space), rates)
    if report is not None:
        write_calibration_page(made, report)
    if as_json:
        print_json(calibration_document(made))
    else:
        say_calibration(made, report)
    return 0


def calibrating() -> Progress:
    """A bar over the sixteen cells."""
    return progress("Kalibrasi · calibrating", 16)


def _pack(settings: Settings, space: EmbeddingSpace) -> PackInfo | None:
    """Who made the vectors, where that pack is at hand: its own table is only shown beside the gallery's."""
    from hadir.app.serving_pack import pack_for_space
    from hadir.core.errors import HadirError

    try:
        return pack_for_space(settings, space).info
    except HadirError:
        return None
