"""Whether photos have been sent before: the ledger knows, and what it knows of marks is kept in memory to be searched.

One query before every batch brings the rows with the same digests, and all that came since the last one, whoever wrote
it: this process learns of its own rows in the same way, so that it believes nothing that is not durable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Protocol

import numpy as np

from hadir.attendance.ledger_photos import StoredPhoto
from hadir.attendance.near_marks import Marked, NearMarks, distances
from hadir.attendance.photo_replay import ReplayPolicy, SentPhoto, replays_of
from hadir.core.clock import Clock
from hadir.core.evidence import Replay

__all__ = ["PhotoMemory", "StoredPhotos"]

LATE_MS: Final = 2 * 86_400_000
"""A record may have waited in the log for as long as its topic keeps it (48 h) before its photos are compared."""

FORGET_EVERY_S: Final = 60.0
PATIENCE_S: Final = 600.0
"""How long a number that was passed over is asked for: its transaction was open then (PostgreSQL gives numbers out
before it commits), or was undone. No transaction of Hadir lives as long."""

MOST_MISSING: Final = 256
_LOADED_AT_ONCE = 10_000
_NAMED_EACH = 4
"""Rows that are looked up for one photo: of those met one may have been erased meanwhile."""


class StoredPhotos(Protocol):
    """`hadir.attendance.ledger_photos.LedgerPhotos`, which says what it promises."""

    def all(self, since_ms: int) -> Iterator[StoredPhoto]: ...

    def news(self, after: int, missing: Collection[int], digests: Collection[bytes]) -> list[StoredPhoto]: ...

    def named(self, seqs: Collection[int]) -> list[StoredPhoto]: ...


class PhotoMemory:
    """Used by one thread. Two replicas that decide at the same moment do not see each other's photos: that is found
    afterwards, by `hadir.attendance.photo_audit`."""

    def __init__(self, photos: StoredPhotos, policy: ReplayPolicy, clock: Clock) -> None:
        self._photos, self._policy, self._clock = photos, policy, clock
        self._marks: defaultdict[int, NearMarks] = defaultdict(NearMarks)
        self._last = 0
        self._missing: dict[int, float] = {}
        self._forget_at_s = clock.monotonic_s()

    def __len__(self) -> int:
        """Marks in memory."""
        return sum(map(len, self._marks.values()))

    def load(self) -> None:
        """Read the marks of the window; 8 s of processor time for 660,000 on a busy machine.

        Raises:
            LedgerUnavailable: the database does not answer.
        """
        rows = self._photos.all(self._oldest_ms())
        while some := list(islice(rows, _LOADED_AT_ONCE)):
            self._learn(some)

    def replays(self, check_ins: Sequence[Sequence[SentPhoto]]) -> list[tuple[Replay, ...]]:
        """What each of these brings that came before, parallel to them; those of the batch count for each other.

        Raises:
            LedgerUnavailable: the database does not answer.
        """
        photos = [photo for one in check_ins for photo in one]
        if not photos:
            return [() for _ in check_ins]
        others = self._candidates(photos)
        return [replays_of(one, others[one[0].check_in_id], self._policy) if one else () for one in check_ins]

    def forget_before_ms(self) -> int | None:
        """Once a minute: what was received before this moment may be forgotten, here at once."""
        if self._clock.monotonic_s() < self._forget_at_s:
            return None
        self._forget_at_s = self._clock.monotonic_s() + FORGET_EVERY_S
        oldest_ms = self._oldest_ms()
        for marks in self._marks.values():
            marks.forget_before(oldest_ms)
        return oldest_ms

    def _oldest_ms(self) -> int:
        return self._clock.now_ms() - self._policy.window_ms - LATE_MS

    def _candidates(self, photos: Sequence[SentPhoto]) -> Mapping[str, Sequence[SentPhoto]]:
        """All that might have come before the photos of each check-in."""
        found: defaultdict[str, list[SentPhoto]] = defaultdict(list)
        by_digest: defaultdict[bytes, list[SentPhoto]] = defaultdict(list)
        for one in (*self._follow({photo.sha256 for photo in photos}), *photos):
            by_digest[one.sha256].append(one)
        for photo in photos:
            if len(same := by_digest[photo.sha256]) > 1:
                found[photo.check_in_id] += same
        for photo, other in self._near(photos):
            found[photo.check_in_id].append(other)
        return found

    def _follow(self, digests: Collection[bytes]) -> list[SentPhoto]:
        """Learn what is new, and return what has one of these digests."""
        now_s = self._clock.monotonic_s()
        self._missing = {seq: until_s for seq, until_s in self._missing.items() if until_s > now_s}
        rows = self._photos.news(self._last, self._missing, digests)
        self._learn([row for row in rows if row.seq > self._last or row.seq in self._missing])
        return [row.photo for row in rows if row.photo.sha256 in digests]

    def _learn(self, rows: Sequence[StoredPhoto]) -> None:
        """Rows by `seq` that are not known yet; numbers passed over are noted."""
        until_s = self._clock.monotonic_s() + PATIENCE_S
        for row in rows:
            self._missing.pop(row.seq, None)
            if self._last:
                passed = range(max(self._last + 1, row.seq - MOST_MISSING), row.seq)
                self._missing.update(dict.fromkeys(passed, until_s))
            self._last = max(self._last, row.seq)
        while len(self._missing) > MOST_MISSING:
            del self._missing[next(iter(self._missing))]
        for kind, some in _by_kind((row.seq, row.photo) for row in rows).items():
            self._marks[kind].add(_marked(some))

    def _near(self, photos: Sequence[SentPhoto]) -> list[tuple[SentPhoto, SentPhoto]]:
        """Pairs of a photo and one that might be an earlier copy of it, remembered or among these."""
        pairs: list[tuple[SentPhoto, SentPhoto]] = []
        wanted: list[tuple[SentPhoto, int]] = []
        for kind, some in _by_kind(enumerate(photos)).items():
            asked = _marked(some)
            met = self._marks[kind].near(asked, self._policy.distance_bits, self._policy.window_ms)
            wanted += [(photos[at], seq) for (at, _), seqs in zip(some, met, strict=True) for seq in seqs[:_NAMED_EACH]]
            close = distances(asked.words, asked.words) <= self._policy.distance_bits
            np.fill_diagonal(close, val=False)
            pairs += [(some[one][1], some[other][1]) for one, other in np.argwhere(close).tolist()]
        if wanted:
            named = {row.seq: row.photo for row in self._photos.named({seq for _, seq in wanted})}
            pairs += [(photo, named[seq]) for photo, seq in wanted if seq in named]
        return pairs


_Numbered = tuple[int, SentPhoto]


def _by_kind(photos: Iterable[_Numbered]) -> dict[int, list[_Numbered]]:
    """Those with a mark, by its kind."""
    found: defaultdict[int, list[_Numbered]] = defaultdict(list)
    for number, photo in photos:
        if photo.mark is not None:
            found[photo.mark[0]].append((number, photo))
    return found


def _marked(photos: Sequence[_Numbered]) -> Marked:
    arrivals = [(number, one.arrival) for number, one in photos]
    numbers = [(number, at.received_at_ms, at.partition, at.offset) for number, at in arrivals]
    return Marked.of([one.mark[1:] for _, one in photos if one.mark is not None], numbers)
