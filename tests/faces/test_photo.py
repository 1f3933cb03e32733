"""Untrusted bytes: every format, orientation and limit, and that nothing but PhotoError ever comes out."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageOps

from hadir.core.errors import PhotoError
from hadir.core.verdict import PHOTO_CODES, Reason
from hadir.faces.image import Image
from hadir.faces.pack import CHECK_IN_PHOTOS, ENROLMENT_PHOTOS
from hadir.faces.photo import MOST_BYTES, decode_photo

Encode = Callable[[Image], bytes]


def picture(width: int = 200, height: int = 160) -> Image:
    """Smooth, coloured and different in every corner."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) % 64 + 90], axis=-1).astype(np.uint8)


def saved(image: Pillow.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def reason_of(data: bytes, enrolment: bool = False) -> Reason | None:
    try:
        decode_photo(data, ENROLMENT_PHOTOS if enrolment else CHECK_IN_PHOTOS)
    except PhotoError as err:
        return err.reason
    return None


BASELINE = saved(Pillow.fromarray(picture()), "JPEG", quality=90)
PROGRESSIVE = saved(Pillow.fromarray(picture()), "JPEG", quality=90, progressive=True)
RESTARTING = saved(Pillow.fromarray(picture()), "JPEG", quality=90, restart_marker_blocks=4)
PNG = saved(Pillow.fromarray(picture()), "PNG")
PGM = b"P5\n# made by a test\n200 160\n255\n" + bytes(200 * 160)
WHOLE = {"baseline": BASELINE, "progressive": PROGRESSIVE, "restarting": RESTARTING, "png": PNG, "pgm": PGM}


def difference(one: Image, other: object) -> float:
    return float(np.abs(one.astype(np.int16) - np.asarray(other, dtype=np.int16)).mean())


@pytest.mark.parametrize("name", WHOLE)
def test_whole_photos_are_read(name: str) -> None:
    assert decode_photo(WHOLE[name], ENROLMENT_PHOTOS).pixels.shape == (160, 200, 3)


@pytest.mark.parametrize("name", WHOLE)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_photo_cut_anywhere_is_truncated(name: str, share: float) -> None:
    data = WHOLE[name]
    cut = data[: max(1, int(share * len(data)))]
    assert reason_of(cut, enrolment=True) is Reason.PHOTO_TRUNCATED


@pytest.mark.parametrize("name", WHOLE)
def test_a_photo_without_its_last_byte_or_with_its_first_few_only_is_truncated(name: str) -> None:
    for length in (*range(1, 34), len(WHOLE[name]) - 2, len(WHOLE[name]) - 1):
        assert reason_of(WHOLE[name][:length], enrolment=True) is Reason.PHOTO_TRUNCATED, length


@pytest.mark.parametrize("name", WHOLE)
@given(data=st.data())
def test_altered_bytes_are_read_or_refused_with_a_photo_code(name: str, data: st.DataObject) -> None:
    altered = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 4))):
        altered[data.draw(st.integers(0, min(700, len(altered) - 1)))] = data.draw(st.integers(0, 255))
    assert reason_of(bytes(altered), enrolment=True) in {None, *PHOTO_CODES}


@given(
    start=st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"P5\n", b"P5 9 "]), rest=st.binary(max_size=300)
)
def test_arbitrary_bytes_are_refused_with_a_photo_code(start: bytes, rest: bytes) -> None:
    assert reason_of(start + rest, enrolment=True) in PHOTO_CODES


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_exif_orientation_is_applied(orientation: int, format_: str) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    data = saved(Pillow.fromarray(picture()), format_, exif=exif)
    upright = ImageOps.exif_transpose(Pillow.open(io.BytesIO(data)))
    assert difference(decode_photo(data, CHECK_IN_PHOTOS).pixels, upright) < 1.5


@pytest.mark.parametrize("orientation", [1, 6])
def test_orientation_is_applied_to_reduced_photos_as_well(orientation: int) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    photo = decode_photo(saved(Pillow.fromarray(picture(1600, 1200)), "JPEG", exif=exif), CHECK_IN_PHOTOS)
    assert photo.pixels.shape == ((600, 800, 3) if orientation == 1 else (800, 600, 3))
    assert photo.reduction == 2


@pytest.mark.parametrize(("width", "height"), [(4032, 3024), (3024, 4032)])
def test_a_selfie_of_twelve_megapixels_is_decoded_at_the_size_that_detection_needs(
    width: int, height: int, jpeg: Encode
) -> None:
    photo = decode_photo(jpeg(np.zeros((height, width, 3), dtype=np.uint8)), CHECK_IN_PHOTOS)
    assert photo.pixels.size < width * height * 3 / 15


