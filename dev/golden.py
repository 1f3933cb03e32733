"""The golden chip: one face whose vector every machine must reproduce before it may judge anybody.

The face is the portrait of Eileen Collins that NASA put into the public domain, as scikit-image ships it.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from skimage import data

from dev.face_sets import ChipCutter
from hadir.core.errors import PackError
from hadir.core.vectors import normalise
from hadir.faces.image import Image
from hadir.faces.manifest import GOLDEN_CHIP

__all__ = ["golden_chip", "golden_npz", "golden_photo", "golden_vector", "kept_chip"]

DECIMALS = 7
MOST_LEVELS_APART = 0.5


def golden_photo() -> Image:
    """The portrait, (512, 512, 3) uint8 RGB."""
    photo: NDArray[np.uint8] = data.astronaut()  # type: ignore[no-untyped-call]  # scikit-image has few types
    return photo


def golden_chip(cutter: ChipCutter) -> Image:
    """The portrait's chip. Raises PackError where detector and mesh find no face on it."""
    chip = cutter.cut(golden_photo())
    if chip is None:
        raise PackError("no face is found on the golden portrait: detector or mesh are converted wrongly")
    return chip


def golden_npz(chip: Image) -> bytes:
    """The chip as the pack stores it: key `chip` of an .npz."""
    buffer = io.BytesIO()
    np.savez(buffer, chip=chip)
    return buffer.getvalue()


def kept_chip(weights: Path, anew: Image) -> Image:
    """The stored chip, which stays: another CPU may round a pixel of it otherwise.

    Raises:
        PackError: there is none, or `anew` is not the same picture (0.5 of 255 levels apart in the mean).
    """
    try:
        chip: Image = np.load(weights / GOLDEN_CHIP)["chip"]
    except (OSError, KeyError, ValueError) as err:
        raise PackError(f"{GOLDEN_CHIP} cannot be read: restore it from version control, or measure anew") from err
    apart = float(np.abs(chip.astype(np.float32) - anew).mean())
    if apart > MOST_LEVELS_APART:
        raise PackError(f"the golden chip is {apart:.2f} levels from the stored one: detector or mesh have changed")
    return chip


def golden_vector(model: bytes, chip: Image) -> list[float]:
    """The unit sum of the descriptor's two views of the chip, computed the slow and exact way.

    Without graph optimisations onnxruntime runs a quantised network literally: dequantise, float convolution,
    quantise. So the vector is what the network *means*, free of any CPU's integer kernels: a machine whose kernels
    saturate is caught even if it made the pack.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    views = np.stack([chip, chip[:, ::-1]]).transpose(0, 3, 1, 2).astype(np.float32)
    outputs: NDArray[np.float32] = session.run(["output"], {"input": np.ascontiguousarray(views)})[0]
    return [round(float(value), DECIMALS) for value in normalise(outputs.sum(axis=0, keepdims=True))[0]]
