"""Perceptual marks in memory, found again by a few differing bits: exact, and without looking at most of them.

A mark of 256 bits is cut into eleven pieces. Two marks that differ in at most 21 bits differ in at most one bit of at
least one piece (eleven pieces with two each would be 22), so every near mark is met in the buckets of the query's
pieces and of their neighbours by one bit (multi-index hashing: Norouzi, Punjani and Fleet, 2012). Bits are dealt out in
turn, so that no piece holds only the frequencies in which faces resemble each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_BITS", "Marked", "NearMarks", "distances"]

MOST_BITS: Final = 21
"""As far as nothing is missed; further is not looked."""

_BITS, _PIECES, _WIDTH = 256, 11, 24
_WORDS = _BITS // 64
_FIRST_ROOM = 1024
_BLOCK = 16_384
"""Marks that are entered at a time: bounds what cutting them takes meanwhile."""

_PIECE = np.arange(_PIECES)
_NEIGHBOURS = np.array([0, *(1 << bit for bit in range(_WIDTH))], dtype=np.uint32)
_MIXER = np.uint32(2_654_435_761)
"""Knuth's multiplier for hashing by the upper bits: 2^32 over the golden ratio."""

Words = NDArray[np.uint64]
"""(N, 4): marks without their first byte."""


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """N marks, parallel: `words` (N, 4) uint64, their names `seq` (N,) int64, and when each was received:
    `received_ms`, `partition`, `offset`, (N,) int64."""

    words: Words
    seq: NDArray[np.int64]
    received_ms: NDArray[np.int64]
    partition: NDArray[np.int64]
    offset: NDArray[np.int64]

    @classmethod
    def of(cls, marks: list[bytes], numbers: list[tuple[int, int, int, int]]) -> Marked:
        """From marks of 32 bytes each, and (seq, received_ms, partition, offset) of each."""
        words = np.frombuffer(b"".join(marks), dtype=np.uint64).reshape(-1, _WORDS)
        seq, received_ms, partition, offset = np.array(numbers, dtype=np.int64).reshape(-1, 4).T
        return cls(words, seq, received_ms, partition, offset)

    def __len__(self) -> int:
        return len(self.seq)

    def part(self, at: slice) -> Marked:
        """Some of them."""
        return Marked(self.words[at], self.seq[at], self.received_ms[at], self.partition[at], self.offset[at])


def distances(one: Words, other: Words) -> NDArray[np.int64]:
    """The bits in which each of N marks differs from each of M, (N, M)."""
    return np.asarray(np.bitwise_count(one[:, None] ^ other[None]).sum(axis=2), dtype=np.int64)


