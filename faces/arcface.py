"""An ArcFace-format recogniser, run through the insightface package: the only file that imports it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import PackError
from hadir.core.vectors import Vectors, normalise
from hadir.faces.alignment import ARCFACE_PX, arcface_points, arcface_template, cut_chip, fit_similarity
from hadir.faces.descriptor import MOST_PHOTOS
from hadir.faces.image import Image
from hadir.faces.mesh import Mesh
from hadir.faces.onnx import Session

__all__ = ["ArcFaceEmbedder", "is_arcface"]


class _Recogniser(Protocol):
    def get_feat(self, imgs: list[Image]) -> NDArray[np.float32]: ...


def is_arcface(session: Session) -> bool:
    """Whether a model takes batches of ArcFace's 112-px crops and gives one vector for each."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    return (
        len(inputs) == len(outputs) == 1
        and list(inputs[0].shape[1:]) == [3, ARCFACE_PX, ARCFACE_PX]
        and len(outputs[0].shape) == 2
        and isinstance(outputs[0].shape[1], int)
    )


class ArcFaceEmbedder:
    """Five mesh points to a 112-px crop; crop and mirror image to one vector. Belongs to one thread."""

    def __init__(self, path: Path, session: Session) -> None:
        """Wrap the package's recogniser around a session of ours, whose threads and providers are what we say they are.

        `session` is of the model in `path`, which the package reads once more to see whether it normalises its input.

        Raises:
            PackError: the model takes one face at a time only.
        """
        from insightface.model_zoo.arcface_onnx import ArcFaceONNX

        if isinstance(batch := session.get_inputs()[0].shape[0], int):
            raise PackError(f"{path.name} takes batches of {batch} only: export it with a dynamic batch size")
        self._recogniser: _Recogniser = ArcFaceONNX(model_file=str(path), session=session)
        self.dimension = int(session.get_outputs()[0].shape[1] or 0)
        self._template = arcface_template()

    def crop(self, image: Image, mesh: Mesh, chip: Image) -> Image:  # noqa: ARG002 - it cuts its own
        return cut_chip(image, fit_similarity(arcface_points(mesh), self._template), ARCFACE_PX)

    def embed(self, crops: Sequence[Image]) -> Vectors:
        if not crops:
            return np.empty((0, self.dimension), dtype=np.float32)
        rows = [self._raw(crops[start : start + MOST_PHOTOS]) for start in range(0, len(crops), MOST_PHOTOS)]
        return normalise(np.concatenate(rows))

    def _raw(self, crops: Sequence[Image]) -> NDArray[np.float32]:
        """The sum over both views, (N, D); the package wants BGR."""
        views = [view for crop in crops for view in (crop[:, :, ::-1], crop[:, ::-1, ::-1])]
        outputs = self._recogniser.get_feat([np.ascontiguousarray(view) for view in views])
        return np.asarray(outputs[0::2] + outputs[1::2], dtype=np.float32)
