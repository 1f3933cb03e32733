"""The gallery: every template, one row per photo, in a folder of Parquet parts on any file system that pyarrow knows.

`gallery.json` names the embedding space and lists the parts that count with their SHA-256. A write puts new parts
beside the old ones and then replaces the list, so that a reader sees all of a write or nothing, and a crash leaves at
most a file that no list names; the next write sweeps it away. Removing a person rewrites the parts that hold them: a
face that must be forgotten is gone from every file, not marked as gone. Nothing is ever pickled.

Writers on one machine exclude each other by a lock on the folder. Object stores have no locks: there a writer reads the
list again just before it replaces it, and gives up where another one was faster. Two writers that both do so within the
same moment are *not* excluded (the later list would stand alone), so let one machine enrol into a bucket at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hadir.core.errors import GalleryError, InputError
from hadir.core.file_lock import held_alone
from hadir.index.gallery_list import LIST, Part, read_bounded, read_list, write_list
from hadir.index.parquet import MOST_FILE_BYTES, pack_templates, unpack_owners, unpack_templates
from hadir.index.space import EmbeddingSpace, require_same_space
from hadir.index.storage import Storage
from hadir.index.templates import Template, check_template

__all__ = ["Added", "Gallery", "open_gallery"]

_T = TypeVar("_T")
_Rows = TypeVar("_Rows", list[Template], dict[str, str])

LOCK = "gallery.lock"
ROWS_PER_PART = 50_000
MOST_SMALL_PARTS = 64
"""Then the next write makes one of them: who enrols a few at a time leaves many small files."""


@dataclass(frozen=True, slots=True)
class Added:
    """`repeated` templates were there already (or twice in what was given) and were left as they were."""

    added: int
    repeated: int


def open_gallery(root: Storage | str | Path, space: EmbeddingSpace | None = None) -> Gallery:
    """The gallery in exactly this folder; a new one, of `space`, where there is none.

    `galleries.gallery_at` is the usual way: one folder for every embedding space.

    Raises:
        SpaceMismatch: it holds vectors of another space than `space`.
        GalleryError: `gallery.json` is unreadable.
        InputError: there is none and no `space` was given.
    """
    storage = root if isinstance(root, Storage) else Storage(root)
    if storage.exists(LIST):
        held, _ = read_list(storage)
        if space is not None:
            require_same_space("this gallery", held.name, space.name)
        return Gallery(storage, held)
    if space is None:
        raise InputError(f"there is no gallery at {storage.uri}: enrol people first (hadir enroll)")
    with Gallery(storage, space).locked():
        if not storage.exists(LIST):
            write_list(storage, space, [])
    return open_gallery(storage, space)


class Gallery:
    """Stored templates of one embedding space. Every call reads the folder anew; nothing is cached."""

    def __init__(self, storage: Storage, space: EmbeddingSpace) -> None:
        self.storage = storage
        self.space = space

    def templates(self) -> list[Template]:
        """All templates, by person and then by template id, ascending.

        Raises:
            GalleryError: a part is missing, altered or unreadable; the message names the file.
        """
        return sorted(self._settled(lambda parts: [t for part in parts for t in self._read(part)]), key=_order)

    def owners(self) -> dict[str, str]:
        """Template id, which is the photo's, to person. Raises as `templates`, and takes a tenth of its time."""
        return self._settled(self._owners)

    def add(self, templates: Sequence[Template], embedding_space: str) -> Added:
        """Append; a template that is there already (same person, same photo) stays as it is.

        Raises:
            SpaceMismatch: the vectors are of another space.
            InputError: a photo is enrolled for another person already, or an id is malformed; nothing was written.
            GalleryError: the folder is altered, or another process writes to it.
        """
        require_same_space("this gallery", self.space.name, embedding_space)
        with self.locked():
            _, parts = read_list(self.storage)
            new = _unseen(templates, self._owners(parts))
            if new:
                small = [part for part in parts if part.rows < ROWS_PER_PART]
                merged = small if len(small) >= MOST_SMALL_PARTS else []
                written = self._write([*(t for part in merged for t in self._read(part)), *new])
                self._commit(parts, [*(part for part in parts if part not in merged), *written])
        return Added(len(new), len(templates) - len(new))

    def replace(self, person: str, templates: Sequence[Template], embedding_space: str) -> int:
        """Make `templates`, all of `person`, the only ones of this person, in one step; return how many were removed.

        With no templates this removes the person. Raises as `add`.
        """
        require_same_space("this gallery", self.space.name, embedding_space)
        if any(t.person != person for t in templates):
            raise InputError("a person's templates can only be replaced by templates of the same person")
        with self.locked():
            _, parts = read_list(self.storage)
            kept, removed = self._without(person, parts)
            new = _unseen(templates, self._owners(kept)) if templates else []
            self._commit(parts, [*kept, *self._write(new)])
        return removed

    def remove(self, person: str) -> int:
        """Forget a person: their rows are gone from every file on return. Returns how many templates that were."""
        return self.replace(person, (), self.space.name)

    def amend(self, change: Callable[[Template], Template]) -> int:
        """Put `change(template)`, of the same id, person and vector, in the place of every template, in one step;
        returns how many differ. Raises as `templates`, and GalleryError where another process writes."""
        with self.locked():
            _, parts = read_list(self.storage)
            kept: list[Part] = []
            amended = 0
            for part in parts:
                before = self._read(part)
                after = [change(template) for template in before]
                differing = sum(new is not old for new, old in zip(after, before, strict=True))
                kept += self._write(after) if differing else [part]
                amended += differing
            if amended:
                self._commit(parts, kept)
        return amended

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude other writers of this machine. Raises GalleryError at once where one is at work."""
        folder = self.storage.local
        if folder is None:
            yield
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        busy = GalleryError(f"another process is writing to {folder}: try again when it has ended")
        with held_alone(folder / LOCK, busy):
            yield

    def _settled(self, read: Callable[[Sequence[Part]], _T]) -> _T:
        """Read the parts that the list names; anew, where a writer was faster and they are gone."""
        while True:
            _, parts = read_list(self.storage)
            try:
                return read(parts)
            except GalleryError:
                if read_list(self.storage)[1] == parts:
                    raise

    def _owners(self, parts: Iterable[Part]) -> dict[str, str]:
        return {photo: person for part in parts for photo, person in self._unpack(part, unpack_owners).items()}

    def _without(self, person: str, parts: Sequence[Part]) -> tuple[list[Part], int]:
        kept: list[Part] = []
        removed = 0
        for part in parts:
            if person not in self._owners([part]).values():
                kept.append(part)
                continue
            others = [t for t in self._read(part) if t.person != person]
            removed += part.rows - len(others)
            kept += self._write(others)
        return kept, removed

    def _commit(self, seen: Sequence[Part], parts: Sequence[Part]) -> None:
        """Replace the list that was `seen` by one of `parts`, then delete what no list names."""
        if read_list(self.storage)[1] != list(seen):
            raise GalleryError(
                f"another process has written to {self.storage.uri} meanwhile: nothing changed, try again"
            )
        write_list(self.storage, self.space, parts)
        live = {part.file for part in parts}
        for name in self.storage.names():
            if (name.startswith("part-") and name not in live) or name.endswith(".tmp"):
                self.storage.delete(name)

    def _write(self, templates: Sequence[Template]) -> list[Part]:
        """Named by content: the same rows are the same file."""
        parts = []
        for start in range(0, len(templates), ROWS_PER_PART):
            rows = sorted(templates[start : start + ROWS_PER_PART], key=_order)
            content = pack_templates(rows, self.space)
            digest = hashlib.sha256(content).hexdigest()
            part = Part(f"part-{digest[:16]}.parquet", len(rows), digest)
            self.storage.write(part.file, content)
            parts.append(part)
        return parts

    def _read(self, part: Part) -> list[Template]:
        return self._unpack(part, unpack_templates)

    def _unpack(self, part: Part, unpack: Callable[[bytes, EmbeddingSpace], _Rows]) -> _Rows:
        path = f"{self.storage.uri}/{part.file}"
        content = read_bounded(self.storage, part.file, MOST_FILE_BYTES)
        if hashlib.sha256(content).hexdigest() != part.sha256:
            raise GalleryError(f"{path} was altered since it was written: restore it from a backup, or enrol anew")
        try:
            rows = unpack(content, self.space)
        except ValueError as err:
            raise GalleryError(f"{path} is not a part of this gallery: {err}") from err
        if len(rows) != part.rows:
            raise GalleryError(f"{path} has {len(rows)} rows, the gallery's list says {part.rows}")
        return rows


def _order(template: Template) -> tuple[str, str]:
    return template.person, template.id


def _unseen(templates: Iterable[Template], owners: dict[str, str]) -> list[Template]:
    """Those whose photo nobody has yet; adds them to `owners`."""
    new = []
    for template in templates:
        check_template(template)
        if template.id not in owners:
            owners[template.id] = template.person
            new.append(template)
        elif owners[template.id] != template.person:
            raise InputError(
                f"photo {template.id[:12]} is enrolled for another person already: a template is one person's face, "
                "find out whose it is"
            )
    return new
