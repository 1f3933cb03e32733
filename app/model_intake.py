"""A face pack on its way into the store: fetched or brought, its digest and licence settled, then added."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hadir.app.operator_name import operator_name
from hadir.core.clock import Clock
from hadir.core.errors import InputError, PackError
from hadir.faces.manifest import PackFile
from hadir.faces.model_fetch import Progress, fetch
from hadir.faces.model_licence import Licence, licence_of
from hadir.faces.model_lock import known_packs
from hadir.faces.model_store import Acceptance, ModelStore, Origin, StoredPack
from hadir.faces.pack_record import Archive, FrontKind, PackRecord

__all__ = ["Intake", "Wish"]

DOWNLOADS = ".downloads"

Approve = Callable[[Licence], None]
"""Shows a licence; raises where nobody has accepted it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to call a pack, what stands before its recogniser, and its archive's SHA-256 where the operator knows it."""

    name: str
    front: FrontKind = "open"
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class _Expected:
    """The digest that an archive must have, and who says so."""

    sha256: str | None
    bytes: int | None
    known_by: Literal["lock", "pin", "operator", "nobody"]


class Intake:
    """Takes packs into a store; nothing counts before the digest fits and the licence is accepted."""

    def __init__(self, store: ModelStore, approve: Approve, clock: Clock) -> None:
        self._store = store
        self._approve = approve
        self._clock = clock

    def fetch(self, wish: Wish, url: str | None, progress: Progress) -> StoredPack:
        """Fetch a pack by its name, or from `url`, and store it. One that is stored already, and is what was wished
        for, is verified.

        The licence of a pack of the lock is approved before its download, that of another one when it is there.

        Raises:
            InputError: nobody knows where a pack of this name is, or another one is stored under it.
            SetupError, PackError: as `model_fetch.fetch` and `ModelStore.add`; and whatever approving raises.
        """
        if wish.name in self._store.names():
            stored = self._store.verify(wish.name)
            _require_wished(stored.record, wish, url)
            return stored
        known = known_packs().get(wish.name)
        if url is None and known is None:
            raise InputError(
                f"nobody knows where a pack {wish.name[:80]!r} is: known are {', '.join(known_packs())}; give --url, "
                "or bring it with hadir models add"
            )
        self._store.require_free(wish.name)
        if known is not None:
            self._approve(Licence(known.licence))
        address = url or (known.url if known is not None else "")
        expected = self._expected(wish)
        target = self._downloads() / f"{wish.name}.zip"
        fetched = fetch(address, target, sha256=expected.sha256, size_bytes=expected.bytes, progress=progress)
        archive = Archive(fetched.sha256, fetched.bytes, expected.known_by)
        try:
            pack = self._add(wish, target, Origin(address, archive))
        except BaseException:
            if expected.sha256 is None:
                target.unlink()  # nobody vouches for it, so it would be fetched again anyway
            raise
        self._store.set_pin(wish.name, PackFile(fetched.sha256, fetched.bytes))
        target.unlink()
        return pack

    def bring(self, wish: Wish, source: Path) -> StoredPack:
        """Store a pack that lies here, in a folder or a zip. A zip called like a known pack must be that pack.

        Raises:
            InputError: there is no such folder or zip, or the name cannot be one or is taken.
            PackError: as `ModelStore.add`, or the zip has another digest; and whatever approving raises.
        """
        self._store.require_free(wish.name)
        if source.is_dir():
            if wish.sha256 is not None:
                raise InputError("--sha256 is of a zip: leave it out with --from-dir")
            return self._add(wish, source, Origin(str(source.absolute())))
        if not source.is_file():
            raise InputError(f"there is no {source}: name a folder with a pack (--from-dir) or a zip (--from-zip)")
        expected = self._expected(wish)
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if expected.sha256 not in {None, digest}:
            raise PackError(
                f"{source.name} has SHA-256 {digest}, expected {expected.sha256} (by {expected.known_by}): give it "
                "another name if it is another pack, or --sha256 if you know better"
            )
        archive = Archive(digest, source.stat().st_size, expected.known_by)
        return self._add(wish, source, Origin(str(source.absolute()), archive))

    def _add(self, wish: Wish, source: Path, origin: Origin) -> StoredPack:
        licence = licence_of(wish.name, source)
        self._approve(licence)
        now_ms = self._clock.now_ms()
        accepted = Acceptance(licence, operator_name(), now_ms)
        return self._store.add(wish.name, source, accepted, origin, now_ms=now_ms, front=wish.front)

    def _expected(self, wish: Wish) -> _Expected:
        """The operator's word goes before the lock's, and the lock's before what was seen at the first fetch."""
        if wish.sha256 is not None:
            return _Expected(wish.sha256.lower(), None, "operator")
        known = known_packs().get(wish.name)
        if known is not None and known.sha256 is not None:
            return _Expected(known.sha256, known.bytes, "lock")
        pin = self._store.pin(wish.name)
        return _Expected(None, None, "nobody") if pin is None else _Expected(pin.sha256, pin.bytes, "pin")

    def _downloads(self) -> Path:
        folder = self._store.root / DOWNLOADS
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _require_wished(record: PackRecord, wish: Wish, url: str | None) -> None:
    """What is stored under this name must be what was asked for."""
    digest = None if record.archive is None else record.archive.sha256
    differing = {
        f"SHA-256 {digest}": wish.sha256 is not None and wish.sha256.lower() != digest,
        f"source {record.source}": url is not None and url != record.source,
        f"front {record.front}": wish.front != record.front,
    }
    if other := [stored for stored, differs in differing.items() if differs]:
        raise InputError(
            f"pack {wish.name} is stored already, with {', '.join(other)}: fetch the other one under another name, or "
            f"remove this one first (hadir models remove {wish.name})"
        )
