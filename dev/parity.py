"""Proof that a converted network is the original one: the same inputs through both, the largest difference returned.

Oracles are what their makers run: LiteRT for MediaPipe's networks, dlib for its descriptor.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import dlib
import numpy as np
import onnx
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from dev.onnx_graph import serialise
from hadir.core.errors import PackError
from hadir.faces.image import Image
from hadir.faces.onnx import Network

__all__ = [
    "DESCRIPTOR_TOLERANCE",
    "LEAST_COSINE",
    "TFLITE_TOLERANCE",
    "crops_of",
    "descriptor_difference",
    "least_cosine",
    "require",
    "tflite_difference",
]

TFLITE_TOLERANCE = 5e-4
"""Of outputs that reach 140 to 220 (pixels of the crop, logits): float32 rounding through some fifty layers; 2.6e-4 is
the most seen."""

DESCRIPTOR_TOLERANCE = 2e-6
"""Of coordinates of about .1; 3.6e-7 is the most seen."""

LEAST_COSINE = {"fp16": 0.99999, "int8": 0.9985}
"""Per photo, to the float32 descriptor, chip and mirror image summed. int8: .99977 in the mean of 600 photos, .9989 at
worst."""


def crops_of(image: Image, side_px: int, count: int, seed: int) -> NDArray[np.uint8]:
    """(count, side, side, 3) uint8: random squares of a photo, every other one replaced by noise."""
    random = np.random.default_rng(seed)
    crops = []
    for number in range(count):
        size = int(random.integers(side_px // 2, min(image.shape[:2])))
        top, left = (int(random.integers(0, extent - size + 1)) for extent in image.shape[:2])
        square = image[top : top + size, left : left + size]
        noise = random.integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)
        crops.append(noise if number % 2 else cv2.resize(square, (side_px, side_px), interpolation=cv2.INTER_AREA))
    return np.stack(crops)


def tflite_difference(tflite: bytes, model: bytes, inputs: NDArray[np.float32]) -> dict[str, float]:
    """Output name to the largest absolute difference between LiteRT and onnxruntime over (N, H, W, 3) inputs."""
    interpreter = Interpreter(model_content=tflite, num_threads=1)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    exits = {output["name"]: output["index"] for output in interpreter.get_output_details()}
    names = [output.name for output in onnx.load_from_string(model).graph.output]
    network = Network(model, "converted network", tuple(names))
    worst = dict.fromkeys(names, 0.0)
    for one in inputs:
        interpreter.set_tensor(entry, one[None])
        interpreter.invoke()
        for name, converted in zip(names, network.run(one[None]), strict=True):
            original = interpreter.get_tensor(exits[name]).reshape(converted.shape)
            worst[name] = max(worst[name], float(np.abs(converted - original).max()))
    return worst


def descriptor_difference(dat: Path, model: onnx.ModelProto, chips: Sequence[Image]) -> float:
    """The largest absolute difference between dlib's descriptor and the converted one over 150-px chips."""
    original = dlib.face_recognition_model_v1(str(dat))
    network = Network(serialise(model), "float32 descriptor", ("output",))
    worst = 0.0
    for chip in chips:
        converted = network.run(_channels_first(chip))[0][0]
        expected = np.asarray(original.compute_face_descriptor(np.ascontiguousarray(chip)))
        worst = max(worst, float(np.abs(converted - expected).max()))
    return worst


def least_cosine(model: bytes, reference: onnx.ModelProto, chips: Sequence[Image]) -> float:
    """The least cosine between two descriptors over chips, each summed with its mirror image."""
    networks = [Network(data, "descriptor", ("output",)) for data in (model, serialise(reference))]
    cosines = []
    for chip in chips:
        one, other = (
            network.run(_channels_first(chip))[0][0] + network.run(_channels_first(chip[:, ::-1]))[0][0]
            for network in networks
        )
        cosines.append(float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other))))
    return min(cosines)


def require(holds: bool, what: str) -> None:
    """Raise PackError, saying what does not agree with its original, unless it holds."""
    if not holds:
        raise PackError(f"{what}: the conversion is wrong with these package versions")


def _channels_first(chip: Image) -> NDArray[np.float32]:
    return np.ascontiguousarray(chip.transpose(2, 0, 1)[None], dtype=np.float32)
