"""The primitives of dlib's file format: integers, floats, flags, strings, tensors.

Written from the format as dlib 19 and 20 serialise it (dlib/serialize.h, dlib/dnn/core.h).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import PackError

__all__ = ["DlibStream"]

_NEGATIVE = 0x80
_RESERVED = 0x70
_LENGTH = 0x0F
_SPECIAL_EXPONENTS = {32000: math.inf, 32001: -math.inf, 32002: math.nan}
_TENSOR_VERSION = 2
_ALIAS_VERSION = 1


class DlibStream:
    """A cursor over the bytes; every read raises PackError, naming the place, where something else stands there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def integer(self) -> int:
        """A control byte (sign and length), then that many bytes of magnitude, least significant first."""
        control = self._take(1)[0]
        length = control & _LENGTH
        if control & _RESERVED or not 1 <= length <= 8:
            raise PackError(f"byte {self._at - 1} is {control:#04x}: expected the start of a dlib integer")
        magnitude = int.from_bytes(self._take(length), "little")
        return -magnitude if control & _NEGATIVE else magnitude

    def floating(self) -> float:
        """Mantissa and exponent as two integers: mantissa · 2^exponent."""
        mantissa, exponent = self.integer(), self.integer()
        if exponent in _SPECIAL_EXPONENTS:
            return _SPECIAL_EXPONENTS[exponent]
        return math.ldexp(mantissa, exponent)

    def flag(self) -> bool:
        """One byte, ASCII `1` or `0`."""
        byte = self._take(1)
        if byte not in (b"0", b"1"):
            raise PackError(f"byte {self._at - 1} is {byte!r}: expected a dlib flag, '0' or '1'")
        return byte == b"1"

    def text(self) -> str:
        """A length and as many bytes, ASCII."""
        return self._take(self.integer()).decode("ascii", errors="replace")

    def version(self, *known: int) -> int:
        """An integer that must be one of `known`."""
        version = self.integer()
        if version not in known:
            raise PackError(f"version {version} before byte {self._at}: expected one of {known}")
        return version

    def tensor(self) -> NDArray[np.float32]:
        """(samples, channels, rows, columns) float32."""
        self.version(_TENSOR_VERSION)
        shape = self._shape()
        values = np.frombuffer(self._take(4 * math.prod(shape)), dtype="<f4")
        return values.astype(np.float32).reshape(shape)

    def alias(self) -> tuple[int, int, int, int]:
        """The shape of a part of a tensor; it has no values of its own."""
        self.version(_ALIAS_VERSION)
        return self._shape()

    def finish(self) -> None:
        """Assert that nothing is left."""
        if self._at != len(self._data):
            raise PackError(f"{len(self._data) - self._at} bytes are left over: the layers read are not the file's")

    def _shape(self) -> tuple[int, int, int, int]:
        return self.integer(), self.integer(), self.integer(), self.integer()

    def _take(self, count: int) -> bytes:
        if not 0 <= count <= len(self._data) - self._at:
            raise PackError(
                f"{count} bytes wanted at byte {self._at} of {len(self._data)}: the file is cut or not dlib's"
            )
        start, self._at = self._at, self._at + count
        return self._data[start : self._at]
