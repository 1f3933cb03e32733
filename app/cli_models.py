"""`hadir models`: the face packs of this site."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hadir.app.options import Config, Json, settings_of, wrong_use
from hadir.app.output import err, lines, out, print_json
from hadir.core.errors import InputError, PackError

if TYPE_CHECKING:
    from hadir.core.settings import Settings
    from hadir.faces.model_fetch import Progress
    from hadir.faces.model_licence import Licence
    from hadir.faces.model_store import StoredPack

__all__ = ["register"]

_DONE, _GATE_FAILED = 0, 4

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the pack is called here.")]
Front = Annotated[
    Literal["open", "own"],
    typer.Option(help="What finds faces: the open pack's detector and mesh, or the pack's own detector."),
]
Accept = Annotated[bool, typer.Option("--accept-licence", help="You have read the licence that is shown, and keep it.")]
Sha256 = Annotated[str | None, typer.Option(metavar="HEX", help="The archive's SHA-256, where you know it.")]


_LICENCE_LINES = 20
"""Of a licence's text so much is shown; the pack's own file has it all."""

_VOUCHED = {
    "lock": "as Hadir's lock says",
    "pin": "as at the first fetch",
    "operator": "as --sha256 said",
    "nobody": "nobody vouches for it: compare it with its publisher's; pinned from now on",
}


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Fetch, add, verify and remove face packs.")
    group.command("list", epilog="Example:  hadir models list")(list_)
    group.command("fetch", epilog="Example:  hadir models fetch buffalo_l --accept-licence")(fetch)
    group.command("add", epilog="Example:  hadir models add ours --from-dir models/ours --front own --accept-licence")(
        add
    )
    group.command("verify", epilog="Example:  hadir models verify buffalo_l")(verify)
    group.command("show", epilog="Example:  hadir models show buffalo_l --json")(show)
    group.command("remove", epilog="Example:  hadir models remove buffalo_l")(remove)
    app.add_typer(group, name="models")


def list_(config: Config = None, as_json: Json = False) -> int:
    """The packs that are stored here, and those that can be fetched by name."""
    from hadir.app.stores import model_store
    from hadir.faces.model_lock import known_packs

    settings = settings_of(config)
    store = model_store(settings)
    stored, damaged = {pack.name: pack for pack in store.packs()}, store.damaged()
    known = [pack for pack in known_packs().values() if pack.name not in {*stored, *damaged}]
    if as_json:
        print_json(
            {
                "serving_pack": settings.faces.pack,
                "stored": [_document(pack) for pack in stored.values()],
                "damaged": damaged,
                "to_fetch": [
                    {"name": p.name, "url": p.url, "models": p.models, "licence": p.licence, "sha256": p.sha256}
                    for p in known
                ],
            }
        )
        return _DONE
    out.print(f"Tersimpan · stored in {store.root}:", markup=False)
    own = [("open", "inside Hadir, nothing to fetch")]
    lines(
        own + [(p.name, f"front {p.record.front}, {p.record.dimension}-d; {p.record.licence}") for p in stored.values()]
    )
    lines((name, f"RUSAK · damaged: {problem}") for name, problem in damaged.items())
    for licence in dict.fromkeys(pack.licence for pack in known):
        out.print(f"Dapat diambil · can be fetched, {licence}:", markup=False)
        lines((p.name, f"{p.models}{_size(p.bytes)}") for p in known if p.licence == licence)
    return _DONE


def fetch(
    name: Name,
    front: Front = "open",
    sha256: Sha256 = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="From a mirror, or any pack of your own.")] = None,
    accept_licence: Accept = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Download a pack, check it and store it; goes on where an earlier download stopped."""
    from hadir.app.model_intake import Intake, Wish
    from hadir.app.stores import model_store
    from hadir.core.clock import SystemClock

    wish = Wish(name, front, _hex(sha256))
    intake = Intake(model_store(settings_of(config)), _approval(name, accept_licence), SystemClock())
    with _download_bar(name) as progress:
        pack = intake.fetch(wish, url, progress)
    return _tell(pack, as_json)


