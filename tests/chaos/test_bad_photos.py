"""Photos that are none, that lie, or that are meant to hurt, sent as check-ins to a whole station: nobody gets in."""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from hadir.app.demo_people import people_in_packages
from hadir.attendance.ledger_row import LedgerRow
from hadir.core.verdict import Outcome, Reason
from tests.app.site import make_site
from tests.app.watched_site import Running, started

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A station with the open pack that serves whoever comes inside installed packages."""
    folder = tmp_path_factory.mktemp("bad-photos")
    site = make_site(folder / "site", people_in_packages(), round(time.time() * 1000))
    site.serve()
    with started(site, site.folder / "snapshots", folder) as station:
        yield station


def verdict_on(running: Running, photo: bytes) -> LedgerRow:
    good, running.photo = running.photo, photo
    try:
        [row] = running.rows(running.send(1, again=not photo))  # nothing would not stay nothing
    finally:
        running.photo = good
    return row


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG that claims so many pixels, whatever it holds."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def claiming(photo: bytes, width: int, height: int) -> bytes:
    """The JPEG, whose frame header says another size."""
    at = next(i for i in range(len(photo)) if photo[i : i + 2] in {b"\xff\xc0", b"\xff\xc2"})
    return photo[: at + 5] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + photo[at + 9 :]


BAD: dict[str, tuple[Callable[[bytes], bytes], Reason]] = {
    "empty": (lambda _: b"", Reason.PHOTO_EMPTY),
    "a page": (lambda _: b"<html><body>maaf</body></html>", Reason.PHOTO_NOT_AN_IMAGE),
    "an archive": (lambda photo: b"PK\x03\x04" + photo, Reason.PHOTO_NOT_AN_IMAGE),
    "cut in the middle": (lambda photo: photo[: len(photo) // 2], Reason.PHOTO_TRUNCATED),
    "cut before its last byte": (lambda photo: photo[:-1], Reason.PHOTO_TRUNCATED),
    "a PNG of 900 megapixels": (lambda _: png(30_000, 30_000), Reason.PHOTO_TOO_MANY_PIXELS),
    "a JPEG of 4 gigapixels": (lambda photo: claiming(photo, 65_500, 65_500), Reason.PHOTO_TOO_MANY_PIXELS),
    "a PNG of a few pixels": (lambda _: png(8, 8, bytes(25) * 8), Reason.PHOTO_TOO_SMALL),
    "over four mebibytes": (lambda photo: photo + bytes(4 * 1_048_576), Reason.PHOTO_TOO_LARGE),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_photo_is_rejected_with_its_reason_and_the_station_goes_on(running: Running, name: str) -> None:
    spoil, reason = BAD[name]
    row = verdict_on(running, spoil(running.photo))
    assert row.outcome is Outcome.REJECTED
    assert {Reason.PHOTO_UNREADABLE, reason} <= set(row.reasons)
    assert verdict_on(running, running.photo).outcome is not Outcome.REJECTED


def saved(photo: bytes, kind: str, mode: str | None = None, **options: object) -> bytes:
    image = Image.open(io.BytesIO(photo))
    out = io.BytesIO()
    (image if mode is None else image.convert(mode)).save(out, kind, **options)
    return out.getvalue()


def turned(photo: bytes, orientation: int) -> bytes:
    """Stored as a camera held otherwise stores it, with the tag that says so."""
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Where the photo claims to have been taken is nobody's business and never looked at.
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    Image.open(io.BytesIO(photo)).transpose(back).save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


GOOD: dict[str, Callable[[bytes], bytes]] = {
    "upside down": lambda photo: turned(photo, 3),
    "lying on its side": lambda photo: turned(photo, 6),
    "lying on its other side": lambda photo: turned(photo, 8),
    "progressive": lambda photo: saved(photo, "JPEG", progressive=True, quality=95),
    "grey": lambda photo: saved(photo, "JPEG", "L", quality=95),
    "CMYK": lambda photo: saved(photo, "JPEG", "CMYK", quality=95),
    "a PNG": lambda photo: saved(photo, "PNG"),
    "an archive behind its end": lambda photo: photo + b"PK\x03\x04" + bytes(1000),
}


@pytest.mark.parametrize("name", GOOD)
def test_however_a_good_photo_is_stored_its_face_is_found_and_is_the_persons(running: Running, name: str) -> None:
    row = verdict_on(running, GOOD[name](running.photo))
    assert row.outcome is not Outcome.REJECTED, row.reasons
    assert Reason.SIMILARITY_UNCERTAIN not in row.reasons
