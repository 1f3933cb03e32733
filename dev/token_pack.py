"""A pack that looks at no faces: a photo is a token that names a cached vector. For `make chaos` alone.

It stands in for decoding and for the models, and for nothing else: search, thresholds, rules, ledger and topics are the
product's. No setting reaches it: `load_pack` does not know it, and it refuses to be made unless the switch of a test is
set in the environment.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from hadir.core.errors import PackError
from hadir.core.evidence import FaceMeasures, PhotoFinding
from hadir.core.vectors import Vectors
from hadir.core.verdict import Reason
from hadir.faces.pack import PackInfo, PhotoResult, PhotoRules

__all__ = ["MOST_TOKEN_BYTES", "SWITCH", "TokenPack", "token"]

SWITCH = "HADIR_TEST_TOKENS"
"""Must be `1`: whoever sets it knows that nobody's face will be looked at."""

MOST_TOKEN_BYTES = 200
_MAGIC = b"HADIR-TOKEN\0"
_BODY = struct.Struct("<I16s")
_ANY_FACE = FaceMeasures((140.0, 160.0, 340.0, 420.0), 200.0, 0.99, 0.99, 0.0, 0.0, 0.0, 100.0, 0.5)


def token(number: int, nonce: bytes) -> bytes:
    """A photo of whoever has vector `number`; `nonce`, 16 bytes, makes it one of its own."""
    return _MAGIC + _BODY.pack(number, nonce)


class TokenPack:
    """Gives the vector that a token names; anything else is not an image. `info` is the pack's whose vectors they
    are."""

    def __init__(self, info: PackInfo, vectors: Path) -> None:
        """`vectors` is an .npy of (N, D) float32, unit norm, mapped into memory.

        Raises:
            PackError: this is not a test, or the vectors are not of this pack.
        """
        if os.environ.get(SWITCH) != "1":
            raise PackError(f"tokens are for tests: nobody's face would be looked at (a test sets {SWITCH}=1)")
        self._vectors = cast(Vectors, np.load(vectors, mmap_mode="r"))
        if self._vectors.ndim != 2 or self._vectors.shape[1] != info.dimension or self._vectors.dtype != np.float32:
            raise PackError(
                f"{vectors.name} holds {self._vectors.shape} {self._vectors.dtype}, not (N, {info.dimension})"
            )
        self._info = replace(info, name=f"tokens in place of {info.name}")

    @property
    def info(self) -> PackInfo:
        return self._info

    def analyse(self, photos: Sequence[bytes], rules: PhotoRules) -> list[PhotoResult]:
        """As `FacePack.analyse`, without looking."""
        del rules
        return [self._result(photo) for photo in photos]

    def _result(self, photo: bytes) -> PhotoResult:
        number = _number(photo)
        if number is None or number >= len(self._vectors):
            return PhotoResult(PhotoFinding(Reason.PHOTO_NOT_AN_IMAGE), None)
        return PhotoResult(PhotoFinding(None, _ANY_FACE), np.array(self._vectors[number]))


def _number(photo: bytes) -> int | None:
    if len(photo) != len(_MAGIC) + _BODY.size or not photo.startswith(_MAGIC):
        return None
    number, _ = _BODY.unpack(photo[len(_MAGIC) :])
    return int(number)
