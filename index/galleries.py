"""A gallery for every embedding space, in `<root>/<space name>/`: a new pack's vectors grow beside the old ones."""

from __future__ import annotations

import re

from hadir.core.errors import GalleryError, InputError
from hadir.index.gallery import Gallery, open_gallery
from hadir.index.gallery_list import LIST, read_list
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage

__all__ = ["galleries", "gallery_at", "only_gallery", "spaces"]

_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def gallery_at(root: Storage, space: EmbeddingSpace) -> Gallery:
    """The gallery of `space` under `root`; made where it is missing.

    Raises:
        GalleryError: its list is damaged, or `root` itself is one gallery.
        SpaceMismatch: the folder of this name holds another space.
        StoreUnavailable: the store does not answer.
    """
    _refuse_bare(root)
    if not _FOLDER.fullmatch(space.name):
        raise GalleryError(f"an embedding space named {space.name[:40]!r} cannot be a folder: letters, digits, . _ -")
    return open_gallery(root.within(space.name), space)


def galleries(root: Storage) -> list[Gallery]:
    """Every gallery under `root`, ascending by space name; none where there is nothing. Raises as `gallery_at`."""
    _refuse_bare(root)
    folders = sorted(
        {name.split("/")[0] for name in root.names() if name.endswith(f"/{LIST}") and name.count("/") == 1}
    )
    return [open_gallery(root.within(folder), read_list(root.within(folder))[0]) for folder in folders]


def spaces(root: Storage) -> list[EmbeddingSpace]:
    """The embedding spaces that people are enrolled in. Raises as `gallery_at`."""
    return [gallery.space for gallery in galleries(root)]


def only_gallery(root: Storage, space: str | None = None) -> Gallery:
    """The gallery whose space's name begins with `space`, or whose pack has that name; without one, the only one.

    Raises:
        InputError: there is none, none or several of that name, or several and no name was given; the message lists
            them with their packs.
    """
    found = galleries(root)
    if not found:
        raise InputError(f"there is no gallery at {root.uri}: enrol people first (hadir enroll)")
    fitting = [one for one in found if space in {None, one.space.pack} or one.space.name.startswith(space or "")]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(f"{g.space.name[:16]} ({g.space.pack} {g.space.precision})" for g in found)
    if space and not fitting:
        raise InputError(
            f"there is no gallery of {space!r} at {root.uri}, there are {there}: name one of them, or let everybody be "
            "embedded with that pack first (hadir reindex --pack NAME)"
        )
    wanted = f"{len(fitting)} galleries of space {space!r}" if space else f"{len(found)} galleries"
    raise InputError(f"{wanted} at {root.uri}: name one of these spaces: {there}")


def _refuse_bare(root: Storage) -> None:
    if root.exists(LIST):
        raise GalleryError(
            f"{root.uri} is one gallery, expected a folder of them: move its files into a folder named as the space "
            f"in its {LIST}"
        )
