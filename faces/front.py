"""What stands before every recogniser: the open pack's detector, mesh and canonical face."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import PackError
from hadir.faces.alignment import canonical_template
from hadir.faces.blazeface import BlazeFace
from hadir.faces.image import Points
from hadir.faces.locate import FaceLocator
from hadir.faces.manifest import CANONICAL_FACE, Manifest
from hadir.faces.mesh import POINTS, FaceMesh
from hadir.faces.onnx import Network
from hadir.faces.runtime import CPU, Runtime

__all__ = ["Front", "build_front", "read_array"]


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """`template`: where the mesh's points lie in a canonical chip. Belongs to one thread."""

    locator: FaceLocator
    template: Points


def build_front(manifest: Manifest, contents: Mapping[str, bytes], runtime: Runtime = CPU) -> Front:
    """Open detector and mesh from checked file contents. Raises PackError where one cannot be used."""
    detector, landmarks = manifest.detector.file, manifest.landmarks.file
    blazeface = BlazeFace(Network(contents[detector], detector, ("regressors", "classificators"), runtime))
    mesh = FaceMesh(Network(contents[landmarks], landmarks, ("conv2d_21", "conv2d_31"), runtime))
    canonical = read_array(contents, CANONICAL_FACE, (POINTS, 3))
    return Front(
        FaceLocator(blazeface, mesh, manifest.quality.second_face_ratio),
        canonical_template(canonical.astype(np.float32)),
    )


def read_array(
    contents: Mapping[str, bytes], file: str, shape: tuple[int, ...], key: str | None = None
) -> NDArray[np.generic]:
    """An array out of an .npy, or under `key` out of an .npz. Raises PackError where it is not there or misshapen."""
    try:
        loaded = np.load(io.BytesIO(contents[file]), allow_pickle=False)
        array: NDArray[np.generic] = loaded if key is None else loaded[key]
    except (ValueError, KeyError, OSError) as err:
        raise PackError(f"{file} does not hold the array {key or ''}: convert the pack again") from err
    if array.shape != shape:
        raise PackError(f"{file} holds an array of shape {array.shape}, expected {shape}: convert the pack again")
    return array
