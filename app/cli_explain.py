"""`hadir explain`: why a check-in was decided as it was."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadir.app.options import Config, Json, LedgerUrl, settings_of
from hadir.app.output import lines, out, print_json
from hadir.core.errors import ConfigError, InputError

if TYPE_CHECKING:
    from hadir.attendance.units import Units
    from hadir.core.settings import Settings

__all__ = ["register"]

_DONE, _PARTLY = 0, 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain", epilog="Example:  hadir explain 6555cac0-1f99-4e67-b7a6-04d5cd63bde9")(explain)


def explain(
    check_in: Annotated[str, typer.Argument(metavar="CHECK_IN_ID", help="The id that the client made.")],
    reviewer: Annotated[bool, typer.Option("--reviewer", help="Also whom else the face resembles.")] = False,
    photos: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Put the case's photos there, readable by you alone.")
    ] = None,
    ledger: LedgerUrl = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Show claim, measurements, thresholds, verdict and versions of one check-in, with every later revision."""
    from hadir.app.explanation import document
    from hadir.app.explanation import explain as explained
    from hadir.app.laid_out_photos import lay_out
    from hadir.app.stores import case_photo_storage
    from hadir.app.wiring import existing_ledger
    from hadir.pipeline.case_photos import CasePhotos

    settings = settings_of(config)
    with closing(existing_ledger(ledger or settings.ledger.url)) as store:
        rows = store.revisions(check_in.strip().lower())
        if not rows:
            raise InputError(f"no check-in {check_in} in this ledger: look up the id in `hadir ledger export`")
        found = [(row, store.evidence(row.id, row.revision)) for row in rows]
    laid_out = None if photos is None else lay_out(CasePhotos(case_photo_storage(settings)), found[0][1], photos)
    code = _PARTLY if laid_out == [] else _DONE
    if as_json:
        revisions = [document(row, body, reviewer) for row, body in found]
        print_json({"id": rows[0].id, "revisions": revisions} | ({} if laid_out is None else {"photos": laid_out}))
        return code
    units = _units(settings)
    for number, (row, body) in enumerate(found):
        if number:
            out.print()
        lines(explained(row, body, reviewer, units))
    for file in laid_out or ():
        out.print(f"foto · photo: {file}", markup=False)
    if laid_out == []:
        out.print("Foto tidak disimpan · no photo is kept: only those of cases are, until their evidence is erased.")
    return code


def _units(settings: Settings) -> Units | None:
    """Whose clocks are known; a ledger is explained also where the site's files are not at hand."""
    from hadir.attendance.units import Units

    try:
        return Units.load(Path(settings.attendance.units))
    except ConfigError:
        return None
