"""Who is enrolled in other embedding spaces and not in this one: after a way back across spaces these must catch up."""

from __future__ import annotations

from collections.abc import Sequence

from hadir.index.gallery import Gallery
from hadir.index.space import EmbeddingSpace
from hadir.index.templates import Template

__all__ = ["LackingPeople"]


class LackingPeople:
    """The photos of these people, to be looked at again by the target's pack; a source as a gallery is one.

    Who lacks is read once, at the start: a run that was killed comes to the same plan. What is held of them is read
    anew by every call, so nobody who is erased meanwhile is brought back.
    """

    def __init__(self, target: Gallery | None, others: Sequence[Gallery]) -> None:
        """`target` is None where its space has no gallery at all; `others` are those of other spaces, in a fixed
        order: of a photo that several hold, the first one's account is kept.

        Raises:
            GalleryError, StoreUnavailable: one of them cannot be read.
        """
        there = set() if target is None else set(target.owners().values())
        lacking = [(gallery, set(gallery.owners().values()) - there) for gallery in others]
        self._from = [gallery for gallery, people in lacking if people]
        self.people = frozenset(person for _, people in lacking for person in people)

    @property
    def space(self) -> EmbeddingSpace:
        """Of the first gallery that holds any of them. Raises ValueError where nobody lacks."""
        if not self._from:
            raise ValueError("nobody lacks, so there is nothing to look at")
        return self._from[0].space

    def templates(self) -> list[Template]:
        """Everything that is held of them now, by person and photo, ascending. Raises as the constructor."""
        held: dict[tuple[str, str], Template] = {}
        for gallery in self._from:
            for template in gallery.templates():
                if template.person in self.people:
                    held.setdefault((template.person, template.id), template)
        return [held[key] for key in sorted(held)]
