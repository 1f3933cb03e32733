"""`hadir evaluate`: how often a pack mistakes on photos of your own."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadir.app.options import Config, Json, Pack, settings_of, wrong_use
from hadir.app.output import err, lines, out, print_json
from hadir.core.errors import InputError, SnapshotError

if TYPE_CHECKING:
    from hadir.app.embedded_photos import Embedded
    from hadir.app.evaluation_run import Cohort, Worn
    from hadir.app.photo_list import PersonPhoto
    from hadir.core.settings import Settings
    from hadir.faces.pack import FacePack, PackInfo

__all__ = ["register"]


class _Occlude(StrEnum):
    """The same words as `faces.occlusion.Occlusion`, without its imports in front of every --help."""

    HIJAB = "hijab"
    MASK = "mask"
    GLASSES = "glasses"
    SUNGLASSES = "sunglasses"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate", epilog="Example:  hadir evaluate photos/ --photos-per-template 3 --report accuracy.html")(
        evaluate
    )


def evaluate(
    photos: Annotated[Path, typer.Argument(metavar="PHOTOS", help="A folder per person, or a CSV: person,photo.")],
    photos_per_template: Annotated[int, typer.Option(min=1, max=20, help="Fuse the first K photos of a person.")] = 1,
    photos_per_probe: Annotated[int, typer.Option(min=1, max=4, help="Fuse P photos, as a check-in may.")] = 1,
    cohort: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Photos of other people: scores also normalised (AS-norm).")
    ] = None,
    slices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A CSV (person, any columns): rates per value.")
    ] = None,
    occlude: Annotated[_Occlude | None, typer.Option(help="Draw this on the faces of the probes.")] = None,
    occlude_both: Annotated[bool, typer.Option("--occlude-both", help="On the enrolled photos as well.")] = False,
    draw: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the first drawings, to look at.")] = None,
    quality: Annotated[bool, typer.Option("--quality", help="Leave out photos that enrolment would refuse.")] = False,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="An HTML page with plots and tables.")] = None,
    pack: Pack = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Compare all pairs: EER, FNMR at fixed FMRs with 95 % intervals over people, searches, whom to look at.

    Without --pack the settings' pack is measured; where another one serves, that is said.
    """
    if occlude is None and (occlude_both or draw is not None):
        raise wrong_use("--occlude-both and --draw go with --occlude: say what is to be drawn")
    _check_place(report, "--report", folder=False)
    _check_place(draw, "--draw", folder=True)
    from hadir.app.embedded_photos import embed
    from hadir.app.evaluation_document import document_of
    from hadir.app.evaluation_run import evaluate_all
    from hadir.app.evaluation_summary import summary_of
    from hadir.app.photo_list import list_photos
    from hadir.app.slice_columns import read_columns
    from hadir.app.stores import pack_folder
    from hadir.faces.packs import load_pack

    settings = settings_of(config)
    listed = list_photos(photos)
    others = list_photos(cohort) if cohort is not None else []
    loaded = load_pack(pack_folder(settings, pack), settings.faces.precision if pack is None else "auto")
    if pack is None:
        _note_what_serves(settings, loaded.info)
    embedded = embed(loaded, listed, quality)
    found = evaluate_all(
        loaded.info,
        photos.name,
        embedded,
        photos_per_template,
        photos_per_probe,
        cohort=None if cohort is None else _cohort(cohort, others, {photo.person for photo in listed}, loaded),
        columns=None if slices is None else read_columns(slices, sorted(set(embedded.labels))),
        wearing=None if occlude is None else _wearing(loaded, embedded, occlude, occlude_both, draw),
    )
    if report is not None:
        from hadir.app.accuracy_report import write_accuracy_page

        write_accuracy_page(found, report)
    if as_json:
        print_json(document_of(found))
        return 0
    for title, rows in summary_of(found):
        out.print(title, markup=False)
        lines(rows)
    out.print(f"Plots and tables: {report}" if report else "A page with plots and tables: --report FILE", markup=False)
    return 0


def _note_what_serves(settings: Settings, measured: PackInfo) -> None:
    """No pack was named, so the settings' is measured, also where another one serves: then that is said."""
    from hadir.index.manifest import read_manifest
    from hadir.index.pointers import read_pointers, snapshot_folder

    root = Path(settings.stores.snapshots)
    try:
        if (current := read_pointers(root).current) is None:
            return
        serves = read_manifest(snapshot_folder(root, current)).space
    except SnapshotError:  # an evaluation needs none
        return
    if serves.name != measured.embedding_space:
        err.print(
            f"Diukur · measured: {measured.name} {measured.precision}, the settings' pack. Yang dipakai · what serves: "
            f"{serves.pack} {serves.precision}, --pack names it.",
            markup=False,
        )


def _check_place(path: Path | None, option: str, folder: bool) -> None:
    """Before minutes of work, not after them."""
    if path is None:
        return
    place = path if folder else path.parent
    if not place.is_dir():
        raise InputError(f"{option} {path}: there is no folder {place}; make it first")
    if not folder and path.is_dir():
        raise InputError(f"{option} {path} is a folder, expected the name of a file in it")


def _cohort(source: Path, listed: list[PersonPhoto], tested: set[str], pack: FacePack) -> Cohort:
    """Everybody in `source` who is not tested: nobody may be normalised against themselves."""
    from hadir.app.embedded_photos import embed, fused_people
    from hadir.app.evaluation_run import Cohort

    kept = [photo for photo in listed if photo.person not in tested]
    excluded = len({photo.person for photo in listed}) - len({photo.person for photo in kept})
    return Cohort(source.name, fused_people(embed(pack, kept)), excluded)


def _wearing(pack: FacePack, embedded: Embedded, kind: _Occlude, both: bool, examples: Path | None) -> Worn:
    from hadir.app.embedded_photos import embed_occluded
    from hadir.app.evaluation_run import Worn
    from hadir.faces.occlusion import Occlusion

    vectors, found = embed_occluded(pack, embedded.photos, Occlusion(kind.value), examples)
    return Worn(kind.value, vectors, found, both)
