"""What an encoded image says about itself, read without decoding it: format, size, animation, completeness.

Written for untrusted bytes: every loop is bounded by the length of the data, nothing is allocated by what a header
claims.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from hadir.core.errors import PhotoError
from hadir.core.verdict import Reason

__all__ = ["Header", "not_an_image", "read_header", "truncated"]

JPEG_SIGNATURE = b"\xff\xd8\xff"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PGM_SIGNATURE = b"P5"

JPEG_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
"""The next marker that stands alone: stuffed zeros, fill bytes, restart markers and TEM are passed over, and so is
garbage between segments, as libjpeg does."""

START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
START_OF_IMAGE, END_OF_IMAGE, START_OF_SCAN = 0xD8, 0xD9, 0xDA

MOST_SCANS = 64
"""Real progressive encoders write about ten scans. Each one passes over the whole picture again, so that a small file
with thousands of empty scans would hold a worker for hours."""

PGM_HEADER = re.compile(rb"P5(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,5})\s")
PGM_HEADER_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class Header:
    """`format` is `jpeg`, `png` or `pgm`; the size is that of the stored pixels, before any EXIF orientation."""

    format: str
    width_px: int
    height_px: int
    complete: bool
    animated: bool = False


def not_an_image(why: str) -> PhotoError:
    """The error for bytes that are no picture; `why` ends up in brackets."""
    return PhotoError(Reason.PHOTO_NOT_AN_IMAGE, f"the photo is not a readable JPEG or PNG ({why}): send one of these")


def truncated(data: bytes) -> PhotoError:
    """The error for the beginning of a picture."""
    return PhotoError(Reason.PHOTO_TRUNCATED, f"the photo ends early, after {len(data)} bytes: send it again, whole")


def read_header(data: bytes) -> Header:
    """Decide by content what `data` (not empty) is.

    `complete` is False where the data ends before the image does.

    Raises:
        PhotoError: `photo_not_an_image` for GIF, WebP, BMP and everything else that is not read, or breaks its format's
            rules; `photo_truncated` where the data ends before the size is known.
    """
    for signature, read in ((JPEG_SIGNATURE, _jpeg), (PNG_SIGNATURE, _png), (PGM_SIGNATURE, _pgm)):
        if data.startswith(signature):
            return read(data)
        if signature.startswith(data):
            raise truncated(data)
    raise not_an_image("its content is in none of the formats")


def _jpeg(data: bytes) -> Header:
    size: tuple[int, int] | None = None
    scans, position = 0, 2
    while (marker := JPEG_MARKER.search(data, position)) is not None:
        kind = data[marker.end() - 1]
        if kind == END_OF_IMAGE:
            if size is None or scans == 0:
                raise not_an_image("it holds no picture")
            return Header("jpeg", *size, complete=True)
        if kind == START_OF_IMAGE:
            raise not_an_image("a second picture begins inside it")
        segment = data[marker.end() : marker.end() + 7]
        if kind in START_OF_FRAME and len(segment) == 7:
            if size is not None:
                raise not_an_image("it has two frame headers")
            size = _jpeg_size(segment)
        scans += kind == START_OF_SCAN
        if scans > MOST_SCANS:
            raise not_an_image(f"it has more than {MOST_SCANS} scans")
        if len(segment) < 2:
            break
        position = marker.end() + max(2, int.from_bytes(segment[:2]))
    if size is None:
        raise truncated(data)
    return Header("jpeg", *size, complete=False)


def _jpeg_size(segment: bytes) -> tuple[int, int]:
    """(width, height) from a frame header's length, precision, height and width."""
    height, width = struct.unpack(">HH", segment[3:7])
    return width, height


def _png(data: bytes) -> Header:
    if len(data) < 33:
        raise truncated(data)
    length, kind, width, height = struct.unpack(">I4sII", data[8:24])
    if length != 13 or kind != b"IHDR":
        raise not_an_image("its first chunk is not a PNG header")
    animated, position = False, 33
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        animated = animated or kind == b"acTL"
        position += 12 + length
        if kind == b"IEND":
            return Header("png", width, height, complete=position <= len(data), animated=animated)
    return Header("png", width, height, complete=False, animated=animated)


def _pgm(data: bytes) -> Header:
    header = PGM_HEADER.match(data, 0, PGM_HEADER_LIMIT)
    if header is None:
        raise truncated(data) if _begins_pgm(data) else not_an_image("its PGM header breaks the format")
    width, height, largest = (int(number) for number in header.groups())
    if not 1 <= largest <= 65535:
        raise not_an_image(f"its largest grey value is {largest}, expected 1 to 65535")
    needed = header.end() + width * height * (1 if largest < 256 else 2)
    return Header("pgm", width, height, complete=len(data) >= needed)


def _begins_pgm(data: bytes) -> bool:
    """Whether more bytes could still make this a PGM header."""
    return len(data) < PGM_HEADER_LIMIT and re.fullmatch(rb"P5(?:[\s\d]|#[^\n]*(?:\n|$))*", data) is not None
