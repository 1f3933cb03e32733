"""A chip and its mirror image to one vector: dlib's ResNet descriptor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hadir.core.vectors import Vectors, normalise
from hadir.faces.image import Image
from hadir.faces.onnx import Network
from hadir.faces.runtime import BATCH_SIZES

__all__ = ["MOST_PHOTOS", "Descriptor"]

MOST_PHOTOS = 8
"""Chips per call on a CPU, each in two views. 4 cost a tenth more per photo; 32 gain nothing and keep 46 MB more."""


class Descriptor:
    """Belongs to one thread."""

    def __init__(self, network: Network, dimension: int) -> None:
        """`network` takes (N, 3, H, W) float32 RGB in 0..255 (normalisation is in the graph) and gives (N, D)."""
        self._network = network
        self.provider = network.provider
        self._together = MOST_PHOTOS if network.provider == "cpu" else BATCH_SIZES[-1] // 2
        self.dimension = dimension

    def embed(self, chips: Sequence[Image]) -> Vectors:
        """(N, D) unit vectors for N chips of one size: the sum of chip and mirror image, normalised.

        The mirror image costs as much again and takes a fifth off the error at equal false match rates (measured).
        """
        if not chips:
            return np.empty((0, self.dimension), dtype=np.float32)
        rows = [self._raw(chips[start : start + self._together]) for start in range(0, len(chips), self._together)]
        return normalise(np.concatenate(rows))

    def _raw(self, chips: Sequence[Image]) -> NDArray[np.float32]:
        views = np.empty((2 * len(chips), 3, *chips[0].shape[:2]), dtype=np.float32)
        for row, chip in enumerate(chips):
            channels_first = chip.transpose(2, 0, 1)
            views[2 * row] = channels_first
            views[2 * row + 1] = channels_first[:, :, ::-1]
        outputs = self._network.run(views)[0]
        return np.asarray(outputs[0::2] + outputs[1::2], dtype=np.float32)
