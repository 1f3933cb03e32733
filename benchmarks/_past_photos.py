"""Photos of earlier days in a ledger: random marks, as different as faces' marks are (a median of 122 bits of 256)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_batch import Advance, LedgerBatch, RememberedPhoto
from hadir.attendance.photo_replay import Arrival, SentPhoto
from hadir.faces.photo_mark import BY_MESH, FREQUENCIES

__all__ = ["PastPhotos", "in_parts"]

TOPIC = "hadir.benchmark.v1"
"""Of no pipeline: what stands in its place in the ledger concerns nobody."""
_WRITTEN_TOGETHER = 5_000


class PastPhotos:
    """Numbers them from 0 on; each is in a check-in of its own, of one of 11,000 people."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self._ledger, self._rng = ledger, np.random.default_rng(seed)
        self._next = 0

    def photos(self, count: int, received_at_ms: Callable[[int], int]) -> Iterator[SentPhoto]:
        """New ones; `received_at_ms` is asked with each one's number."""
        marks = self._rng.bytes(FREQUENCIES**2 // 8 * count)
        for at in range(count):
            number, self._next = self._next, self._next + 1
            mark = marks[32 * at : 32 * at + 32]
            arrival = Arrival(received_at_ms(number), 0, number)
            yield SentPhoto(f"{number:036d}", 0, f"person-{number % 11_000}", arrival, mark, bytes((BY_MESH,)) + mark)

    def remember(self, count: int, received_at_ms: Callable[[int], int]) -> None:
        """Write new ones into the ledger."""
        for together in in_parts(self.photos(count, received_at_ms), _WRITTEN_TOGETHER):
            advance = Advance(0, (self._next - len(together)) or None, self._next)
            remembered = tuple(RememberedPhoto(photo, replayed=False) for photo in together)
            self._ledger.write(LedgerBatch(TOPIC, (), (), (), (advance,), remembered))


def in_parts(photos: Iterable[SentPhoto], most: int) -> Iterator[list[SentPhoto]]:
    """At most `most` at a time."""
    following = iter(photos)
    while some := list(islice(following, most)):
        yield some