@pytest.mark.parametrize(
    ("width", "height", "reduction"),
    [(640, 480, 1), (1279, 960, 1), (1280, 720, 1), (1280, 960, 2), (960, 1280, 2), (2560, 1920, 4), (5120, 3840, 8)],
)
def test_reduction_never_leaves_less_than_640_by_480(width: int, height: int, reduction: int, jpeg: Encode) -> None:
    photo = decode_photo(jpeg(np.zeros((height, width, 3), dtype=np.uint8)), CHECK_IN_PHOTOS)
    assert photo.reduction == reduction
    assert photo.pixels.shape == (height // reduction, width // reduction, 3)


def test_a_progressive_photo_is_the_same_as_a_baseline_one() -> None:
    progressive, baseline = (decode_photo(data, CHECK_IN_PHOTOS).pixels for data in (PROGRESSIVE, BASELINE))
    assert difference(progressive, baseline) < 1


def test_cmyk_becomes_rgb() -> None:
    data = saved(Pillow.fromarray(picture()).convert("CMYK"), "JPEG", quality=95)
    assert difference(decode_photo(data, CHECK_IN_PHOTOS).pixels, picture()) < 4


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_grey_becomes_three_equal_channels(format_: str) -> None:
    pixels = decode_photo(saved(Pillow.fromarray(picture()).convert("L"), format_), CHECK_IN_PHOTOS).pixels
    assert (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all()


def test_sixteen_bits_become_eight() -> None:
    deep = cv2.imencode(".png", picture().astype(np.uint16)[..., ::-1] * 257)[1].tobytes()
    assert difference(decode_photo(deep, CHECK_IN_PHOTOS).pixels, picture()) == 0


def test_alpha_is_dropped() -> None:
    data = saved(Pillow.fromarray(picture()).convert("RGBA"), "PNG")
    assert difference(decode_photo(data, CHECK_IN_PHOTOS).pixels, picture()) == 0


def test_colours_come_out_as_rgb(png: Encode) -> None:
    assert difference(decode_photo(png(picture()), CHECK_IN_PHOTOS).pixels, picture()) == 0


def test_bytes_after_the_end_and_between_segments_do_no_harm() -> None:
    noisy = BASELINE[:20] + b"\x00\x11" + BASELINE[20:] + b"appended by a phone"
    assert difference(decode_photo(noisy, CHECK_IN_PHOTOS).pixels, decode_photo(BASELINE, CHECK_IN_PHOTOS).pixels) == 0


def test_no_bytes_are_an_empty_photo() -> None:
    assert reason_of(b"") is Reason.PHOTO_EMPTY


def test_more_than_four_mebibytes_are_too_large() -> None:
    assert reason_of(BASELINE + bytes(MOST_BYTES - len(BASELINE))) is None
    assert reason_of(BASELINE + bytes(MOST_BYTES - len(BASELINE) + 1)) is Reason.PHOTO_TOO_LARGE


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "BMP", "TIFF", "PPM"])
def test_other_formats_are_not_images_here_whatever_they_are_called(format_: str) -> None:
    assert reason_of(saved(Pillow.fromarray(picture()), format_), enrolment=True) is Reason.PHOTO_NOT_AN_IMAGE


def test_pgm_is_read_at_enrolment_only() -> None:
    assert reason_of(PGM, enrolment=True) is None
    assert reason_of(PGM) is Reason.PHOTO_NOT_AN_IMAGE


@pytest.mark.parametrize(
    ("shortest", "check_in", "enrolment"), [(160, None, None), (159, "small", None), (79, "small", "small")]
)
def test_the_shorter_side_has_160_px_at_check_in_and_80_at_enrolment(
    shortest: int, check_in: str | None, enrolment: str | None, jpeg: Encode
) -> None:
    for sides in ((shortest, 300), (300, shortest)):
        data = jpeg(picture(*sides))
        assert reason_of(data) is (Reason.PHOTO_TOO_SMALL if check_in else None)
        assert reason_of(data, enrolment=True) is (Reason.PHOTO_TOO_SMALL if enrolment else None)


def test_a_jpeg_that_claims_too_many_pixels_is_refused_before_decoding() -> None:
    frame = BASELINE.index(b"\xff\xc0")
    bomb = BASELINE[: frame + 5] + struct.pack(">HH", 65500, 65500) + BASELINE[frame + 9 :]
    assert reason_of(bomb) is Reason.PHOTO_TOO_MANY_PIXELS


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_a_png_that_claims_too_many_pixels_is_refused_before_decoding() -> None:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    assert reason_of(PNG[:8] + header + PNG[33:]) is Reason.PHOTO_TOO_MANY_PIXELS


def test_a_jpeg_with_thousands_of_scans_is_refused_before_decoding() -> None:
    last_scan = PROGRESSIVE[PROGRESSIVE.rindex(b"\xff\xda") : -2]
    bomb = PROGRESSIVE[:-2] + last_scan * 5000 + PROGRESSIVE[-2:]
    assert reason_of(bomb) is Reason.PHOTO_NOT_AN_IMAGE


def test_a_header_that_claims_no_pixels_is_not_an_image() -> None:
    frame = BASELINE.index(b"\xff\xc0")
    assert reason_of(BASELINE[: frame + 5] + bytes(4) + BASELINE[frame + 9 :]) is Reason.PHOTO_NOT_AN_IMAGE


def test_an_animated_png_is_refused() -> None:
    frames = [Pillow.fromarray(picture()), Pillow.fromarray(255 - picture())]
    data = saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert reason_of(data) is Reason.PHOTO_ANIMATED


@pytest.mark.parametrize(("code", "expected"), [(cv2.Error.StsError, PhotoError), (cv2.Error.StsNoMem, cv2.error)])
def test_a_machine_out_of_memory_is_not_blamed_on_the_photo(
    code: int, expected: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        error = cv2.error("as OpenCV raises it")
        error.code = code
        raise error

    monkeypatch.setattr(cv2, "imdecode", fail)
    with pytest.raises(expected):
        decode_photo(BASELINE, CHECK_IN_PHOTOS)


def test_messages_hold_no_byte_of_the_photo() -> None:
    with pytest.raises(PhotoError, match=r"^the photo is not a readable JPEG or PNG \(.*\): send one of these$"):
        decode_photo(b"these words are no picture", CHECK_IN_PHOTOS)
