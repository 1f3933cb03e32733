"""MediaPipe's canonical face: the 468 landmarks of an average head, out of its protocol buffer.

The file is MediaPipe's `GeometryPipelineMetadata` (mediapipe/modules/face_geometry/protos): field 1 holds the mesh,
whose field 3 is the vertex buffer, five floats a vertex: x, y, z in centimetres and two texture coordinates.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import PackError

__all__ = ["LANDMARKS", "read_canonical_face"]

LANDMARKS = 468
_MESH = 1
_VERTICES = 3
_FLOATS_PER_VERTEX = 5
_VARINT, _BYTES, _FLOAT = 0, 2, 5


def read_canonical_face(data: bytes) -> NDArray[np.float32]:
    """(468, 3) float32 centimetres: x to the image's right, y up, z towards the camera.

    Raises:
        PackError: the bytes hold no mesh of 468 vertices.
    """
    try:
        mesh = next((value for field, value in _fields(data) if field == _MESH), b"")
        numbers = [struct.unpack("<f", value)[0] for field, value in _fields(mesh) if field == _VERTICES]
    except (IndexError, struct.error) as err:
        raise PackError("the canonical face is cut or not a protocol buffer: fetch the package again") from err
    if len(numbers) != LANDMARKS * _FLOATS_PER_VERTEX:
        raise PackError(
            f"the canonical face has {len(numbers)} vertex floats: expected {LANDMARKS * _FLOATS_PER_VERTEX}"
        )
    return np.ascontiguousarray(np.array(numbers, dtype=np.float32).reshape(LANDMARKS, _FLOATS_PER_VERTEX)[:, :3])


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Field numbers and raw values of a protocol buffer message; varints come as nothing."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            _, at = _varint(data, at)
            continue
        if wire not in (_BYTES, _FLOAT):
            raise PackError(f"wire type {wire} in the canonical face: expected 0, 2 or 5")
        length, at = _varint(data, at) if wire == _BYTES else (4, at)
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return value, at
