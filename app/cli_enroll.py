"""`hadir enroll`: photos of people become templates in the gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hadir.app.options import Config, Json, Pack, settings_of
from hadir.app.output import err, out, print_json, progress

__all__ = ["register"]

_DONE, _ERROR, _PARTLY = 0, 1, 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("enroll", epilog="Example:  hadir enroll photos/ --gallery var/gallery")(enroll)


def enroll(
    photos: Annotated[Path, typer.Argument(metavar="PHOTOS", help="A folder per person, or a CSV: person,photo.")],
    gallery: Annotated[str | None, typer.Option(help="Folder or URI of galleries. Default: the settings'.")] = None,
    pack: Pack = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Add photos to the gallery; every refused one gets a line with its reason. Exit code 3 when some were refused."""
    from hadir.app.enrolment import enrol
    from hadir.app.photo_list import list_photos
    from hadir.app.stores import gallery_root, space_of
    from hadir.attendance.wording import coaching
    from hadir.core.clock import SystemClock
    from hadir.faces.packs import load_pack
    from hadir.index.galleries import gallery_at

    settings = settings_of(config)
    listed = list_photos(photos)
    loaded = load_pack(pack or settings.faces.pack, settings.faces.precision)
    info = loaded.info
    store = gallery_at(gallery_root(settings, gallery), space_of(info))
    with progress("Wajah didaftarkan · enrolling", len(listed)) as bar:
        done = enrol(listed, loaded, store, SystemClock().now_ms(), lambda n: bar.advance(bar.task_ids[0], n))
    for refused in done.refused:
        says = coaching(refused.reason)
        err.print(f"{refused.person}/{refused.photo}: {refused.reason.value} · {says.id} ({says.en})", markup=False)
    if as_json:
        print_json(
            {
                "people": done.people,
                "templates_added": done.added,
                "templates_repeated": done.repeated,
                "photos": len(listed),
                "refused": [{"person": r.person, "photo": r.photo, "reason": r.reason.value} for r in done.refused],
                "embedding_space": info.embedding_space,
            }
        )
    else:
        out.print(
            f"{done.added} templates of {done.people} people added, {done.repeated} were there already, "
            f"{len(done.refused)} of {len(listed)} photos refused."
        )
    if not done.refused:
        return _DONE
    return _PARTLY if done.people else _ERROR
