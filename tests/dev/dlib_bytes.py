"""Writing what dlib would write: small files for the tests of its reader."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "affine",
    "alias",
    "convolution",
    "flag",
    "floating",
    "fully_connected",
    "integer",
    "state",
    "tensor",
    "text",
]


def integer(value: int) -> bytes:
    magnitude = abs(value).to_bytes(max(1, (abs(value).bit_length() + 7) // 8), "little")
    return bytes([len(magnitude) | (0x80 if value < 0 else 0)]) + magnitude


def floating(value: float) -> bytes:
    if math.isinf(value):
        return integer(0) + integer(32000 if value > 0 else 32001)
    if math.isnan(value):
        return integer(0) + integer(32002)
    mantissa, exponent = math.frexp(value)
    return integer(int(math.ldexp(mantissa, 53))) + integer(exponent - 53)


def flag(value: bool) -> bytes:
    return b"1" if value else b"0"


def text(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def tensor(array: NDArray[np.float32]) -> bytes:
    """Padded to four dimensions on the right, as dlib pads."""
    shape = (*array.shape, *(1,) * (4 - array.ndim))
    return integer(2) + b"".join(map(integer, shape)) + array.astype("<f4").tobytes()


def alias(shape: Sequence[int]) -> bytes:
    return integer(1) + b"".join(map(integer, shape))


def state(tensors: int) -> bytes:
    """What follows a layer: three flags and tensors left empty."""
    return flag(False) * 3 + tensor(np.zeros((0, 0, 0, 0), dtype=np.float32)) * tensors


def convolution(
    kernel: NDArray[np.float32], bias: NDArray[np.float32], strides: tuple[int, int], pads: tuple[int, int]
) -> bytes:
    filters, _, rows, columns = kernel.shape
    return (
        text("con_4")
        + tensor(np.concatenate([kernel.ravel(), bias]))
        + b"".join(map(integer, (filters, rows, columns, *strides, *pads)))
        + alias(kernel.shape)
        + alias((1, filters, 1, 1))
        + floating(1.0) * 4
    )


def affine(scale: NDArray[np.float32], shift: NDArray[np.float32]) -> bytes:
    shape = (1, len(scale), 1, 1)
    return text("affine_") + tensor(np.concatenate([scale, shift])) + alias(shape) + alias(shape) + integer(0)


def fully_connected(weights: NDArray[np.float32]) -> bytes:
    inputs, outputs = weights.shape
    return (
        text("fc_2")
        + integer(outputs)
        + integer(inputs)
        + tensor(weights)
        + alias((inputs, outputs, 1, 1))
        + alias((0, 0, 0, 0))
        + integer(1)
        + floating(1.0) * 4
    )
