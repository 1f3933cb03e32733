"""Which partition a key goes to: as Kafka's own clients choose, so that the memory log orders people as Kafka does."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["murmur2", "partition_of"]

_MASK = 0xFFFFFFFF
_SEED = 0x9747B28C
_MIX = 0x5BD1E995
_SHIFT = 24


def partition_of(key: bytes | None, partitions: int) -> int:
    """The partition of a key among `partitions`; a record without a key goes to the first."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions if key is not None else 0


@lru_cache(maxsize=65_536)
def murmur2(data: bytes) -> int:
    """32-bit MurmurHash2 (Austin Appleby, public domain) with the seed of Apache Kafka's Utils.murmur2.

    Remembered: the same people sign every day, and a key costs 10 µs in Python.
    """
    state = _SEED ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        word = (int.from_bytes(data[at : at + 4], "little") * _MIX) & _MASK
        word = ((word ^ (word >> _SHIFT)) * _MIX) & _MASK
        state = ((state * _MIX) & _MASK) ^ word
    if rest := data[whole:]:
        state = ((state ^ int.from_bytes(rest, "little")) * _MIX) & _MASK
    state = ((state ^ (state >> 13)) * _MIX) & _MASK
    return state ^ (state >> 15)