def add(
    name: Name,
    from_dir: Annotated[Path | None, typer.Option(metavar="FOLDER", help="A folder with the models.")] = None,
    from_zip: Annotated[Path | None, typer.Option(metavar="FILE", help="A zip with the models.")] = None,
    front: Front = "open",
    sha256: Sha256 = None,
    accept_licence: Accept = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Store a pack that you bring: for sites without a network, and for models of your own."""
    from hadir.app.model_intake import Intake, Wish
    from hadir.app.stores import model_store
    from hadir.core.clock import SystemClock

    if (source := from_dir or from_zip) is None or (from_dir and from_zip):
        raise wrong_use("give either --from-dir FOLDER or --from-zip FILE")
    if from_dir is not None and not from_dir.is_dir():
        raise InputError(f"there is no folder {from_dir}: name one with a pack's models")
    wish = Wish(name, front, _hex(sha256))
    intake = Intake(model_store(settings_of(config)), _approval(name, accept_licence), SystemClock())
    return _tell(intake.bring(wish, source), as_json)


def verify(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One pack; without it, all.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Every file of the stored packs against its checksum; exit code 4 when one was altered."""
    from hadir.app.stores import model_store

    store = model_store(settings_of(config))
    found: dict[str, str | None] = {}
    for one in store.names() if name is None else [name]:
        try:
            if one not in store.names():
                raise InputError(f"no pack {one[:80]!r} is stored: hadir models list shows which are")
            store.verify(one)
            found[one] = None
        except PackError as error:
            found[one] = str(error)
    sound = all(problem is None for problem in found.values())
    if as_json:
        print_json({"sound": sound, "packs": [{"name": one, "problem": problem} for one, problem in found.items()]})
    elif found:
        lines((one, problem or "utuh · ok") for one, problem in found.items())
    else:
        out.print(f"Belum ada paket · no pack is stored in {store.root}.", markup=False)
    return _DONE if sound else _GATE_FAILED


def show(name: Name, config: Config = None, as_json: Json = False) -> int:
    """Where a stored pack came from, under which licence, who accepted it, and what it makes."""
    from hadir.app.stores import model_store

    return _tell(model_store(settings_of(config)).get(name), as_json)


def remove(name: Name, config: Config = None, as_json: Json = False) -> int:
    """Delete a stored pack, unless the settings need it, or a snapshot that serves, waits or can be gone back to."""
    from hadir.app.stores import model_store

    settings = settings_of(config)
    store = model_store(settings)
    with suppress(PackError):  # a damaged pack serves nobody: deleting it is the first step of the remedy
        _require_unused(settings, store.verify(name))
    store.remove(name)
    if as_json:
        print_json({"removed": name})
    else:
        out.print(f"Paket {name} dihapus · removed.", markup=False)
    return _DONE


def _require_unused(settings: Settings, pack: StoredPack) -> None:
    from hadir.index.manifest import read_manifest
    from hadir.index.pointers import read_pointers, snapshot_folder

    if settings.faces.pack == pack.name:
        raise InputError(f"pack {pack.name} is the settings' (faces.pack): name another one there first")
    root = Path(settings.stores.snapshots)
    pointers = read_pointers(root)
    for snapshot in (pointers.current, pointers.candidate, pointers.previous):
        if snapshot and read_manifest(snapshot_folder(root, snapshot)).space.name == pack.embedding_space:
            raise InputError(
                f"pack {pack.name} is needed by snapshot {snapshot} ({pointers.role(snapshot)}): nobody could serve it "
                "without the pack; promote another one or prune it first"
            )


def _approval(name: str, accepted: bool) -> Callable[[Licence], None]:
    """Show a licence once, on standard error; without --accept-licence it is wrong use to go on."""
    shown: set[str] = set()

    def approve(licence: Licence) -> None:
        for text in (licence.text or licence.name,):
            if text not in shown:
                shown.add(text)
                head, *more = text.strip().split("\n", _LICENCE_LINES)
                told = [head, *more[: _LICENCE_LINES - 1]]
                err.print(f"Lisensi · licence of {name}: " + "\n".join(told), markup=False)
                if len(more) == _LICENCE_LINES:
                    err.print(f"… selengkapnya · the whole text: {licence.file}", markup=False)
        if not accepted:
            raise wrong_use(
                f"lisensi {name} belum diterima · its licence is not accepted ({licence.name}): read it, then say "
                "--accept-licence once"
            )

    return approve


def _hex(sha256: str | None) -> str | None:
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise wrong_use(f"--sha256 {sha256[:80]!r}: expected 64 hex digits")
    return sha256


@contextmanager
def _download_bar(name: str) -> Iterator[Progress]:
    """Bytes, speed and time left, on standard error; silent where that is no terminal."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(f"Mengambil · fetching {name}", total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)


def _tell(pack: StoredPack, as_json: bool) -> int:
    if as_json:
        print_json(_document(pack))
        return _DONE
    record = pack.record
    archive = record.archive
    rows = [
        ("paket · pack", f"{pack.name} in {pack.folder}"),
        ("asal · source", record.source),
        ("lisensi · licence", f"{record.licence}; accepted by {record.accepted_by} {_date(record.accepted_at_ms)}"),
        ("depan · front", record.front),
        ("vektor · vectors", f"{record.dimension} numbers, embedding space {record.embedding_space}"),
    ]
    if archive is not None:
        says = _VOUCHED[archive.known_by]
        rows.append(("arsip · archive", f"SHA-256 {archive.sha256}, {archive.bytes} bytes; {says}"))
    rows += [("berkas · file", f"{name} {file.sha256[:16]}…{_size(file.bytes)}") for name, file in record.files.items()]
    if record.left_out:
        rows.append(("ditinggalkan · left out", ", ".join(record.left_out)))
    lines(rows)
    return _DONE


def _document(pack: StoredPack) -> dict[str, object]:
    from dataclasses import asdict

    return {"folder": str(pack.folder), **asdict(pack.record)}


def _date(at_ms: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _size(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f", {size_bytes / 1e6:.1f} MB"
