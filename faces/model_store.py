"""Face packs in a folder of their own, each whole and sealed or not there at all.

    ROOT/NAME/            the models, and hadir-pack.json, which says what each must be
    ROOT/pins.json        the digests of archives that were fetched without a known one, by name
    ROOT/.NAME.xxxx.tmp/  a pack on its way in or out; swept by the next writer

A pack is put together aside, loaded once, and renamed into place, so that no reader ever sees a part of one. Writers
exclude each other by a lock on the folder.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hadir.core.errors import InputError, PackError
from hadir.core.file_lock import held_alone
from hadir.core.sealed_json import MOST_BYTES, seal, unseal
from hadir.faces.manifest import PackFile
from hadir.faces.model_archive import copy_folder, unpack
from hadir.faces.model_contents import StagedPack, stage
from hadir.faces.model_licence import Licence
from hadir.faces.pack_record import (
    RECORD,
    Archive,
    FrontKind,
    PackRecord,
    read_checked,
    read_record,
    record_bytes,
)
from hadir.faces.packs import OPEN

__all__ = ["Acceptance", "ModelStore", "Origin", "StoredPack"]

LOCK = ".lock"
PINS = "pins.json"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A licence, and who has accepted it when (milliseconds UTC)."""

    licence: Licence
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a pack comes from: an address or a folder, and the archive where it came in one."""

    source: str
    archive: Archive | None = None


@dataclass(frozen=True, slots=True)
class StoredPack:
    """A pack of the store, its record read and sound."""

    folder: Path
    record: PackRecord

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def embedding_space(self) -> str:
        return self.record.embedding_space


class ModelStore:
    """Packs by name. Reads never block on a writer; every call looks at the folder anew."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        """Every name that is taken, ascending; also of packs that are damaged."""
        if not self.root.is_dir():
            return []
        return sorted(path.name for path in self.root.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())

    def packs(self) -> list[StoredPack]:
        """The packs whose record is sound, by name; `damaged` has the others."""
        return [pack for name in self.names() if isinstance(pack := self._looked_up(name), StoredPack)]

    def damaged(self) -> dict[str, str]:
        """What is wrong with the packs whose record is not sound, by name. Their models are `verify`'s."""
        return {name: str(err) for name in self.names() if isinstance(err := self._looked_up(name), PackError)}

    def get(self, name: str) -> StoredPack:
        """The pack of this name; its models are checked when they are loaded, or by `verify`.

        Raises:
            PackError: there is none (the message says which there are), or its record was altered.
        """
        if name not in self.names():
            there = ", ".join(self.names()) or "none"
            raise PackError(
                f"no pack {name[:80]!r} is stored in {self.root} (there: {there}): hadir models list shows what can be "
                "fetched"
            )
        folder = self.root / name
        record = read_record(folder)
        if record is None or record.name != name:
            found = "has no record" if record is None else f"has the record of {record.name!r}"
            raise PackError(f"pack {name} in {self.root} {found}: remove it and add it again (hadir models)")
        return StoredPack(folder, record)

    def folder(self, name: str) -> Path:
        """Where `load_pack` finds it. Raises as `get`."""
        return self.get(name).folder

    def of_space(self, embedding_space: str) -> StoredPack | None:
        """The pack whose vectors lie in this space, None where there is none."""
        return next((pack for pack in self.packs() if pack.embedding_space == embedding_space), None)

    def verify(self, name: str) -> StoredPack:
        """Check every file against the record. Raises as `get`, and PackError naming the file that was altered."""
        pack = self.get(name)
        read_checked(pack.folder, pack.record)
        return pack

    def require_free(self, name: str) -> None:
        """Raises InputError: this cannot be a pack's name, or it is taken."""
        if not _NAME.fullmatch(name) or name == OPEN:
            raise InputError(
                f"{name[:80]!r} cannot be a pack's name: expected up to 64 letters, digits, '.', '_' and '-', and not "
                f"{OPEN!r}"
            )
        if name in self.names():
            raise InputError(f"a pack {name} is stored already: remove it first, or give another name")

    def add(
        self, name: str, source: Path, accepted: Acceptance, origin: Origin, *, now_ms: int, front: FrontKind = "open"
    ) -> StoredPack:
        """Store the pack in `source`, a folder or a zip, under `name`.

        Kept are the recogniser, its detector, and what describes them; models that Hadir does not run (age, sex,
        landmarks) are left out and named in the record. The pack is loaded once before it counts.

        Raises:
            InputError: the name cannot be one, or is taken.
            PackError: it is no pack, lacks what `front` asks for, or the zip is not safe to unpack. Nothing changed.
        """
        self.require_free(name)
        with self._writing():
            self.require_free(name)
            with self._aside(name) as aside:
                names = copy_folder(source, aside) if source.is_dir() else unpack(source, aside)
                staged = stage(aside, names, front)
                record = _record(name, staged, accepted, origin, now_ms)
                _write(aside / RECORD, record_bytes(record))
                read_checked(aside, record)
                _flush(aside)
                aside.rename(self.root / name)
            _flush(self.root)
        return StoredPack(self.root / name, record)

    def remove(self, name: str) -> None:
        """Delete it, also one that is damaged. Raises PackError where there is none."""
        with self._writing():
            if name not in self.names():
                self.get(name)
            with self._aside(name) as aside:
                (self.root / name).rename(aside / name)
            _flush(self.root)

    def pin(self, name: str) -> PackFile | None:
        """The digest and size that this name's archive had when it was fetched first; None: it never was.

        Raises:
            PackError: the pins were altered.
        """
        return self._pins().get(name)

    def set_pin(self, name: str, archive: PackFile) -> None:
        """From now on the archive of this name is this one. Raises PackError as `pin`."""
        with self._writing():
            pins = self._pins() | {name: archive}
            document = {name: {"sha256": pin.sha256, "bytes": pin.bytes} for name, pin in pins.items()}
            aside = self.root / f".{PINS}.{secrets.token_hex(4)}.tmp"
            _write(aside, seal({"pins": document}))
            aside.replace(self.root / PINS)
            _flush(self.root)

    def _pins(self) -> dict[str, PackFile]:
        path = self.root / PINS
        try:
            with path.open("rb") as file:
                pins = unseal(file.read(MOST_BYTES + 1))["pins"]
            return {name: PackFile(str(pin["sha256"]), int(pin["bytes"])) for name, pin in pins.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            raise PackError(
                f"{path} was altered: restore it, or delete it and give --sha256 at the next fetch"
            ) from err

    def _looked_up(self, name: str) -> StoredPack | PackError:
        try:
            return self.get(name)
        except PackError as err:
            return err

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        busy = PackError(f"another process is changing {self.root}: try again when it has ended")
        with held_alone(self.root / LOCK, busy):
            for left in self.root.glob(".*.tmp"):
                _delete(left)
            yield

    @contextmanager
    def _aside(self, name: str) -> Iterator[Path]:
        aside = self.root / f".{name}.{secrets.token_hex(4)}.tmp"
        aside.mkdir()
        try:
            yield aside
        finally:
            _delete(aside)


def _record(name: str, staged: StagedPack, accepted: Acceptance, origin: Origin, now_ms: int) -> PackRecord:
    file = accepted.licence.file
    return PackRecord(
        name=name,
        source=origin.source,
        archive=origin.archive,
        files=staged.files,
        left_out=staged.left_out,
        licence=accepted.licence.name,
        licence_file=file if file in staged.files else None,
        accepted_by=accepted.by,
        accepted_at_ms=accepted.at_ms,
        front=staged.front,
        embedding_space=staged.embedding_space,
        dimension=staged.dimension,
        added_at_ms=now_ms,
    )


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
