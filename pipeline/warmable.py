"""A stage that can be tried and warmed up."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["Warmable"]


@runtime_checkable
class Warmable(Protocol):
    """What a `hadir.pipeline.ports.Stage` may be besides."""

    def warm_up(self, photos: int) -> None:
        """Do all that a batch of so many photos needs, with a photo of nobody who checks in; forget what came out.

        Raises:
            Exception: whatever a batch would raise: this stage cannot work.
        """
        ...
