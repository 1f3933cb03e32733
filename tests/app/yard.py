"""Snapshots of one test, over the gallery of a site that many share."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hadir.core.clock import SystemClock
from hadir.index.acknowledgements import Acknowledgement, acknowledge
from hadir.index.galleries import only_gallery
from hadir.index.storage import Storage
from tests.app.command_line import Said
from tests.app.site import Site

__all__ = ["Yard"]


@dataclass(frozen=True, slots=True)
class Yard:
    """Snapshots of one test, over the gallery of the site that all share."""

    site: Site
    root: Path

    def __call__(self, *arguments: object) -> Said:
        return self.site("index", *arguments, "--snapshots", self.root)

    def document(self, *arguments: object, code: int = 0) -> dict[str, Any]:
        said = self(*arguments, "--json")
        assert said.code == code, said.err
        return said.document()

    def build(self, *arguments: object, code: int = 0) -> dict[str, Any]:
        return self.document("build", *arguments, code=code)

    def without(self, people: int) -> Path:
        """Another folder of galleries, in which the first `people` are missing."""
        folder = self.root.parent / f"without-{people}"
        shutil.copytree(self.site.folder / "gallery", folder)
        gallery = only_gallery(Storage(folder))
        for person in sorted({t.person for t in gallery.templates()})[:people]:
            gallery.remove(person)
        return folder

    def mixed_up(self) -> Path:
        """Another folder of galleries, in which two people have each other's vectors."""
        folder = self.root.parent / "mixed-up"
        shutil.copytree(self.site.folder / "gallery", folder)
        gallery = only_gallery(Storage(folder))
        first, second = gallery.templates()[:2]
        for one, other in ((first, second), (second, first)):
            gallery.replace(one.person, [replace(one, vector=other.vector)], gallery.space.name)
        return folder

    def replica(self, snapshot: str, **more: str) -> None:
        """A running pipeline's word."""
        now_ms = SystemClock().now_ms() + 60_000
        acknowledge(self.root, Acknowledgement("kantor-1", "kantor", 1, snapshot, "space", 2, now_ms, **more))
