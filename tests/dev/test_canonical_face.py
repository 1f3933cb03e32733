"""The canonical face is read out of its protocol buffer, or refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from dev.canonical_face import LANDMARKS, read_canonical_face
from hadir.core.errors import PackError


def _varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _message(vertices: int) -> bytes:
    """Field 1 of a message: two varint fields and the vertex buffer, as MediaPipe writes it; then a field 2."""
    floats = np.arange(vertices * 5, dtype=np.float32)
    mesh = b"\x08\x00\x10\x00" + b"".join(b"\x1d" + struct.pack("<f", value) for value in floats)
    return b"\x0a" + _varint(len(mesh)) + mesh + b"\x12\x02\x08\x01"


def test_positions_are_kept_and_texture_coordinates_dropped() -> None:
    face = read_canonical_face(_message(LANDMARKS))
    assert face.shape == (468, 3)
    assert face.dtype == np.float32
    assert face.flags.c_contiguous
    np.testing.assert_array_equal(face[:2], [[0, 1, 2], [5, 6, 7]])


def test_another_number_of_vertices_is_refused() -> None:
    with pytest.raises(PackError, match="has 2335 vertex floats: expected 2340"):
        read_canonical_face(_message(LANDMARKS - 1))


@pytest.mark.parametrize("cut", [1, 2, 100, 9000])
def test_a_file_that_was_cut_is_refused(cut: int) -> None:
    with pytest.raises(PackError):
        read_canonical_face(_message(LANDMARKS)[:cut])
