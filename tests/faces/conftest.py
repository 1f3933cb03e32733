"""Photos and packs that the tests of this floor share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from hadir.faces.analysis import AssembledPack
from hadir.faces.front import Front, build_front
from hadir.faces.image import Image
from hadir.faces.manifest import Manifest, read_files, read_manifest
from hadir.faces.open_pack import load_open_pack, shipped_folder

Encode = Callable[[Image], bytes]


@pytest.fixture(scope="session")
def astronaut() -> Image:
    """The public-domain portrait that ships with scikit-image, (512, 512, 3) RGB."""
    return np.asarray(skimage.data.astronaut(), dtype=np.uint8)  # type: ignore[no-untyped-call]  # ships no types


@pytest.fixture(scope="session")
def jpeg() -> Encode:
    """RGB to JPEG of quality 90."""

    def encode(image: Image) -> bytes:
        return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()

    return encode


@pytest.fixture(scope="session")
def png() -> Encode:
    """RGB to PNG."""

    def encode(image: Image) -> bytes:
        return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()

    return encode


@pytest.fixture(scope="session")
def open_pack() -> AssembledPack:
    """The pack that ships inside."""
    return load_open_pack()


@pytest.fixture(scope="session")
def shipped() -> tuple[Manifest, dict[str, bytes]]:
    """Its manifest and files."""
    manifest = read_manifest(shipped_folder())
    return manifest, read_files(shipped_folder(), manifest)


@pytest.fixture(scope="session")
def front(shipped: tuple[Manifest, dict[str, bytes]]) -> Front:
    """Its detector, mesh and template."""
    return build_front(*shipped)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Real photos and models that may not be committed."""
    folder = Path(os.environ.get("HADIR_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data in {folder}: set HADIR_TEST_DATA")
    return folder
