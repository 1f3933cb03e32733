"""`hadir enroll`: photos of people become templates in the gallery."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadir.app.options import Config, Json, Pack, settings_of
from hadir.app.output import err, out, print_json, progress

if TYPE_CHECKING:
    from hadir.app.enrolment import Enrolled
    from hadir.index.fresh_snapshot import Fresh

__all__ = ["register"]

_DONE, _ERROR, _PARTLY = 0, 1, 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "enroll", epilog="Example:  hadir enroll photos/ --legal-basis 'UU 27/2022 Art. 20(2)e' --notice-version 2026-1"
    )(enroll)


def enroll(
    photos: Annotated[
        Path,
        typer.Argument(
            metavar="PHOTOS", help="A folder per person, or a CSV: person,photo[,legal_basis,notice_version]."
        ),
    ],
    gallery: Annotated[str | None, typer.Option(help="Folder or URI of galleries. Default: the settings'.")] = None,
    legal_basis: Annotated[
        str | None, typer.Option(help="On what ground these faces may be processed, where the CSV does not say.")
    ] = None,
    notice_version: Annotated[
        str | None, typer.Option(help="Which privacy notice these people were shown, where the CSV does not say.")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Let a running pipeline know these people within seconds.")
    ] = False,
    pack: Pack = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Keep photos and their templates; every refused one gets a line with its reason. Exit code 3 when some were.

    Killed, it has kept what it had done; run it again and it goes on there. Without --pack, people are enrolled in the
    embedding space that serves.
    """
    from hadir.app.enrolling_pack import enrolling_pack
    from hadir.app.enrolment import enrol
    from hadir.app.fresh import require_served, serve_fresh
    from hadir.app.operator_name import operator_name
    from hadir.app.photo_list import left_out, list_photos
    from hadir.app.stores import enrolments, space_of
    from hadir.core.clock import SystemClock
    from hadir.index.galleries import gallery_at
    from hadir.index.templates import Grounds

    settings = settings_of(config)
    listed = list_photos(photos)
    loaded = enrolling_pack(settings, pack)
    place = enrolments(settings, gallery)
    store = gallery_at(place.root, space_of(loaded.info))
    grounds, clock = Grounds(legal_basis, notice_version), SystemClock()
    if serve:
        require_served(settings, store)
    with progress("Wajah didaftarkan · enrolling", len(listed)) as bar:

        def advance(photos: int) -> None:
            bar.advance(bar.task_ids[0], photos)

        done = enrol(listed, loaded, place, store, grounds=grounds, clock=clock, advance=advance)
    fresh = None
    if serve and done.people:
        fresh = serve_fresh(
            settings, store, by=operator_name(), reason=f"enrolled {len(done.people)} people", clock=clock
        )
    _tell(done, len(listed), left_out(photos), store.space.name, fresh, as_json)
    if not done.refused:
        return _DONE
    return _PARTLY if done.people else _ERROR


def _tell(done: Enrolled, listed: int, passed_over: int, space: str, fresh: Fresh | None, as_json: bool) -> None:
    from hadir.app.enrolment_wording import advice

    for refused in done.refused:
        says = advice(refused.reason)
        also = f" [{', '.join(refused.also)}]" if refused.also else ""
        err.print(f"{refused.person}/{refused.photo}: {refused.reason}{also} · {says.id} ({says.en})", markup=False)
    if as_json:
        print_json(
            {
                "people": len(done.people),
                "templates_added": done.added,
                "templates_repeated": done.repeated,
                "templates_without_legal_basis": done.ungrounded,
                "templates_grounded": done.grounded,
                "photos": listed,
                "refused": [asdict(refused) for refused in done.refused],
                "left_out": passed_over,
                "embedding_space": space,
                "serving": None if fresh is None else fresh.path.name,
                "calibration": None if fresh is None else "carried" if fresh.carried else "measured",
            }
        )
        return
    out.print(
        f"{done.added} templat dari {len(done.people)} orang ditambahkan, {done.repeated} sudah ada, "
        f"{len(done.refused)} dari {listed} foto ditolak · {done.added} templates of {len(done.people)} people added, "
        f"{done.repeated} were there already, {len(done.refused)} of {listed} photos refused."
    )
    if done.grounded:
        out.print(
            f"Dasar hukum atau pemberitahuan kini dicatat pada {done.grounded} templat lama · recorded now on "
            f"{done.grounded} earlier templates: legal basis or notice."
        )
    if passed_over:
        out.print(
            f"{passed_over} berkas lain dilewati · {passed_over} other files left out: hidden ones, lists and notes, "
            "and what does not lie directly in a person's folder."
        )
    if fresh is not None:
        kept = "kalibrasi dibawa · calibration carried over" if fresh.carried else "kalibrasi baru · calibrated anew"
        out.print(f"Snapshot {fresh.path.name} kini melayani · serves now ({kept}).")
    if done.ungrounded:
        out.print(
            f"Dasar hukum {done.ungrounded} templat belum dicatat · {done.ungrounded} templates name no legal basis: "
            "--legal-basis and --notice-version record them."
        )
