"""Forget a person: photos, templates of every embedding space, refusals, and every snapshot that still holds them."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hadir.app.fresh import serve_fresh
from hadir.app.gate_run import limits_of
from hadir.app.reindex_folder import reindex_chunks
from hadir.app.replica_wait import wait_for_replicas
from hadir.app.stores import enrolments
from hadir.core.clock import Clock
from hadir.core.errors import InputError, SnapshotError
from hadir.core.settings import Settings
from hadir.index.acknowledgements import Agreement
from hadir.index.enrolments import Enrolments
from hadir.index.erasures import Erased, digest_of_names, note_erasure
from hadir.index.galleries import galleries, only_gallery
from hadir.index.pointers import discard, read_pointers, retire, snapshot_folder, snapshot_ids
from hadir.index.refusals import Refusals
from hadir.index.snapshot_diff import enrolled

__all__ = ["Erasure", "erase"]

_WAIT_S = 10.0
"""A running pipeline looks every half second and takes a second to load (stores.watch_s)."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was removed; `serving` is the snapshot that serves instead, None where the person was not in it.

    `candidate` says that the candidate was among the snapshots that were deleted. `agreement` is how running pipelines
    stood with the new one when the old ones were deleted; None where the person did not serve.
    """

    record: Erased
    snapshots: tuple[str, ...]
    serving: str | None
    candidate: bool
    agreement: Agreement | None

    def as_json(self) -> dict[str, object]:
        """For machines; the person is not named."""
        record = self.record
        return {
            "erasure": record.erasure,
            "at_ms": record.at_ms,
            "by": record.by,
            "reason": record.reason,
            "templates": record.templates,
            "photos": record.photos,
            "refusals": record.refusals,
            "snapshots": list(self.snapshots),
            "reindex_chunks": record.chunks,
            "serving": self.serving,
            "candidate_deleted": self.candidate,
            "replicas": None if self.agreement is None else asdict(self.agreement),
            "not_touched": ["ledger evidence", "photos of cases", "your own files and backups"],
        }


def erase(
    settings: Settings, person: str, *, reason: str, by: str, clock: Clock, sleep: Callable[[float], None]
) -> Erasure:
    """Remove everything that the enrolment of `person` left, then record it. What a kill cut off is done by the next.

    Running pipelines get ten seconds to let go of the old snapshot before it is deleted. After the last person was
    erased a snapshot of nobody serves.

    The ledger's evidence, photos of cases and the operator's own files are not touched.

    Raises:
        InputError: nothing is held of such a person.
        GalleryError: an enrolment is running, or a file is damaged.
        SnapshotError: the snapshot that serves cannot be replaced; the person is erased from the stores then, and
            still serves: the message says what to do.
        StoreUnavailable: a store does not answer; ask again.
    """
    root = Path(settings.stores.snapshots)
    place = enrolments(settings)
    with place.exclusive():
        if not _holding(root, person) and not _held(place, person):
            raise InputError(f"nothing is held of person {person!r}: check the id (hadir gallery status)")
        begun = Erased(str(uuid.uuid4()), "begun", clock.now_ms(), by, reason)
        note_erasure(root, begun)
        forgotten = place.forget(person)
        chunks = _forget_chunks(settings)
        serving = _replace_current(settings, place, person, by=by, erasure=begun.erasure, clock=clock)
        agreement = None
        if serving is not None:
            stale_s = limits_of(settings).replicas.stale_after_s
            agreement = wait_for_replicas(root, serving, _WAIT_S, stale_s, clock=clock, sleep=sleep)
        candidate = read_pointers(root).candidate in (holding := _holding(root, person))
        _delete(root, holding)
        done = replace(
            begun,
            event="done",
            at_ms=clock.now_ms(),
            templates=forgotten.templates,
            photos=len(forgotten.photos),
            refusals=forgotten.refusals,
            snapshots=len(holding),
            chunks=chunks,
            names_sha256=digest_of_names((*forgotten.photos, *holding)),
        )
        note_erasure(root, done)
    return Erasure(done, tuple(holding), serving, candidate, agreement)


def _held(place: Enrolments, person: str) -> bool:
    return any(
        person in gallery.owners().values() or any(one.person == person for one in Refusals(gallery.storage).all())
        for gallery in galleries(place.root)
    )


def _holding(root: Path, person: str) -> list[str]:
    """Snapshots that hold this person, or that are too damaged to tell."""
    holding = []
    for snapshot in snapshot_ids(root):
        try:
            if person in enrolled(snapshot_folder(root, snapshot)).people:
                holding.append(snapshot)
        except SnapshotError:
            holding.append(snapshot)
    return holding


def _replace_current(
    settings: Settings, place: Enrolments, person: str, *, by: str, erasure: str, clock: Clock
) -> str | None:
    """Let a snapshot without the person serve, where the one that serves holds them; returns its id.

    Another command may promote one that holds them meanwhile: then that one is replaced as well.
    """
    root = Path(settings.stores.snapshots)
    serving = None
    while (current := read_pointers(root).current) is not None and current in _holding(root, person):
        try:
            gallery = only_gallery(place.root, enrolled(snapshot_folder(root, current)).manifest.space.name)
            reason = f"erasure {erasure}"
            serving = serve_fresh(settings, gallery, by=by, reason=reason, clock=clock, erased={person}).path.name
        except (InputError, SnapshotError) as err:
            raise SnapshotError(
                f"the person is erased from photos and gallery, but snapshot {current} still serves them ({err}): "
                "mend that or let another one serve (hadir index build, hadir index promote --force), then erase again"
            ) from err
    return serving


def _delete(root: Path, snapshots: list[str]) -> None:
    """Snapshots, and what builds and deletions that were cut off have left, which may hold anybody.

    A build that is running loses its folder and says so: it read the gallery before.
    """
    if snapshots:
        retire(root, snapshots)
        discard(root, snapshots)
    for pattern in (".building-*", ".deleting-*"):
        for left in root.glob(pattern):
            shutil.rmtree(left)


def _forget_chunks(settings: Settings) -> int:
    """Delete the finished work of a re-embedding that has not ended: it holds vectors of everybody, and is done again.

    Returns how many files that were.
    """
    chunks = reindex_chunks(settings)
    return sum(chunks.delete(name) for name in chunks.names())
