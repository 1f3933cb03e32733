"""Let the gallery serve as it is now: seconds after an enrolment or an erasure, without a restart."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path

from hadir.core.clock import Clock
from hadir.core.errors import SnapshotError
from hadir.core.settings import Settings
from hadir.index.fresh_snapshot import Fresh, build_fresh
from hadir.index.gallery import Gallery
from hadir.index.manifest import read_manifest
from hadir.index.pointers import read_pointers, resolve
from hadir.index.promotion import Note, refresh_noted
from hadir.index.space import require_same_space

__all__ = ["require_served", "serve_fresh"]

_TRIES = 3


def require_served(settings: Settings, gallery: Gallery) -> None:
    """Before the work of an enrolment: that what it adds to can serve.

    Raises:
        SnapshotError: nothing serves yet, or what does is damaged.
        SpaceMismatch: what serves is of another embedding space.
    """
    manifest = read_manifest(resolve(Path(settings.stores.snapshots)))
    require_same_space("the snapshot that serves", manifest.space.name, gallery.space.name)


def serve_fresh(
    settings: Settings, gallery: Gallery, *, by: str, reason: str, clock: Clock, erased: Collection[str] = ()
) -> Fresh:
    """Build and let serve; a running pipeline takes it within `stores.watch_s`, between two batches.

    Where the calibration should be measured anew, that happens after the people serve, and takes up to a minute.

    Where another command changes what serves meanwhile, it is built again from that, three times at most.

    No gates: the pack and the thresholds are those that serve, and nobody but the `erased` leaves. What one can go
    back to stays what it was.

    Raises what `build_fresh` and `refresh_noted` raise; then what served serves on.
    """
    root = Path(settings.stores.snapshots)

    def serve(measure: bool, tries: int = _TRIES) -> Fresh:
        fresh = build_fresh(root, gallery, clock.now_ms(), version("hadir"), erased=erased, measure=measure)
        try:
            refresh_noted(root, fresh.path.name, Note(clock.now_ms(), by, reason), fresh.seen)
        except SnapshotError:
            if tries == 1 or read_pointers(root).generation == fresh.seen:
                raise
            return serve(measure, tries - 1)
        return fresh

    fresh = serve(measure=False)
    return serve(measure=True) if fresh.outdated else fresh
