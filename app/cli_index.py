"""`hadir index`: snapshots that searches are served from."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from hadir.app.options import Config, Json, settings_of
from hadir.app.output import lines, out, print_json

__all__ = ["register"]

_DONE, _GATE_FAILED = 0, 4

Gallery = Annotated[str | None, typer.Option(help="Folder or URI of galleries. Default: the settings'.")]
Space = Annotated[str | None, typer.Option(help="Embedding space, where there are several galleries.")]
Place = Annotated[
    Path | None, typer.Argument(metavar="[SNAPSHOT]", help="A snapshot, or a folder of them: the current.")
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Build, look at and verify index snapshots.")
    group.command("build", epilog="Example:  hadir index build --gallery var/gallery")(build)
    group.command("show", epilog="Example:  hadir index show")(show)
    group.command("verify", epilog="Example:  hadir index verify var/snapshots")(verify)
    app.add_typer(group, name="index")


def build(
    gallery: Gallery = None,
    space: Space = None,
    snapshots: Annotated[
        Path | None, typer.Option("--out", help="Folder of snapshots. Default: the settings'.")
    ] = None,
    synthetic: Annotated[int, typer.Option(min=0, max=1_000_000, help="People who are not real, for rehearsals.")] = 0,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Build a snapshot of the whole gallery, check it, and let it serve from the next start on."""
    from hadir.app.stores import gallery_root, pack_folder
    from hadir.core.clock import SystemClock
    from hadir.faces.packs import load_pack
    from hadir.index.galleries import only_gallery
    from hadir.index.pointers import promote
    from hadir.index.snapshot_build import build_snapshot
    from hadir.index.synthetic import draw_people, read_statistics

    settings = settings_of(config)
    store = only_gallery(gallery_root(settings, gallery), space)
    drawn = None
    if synthetic:
        info = load_pack(pack_folder(settings), settings.faces.precision).info
        drawn = draw_people(
            read_statistics(info.statistics or Path("statistics.npz"), info.precision), synthetic, seed=0
        )
    root = snapshots or Path(settings.stores.snapshots)
    path = build_snapshot(root, store, SystemClock().now_ms(), version("hadir"), synthetic=drawn)
    promote(root, path.name)
    return _tell(path, as_json)


def show(place: Place = None, config: Config = None, as_json: Json = False) -> int:
    """What a snapshot holds, and which similarity its own people support for which rate."""
    from hadir.index.pointers import resolve

    return _tell(resolve(place or Path(settings_of(config).stores.snapshots)), as_json)


def verify(place: Place = None, config: Config = None, as_json: Json = False) -> int:
    """Every checksum, count and self-test of a snapshot; exit code 4 when one fails."""
    from hadir.index.pointers import resolve
    from hadir.index.snapshot import verify_snapshot

    path = resolve(place or Path(settings_of(config).stores.snapshots))
    checks = verify_snapshot(path)
    sound = all(check.problem is None for check in checks)
    if as_json:
        told = [{"name": check.name, "problem": check.problem} for check in checks]
        print_json({"snapshot": path.name, "sound": sound, "checks": told})
    else:
        lines((check.name, check.problem or "ok") for check in checks)
    return _DONE if sound else _GATE_FAILED


def _tell(path: Path, as_json: bool) -> int:
    from hadir.index.snapshot import load_snapshot

    snapshot = load_snapshot(path)
    manifest, table = snapshot.manifest, snapshot.calibration.table
    supported = {rate: {c: t for c, t in cells.items() if t is not None} for rate, cells in table.similarity.items()}
    supported = {rate: cells for rate, cells in supported.items() if cells}
    if as_json:
        print_json(
            {
                "snapshot": manifest.id,
                "folder": str(path),
                "embedding_space": manifest.space.name,
                "pack": manifest.space.pack,
                "precision": manifest.space.precision,
                "licence": manifest.space.licence,
                "people": manifest.people,
                "templates": manifest.templates,
                "synthetic": manifest.synthetic,
                "similarity_at_fmr": supported,
            }
        )
        return _DONE
    lines(
        [
            ("snapshot", f"{manifest.id} in {path}"),
            ("people", f"{manifest.people} with {manifest.templates} templates, and {manifest.synthetic} synthetic"),
            ("pack", f"{manifest.space.pack} {manifest.space.precision}, {manifest.space.licence}"),
            ("embedding space", manifest.space.name),
        ]
    )
    out.print("Own calibration (probe photos / template photos: cosine similarity):")
    for rate, cells in supported.items():
        out.print(f"  FMR {rate}: " + ", ".join(f"{cell}: {value:.4f}" for cell, value in cells.items()))
    if not supported:
        out.print("  not enough data for any rate: the pack's own table serves.")
    return _DONE
