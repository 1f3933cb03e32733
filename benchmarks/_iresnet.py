"""A recogniser of IResNet's shape with weights of chance: as much work as a trained one, and nobody's licence.

Structure as published with ArcFace (Deng et al. 2019, the "IR" blocks): normalise, convolve, PReLU, convolve with the
stage's stride, and the input added. What follows a convolution is folded into it, as every runtime does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

__all__ = ["IRESNET_50", "write_iresnet"]

IRESNET_50 = (3, 4, 14, 3)
"""Blocks per stage. 43.6 million parameters, 6.3 billion multiplications per crop."""

SIDE_PX = 112
DIMENSION = 512
WIDTH = 64


class _Graph:
    """Nodes and weights, each layer naming its output after its number."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, kind: str, inputs: Sequence[str], weights: Sequence[NDArray[np.float32]] = (), **options: Any) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        names = [f"{name}.{at}" for at in range(len(weights))]
        self.weights += [numpy_helper.from_array(w, n) for w, n in zip(weights, names, strict=True)]
        self.nodes.append(helper.make_node(kind, [*inputs, *names], [name], **options))
        return name

    def convolve(self, source: str, channels: tuple[int, int], side: int, stride: int = 1) -> str:
        taken, given = channels
        scale = np.sqrt(2.0 / (taken * side * side))
        kernel = self._rng.normal(0.0, scale, (given, taken, side, side)).astype(np.float32)
        shape = {"kernel_shape": [side, side], "strides": [stride, stride], "pads": [side // 2] * 4}
        return self.add("Conv", [source], [kernel, np.zeros(given, dtype=np.float32)], **shape)

    def bend(self, source: str, channels: int) -> str:
        return self.add("PRelu", [source], [np.full((channels, 1, 1), 0.25, dtype=np.float32)])

    def normalise(self, source: str, channels: int) -> str:
        ones, zeros = np.ones(channels, dtype=np.float32), np.zeros(channels, dtype=np.float32)
        return self.add("BatchNormalization", [source], [ones, zeros, zeros, ones])

    def flatten_into(self, source: str, taken: int, given: int) -> str:
        matrix = self._rng.normal(0.0, 1.0 / np.sqrt(taken), (taken, given)).astype(np.float32)
        return self.add("Gemm", [self.add("Flatten", [source])], [matrix])


def write_iresnet(path: Path, blocks: Sequence[int] = IRESNET_50, width: int = WIDTH) -> None:
    """(N, 3, 112, 112) float32 to (N, 512). `blocks` of 4 stages, the channels of which double from `width` on."""
    graph = _Graph(seed=50)
    at = graph.bend(graph.convolve("input", (3, width), 3), width)
    taken = width
    for stage, count in enumerate(blocks):
        given = width << stage
        for block in range(count):
            stride = 2 if block == 0 else 1
            side = graph.convolve(at, (taken, given), 1, stride) if block == 0 else at
            inner = graph.bend(graph.convolve(graph.normalise(at, taken), (taken, given), 3), given)
            at = graph.add("Add", [graph.convolve(inner, (given, given), 3, stride), side])
            taken = given
    left_px = SIDE_PX >> len(blocks)
    last = graph.flatten_into(graph.normalise(at, taken), taken * left_px * left_px, DIMENSION)
    floats = onnx.TensorProto.FLOAT
    made = helper.make_graph(
        graph.nodes,
        "iresnet",
        [helper.make_tensor_value_info("input", floats, ["N", 3, SIDE_PX, SIDE_PX])],
        [helper.make_tensor_value_info(last, floats, ["N", DIMENSION])],
        graph.weights,
    )
    onnx.save(helper.make_model(made, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), str(path))