class NearMarks:
    """A ring of marks in the order of entering; 110 bytes each, and 90 more while it has room to grow.

    Every piece of a mark heads a chain of older ones in its bucket. What is older than the oldest kept ends a chain, so
    that forgetting costs nothing. Used by one thread.
    """

    def __init__(self) -> None:
        self._first = self._end = 0
        self._make_room(_FIRST_ROOM)

    def __len__(self) -> int:
        return self._end - self._first

    @property
    def bytes(self) -> int:
        """What its arrays take once they are full."""
        numbers = sum(array.nbytes for array in self._numbers)
        return self._heads.nbytes + self._older.nbytes + self._words.nbytes + numbers

    def add(self, marked: Marked) -> None:
        """Enter these; the oldest comes first."""
        if len(self) + len(marked) > self._room:
            kept = self._kept()
            room = self._room
            while len(kept) + len(marked) > room:
                room *= 2
            self._first = self._end = 0
            self._make_room(room)
            self._enter_all(kept)
        self._enter_all(marked)

    def forget_before(self, received_ms: int) -> None:
        """Forget from the oldest on what was received before this moment, up to the first that was not."""
        while self._first < self._end and self._numbers[1][self._first % self._room] < received_ms:
            self._first += 1

    def near(self, asked: Marked, distance: int, window_ms: int) -> list[list[int]]:
        """For each mark the `seq` of earlier ones, received at most `window_ms` before, within `distance` bits (at most
        MOST_BITS): the nearest first, then the earliest. Not all: the search ends where it has met some.
        """
        found: list[list[tuple[int, int, int]]] = [[] for _ in range(len(asked))]
        query, piece, met = self._first_met(asked)
        while len(met):
            if near := self._judged(asked, query, met, distance, window_ms):
                for which, at, bits in near:
                    found[which].append((bits, int(self._numbers[1][at]), int(self._numbers[0][at])))
                going_on = np.array([not one for one in found])[query]
                query, piece, met = query[going_on], piece[going_on], met[going_on]
            met = self._older[piece, met % self._room].astype(np.int64)
            alive = met >= self._first
            query, piece, met = query[alive], piece[alive], met[alive]
        return [[seq for _, _, seq in sorted(set(one))] for one in found]

    def _first_met(self, asked: Marked) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Of every bucket that is to be looked into its newest mark: which query, by which piece, the mark."""
        probes = _pieces(asked.words)[:, :, None] ^ _NEIGHBOURS
        met = self._heads[self._bucket(probes.swapaxes(1, 2)).swapaxes(1, 2)]
        query, piece, _ = np.nonzero(alive := met >= self._first)
        return query, piece, met[alive].astype(np.int64)

    def _judged(
        self, asked: Marked, query: NDArray[np.int64], met: NDArray[np.int64], distance: int, window_ms: int
    ) -> list[tuple[int, int, int]]:
        """Those met that are near and earlier: query, slot, bits."""
        slot = met % self._room
        bits = np.bitwise_count(self._words[slot] ^ asked.words[query]).sum(axis=1, dtype=np.int64)
        near = bits <= min(distance, MOST_BITS)
        if not near.any():
            return []
        query, slot, bits = query[near], slot[near], bits[near]
        _, received, partition, offset = (numbers[slot] for numbers in self._numbers)
        own_received, own_partition, own_offset = (
            numbers[query] for numbers in (asked.received_ms, asked.partition, asked.offset)
        )
        age = own_received - received
        before = (partition < own_partition) | ((partition == own_partition) & (offset < own_offset))
        earlier = ((age > 0) | ((age == 0) & before)) & (age <= window_ms)
        chosen = zip(query[earlier], slot[earlier], bits[earlier], strict=True)
        return [(int(which), int(at), int(count)) for which, at, count in chosen]

    def _bucket(self, pieces: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """The head of a chain for each piece, (..., 11): every piece has buckets of its own."""
        return ((pieces * _MIXER) >> self._shift) + self._own

    def _make_room(self, room: int) -> None:
        """Empty arrays for `room` marks, a power of two; half as many buckets per piece."""
        self._room = room
        self._shift = np.uint32(32 - (room // 2).bit_length() + 1)
        self._own = (_PIECE * (room // 2)).astype(np.uint32)
        self._heads = np.full(_PIECES * (room // 2), -1, dtype=np.int32)
        self._older = np.empty((_PIECES, room), dtype=np.int32)
        self._words = np.empty((room, _WORDS), dtype=np.uint64)
        self._numbers = tuple(np.empty(room, dtype=np.int64) for _ in range(4))

    def _kept(self) -> Marked:
        at = np.arange(self._first, self._end) % self._room
        return Marked(self._words[at], *(numbers[at] for numbers in self._numbers))

    def _enter_all(self, marked: Marked) -> None:
        for start in range(0, len(marked), _BLOCK):
            self._enter(marked.part(slice(start, start + _BLOCK)))

    def _enter(self, marked: Marked) -> None:
        """Head the chains of their buckets with these; of several in one bucket the last heads, and leads to the one
        before."""
        new = np.arange(self._end, self._end + len(marked))
        slot = new % self._room
        self._words[slot] = marked.words
        numbers = (marked.seq, marked.received_ms, marked.partition, marked.offset)
        for kept, given in zip(self._numbers, numbers, strict=True):
            kept[slot] = given
        bucket = self._bucket(_pieces(marked.words)).T.ravel()
        order = np.argsort(bucket, kind="stable")
        of, which = bucket[order], order % len(marked)
        older = self._heads[of]
        same = np.flatnonzero(of[1:] == of[:-1])
        older[same + 1] = new[which[same]]
        self._older[order // len(marked), slot[which]] = older
        # Of equal places the last assignment stands.
        self._heads[of] = new[which]
        self._end += len(marked)


def _pieces(words: Words) -> NDArray[np.uint32]:
    """(N, 11) numbers of 24 bits: bit i of a mark belongs to piece i modulo 11; what is left over is zero."""
    bits = np.zeros((len(words), _PIECES * _WIDTH), dtype=np.uint8)
    bits[:, :_BITS] = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=1)
    packed = np.packbits(bits.reshape(-1, _WIDTH, _PIECES).transpose(0, 2, 1), axis=2).astype(np.uint32)
    keys = (packed[:, :, 0] << 16) | (packed[:, :, 1] << 8) | packed[:, :, 2]
    return np.asarray(keys, dtype=np.uint32)
