"""dlib's layers as ONNX: normalisation and affine layers are folded into the convolutions before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from dev.dlib_weights import Add, Affine, Convolution, FullyConnected, InputImage, Layer, Pool, Relu, Skip, Tag
from dev.onnx_graph import GraphWriter
from hadir.core.errors import PackError

__all__ = ["Precision", "dlib_to_onnx", "fold"]

Precision = Literal["fp32", "fp16"]
_PIXEL_SCALE = 256.0
"""dlib divides by 256, not 255 (dlib/dnn/input.h)."""


def dlib_to_onnx(layers: Sequence[Layer], precision: Precision) -> onnx.ModelProto:
    """`input` (N, 3, rows, columns) float32 RGB 0..255 to `output` (N, D) float32, not normalised.

    With `fp16` every kernel is rounded to fp16 and stored so; biases and all arithmetic stay float32.
    """
    image = layers[0]
    if not isinstance(image, InputImage):
        raise PackError(f"the first layer is {type(image).__name__}: expected InputImage")
    builder = _Builder(precision, _Value("input", 3, image.size))
    for layer in fold(layers):
        builder.append(layer)
    return builder.model(image.size)


def fold(layers: Sequence[Layer]) -> list[Layer]:
    """The same function without InputImage and Affine layers, computed in float64.

    An affine layer scales and shifts the convolution before it. (pixel − mean) / 256 goes into the first convolution,
    which is exact because that one has no border.
    """
    folded: list[Layer] = []
    for layer in layers:
        before = folded[-1] if folded else None
        if isinstance(layer, Affine):
            if not isinstance(before, Convolution):
                raise PackError(f"an affine layer stands behind {type(before).__name__}: expected a convolution")
            folded[-1] = _scaled(before, layer)
        elif isinstance(before, InputImage):
            if not isinstance(layer, Convolution) or layer.pads != (0, 0):
                raise PackError(f"{type(layer).__name__} takes the image: expected a convolution without a border")
            folded[-1] = _normalising(layer, before)
        else:
            folded.append(layer)
    return folded


def _scaled(convolution: Convolution, affine: Affine) -> Convolution:
    scale = affine.scale.astype(np.float64)
    kernel = convolution.kernel * scale[:, None, None, None]
    bias = convolution.bias * scale + affine.shift
    return replace(convolution, kernel=kernel.astype(np.float32), bias=bias.astype(np.float32))


def _normalising(convolution: Convolution, image: InputImage) -> Convolution:
    kernel = convolution.kernel.astype(np.float64) / _PIXEL_SCALE
    bias = convolution.bias - np.einsum("oihw,i->o", kernel, np.asarray(image.mean))
    return replace(convolution, kernel=kernel.astype(np.float32), bias=bias.astype(np.float32))


@dataclass(frozen=True, slots=True)
class _Value:
    """A value in the graph and its shape, without the batch."""

    name: str
    channels: int
    size: tuple[int, int]


class _Builder:
    """Walks the layers from the input on; `_value` is where it stands."""

    def __init__(self, precision: Precision, value: _Value) -> None:
        self._precision = precision
        self._writer = GraphWriter()
        self._value = value
        self._tagged: dict[int, _Value] = {}

    def append(self, layer: Layer) -> None:
        match layer:
            case Convolution():
                self._value = self._convolution(layer)
            case Relu():
                self._value = replace(self._value, name=self._writer.node("Relu", [self._value.name]))
            case Pool():
                self._value = self._pool(layer)
            case Tag():
                self._tagged[layer.number] = self._value
            case Skip():
                self._value = self._tagged[layer.number]
            case Add():
                self._value = self._sum(self._value, self._tagged[layer.number])
            case FullyConnected():
                self._value = self._product(layer)
            case _:
                raise PackError(f"{type(layer).__name__} has no translation here: fold the layers first")

    def model(self, size: tuple[int, int]) -> onnx.ModelProto:
        return self._writer.model(
            "descriptor", {"input": ("N", 3, *size)}, {self._value.name: ("N", self._value.channels)}
        )

    def _kernel(self, array: NDArray[np.float32]) -> str:
        if self._precision == "fp16":
            return self._writer.weights(array.astype(np.float16).astype(np.float32))
        return self._writer.weights(array, halve=False)

    def _convolution(self, layer: Convolution) -> _Value:
        kernel, strides, pads = layer.kernel.shape[2:], layer.strides, layer.pads
        inputs = [self._value.name, self._kernel(layer.kernel), self._writer.weights(layer.bias, halve=False)]
        name = self._writer.node("Conv", inputs, {"kernel_shape": kernel, "strides": strides, "pads": (*pads, *pads)})
        return _Value(name, len(layer.bias), _floor_size(self._value.size, (kernel[0], kernel[1]), strides, pads))

    def _pool(self, layer: Pool) -> _Value:
        if layer.kernel == (0, 0):
            plane = self._writer.node("GlobalAveragePool", [self._value.name])
            return _Value(self._writer.node("Flatten", [plane]), self._value.channels, (1, 1))
        if layer.pads != (0, 0):
            raise PackError(f"a pool has a border of {layer.pads}: the face descriptor has none")
        op = {"max": "MaxPool", "avg": "AveragePool"}[layer.kind]
        name = self._writer.node(op, [self._value.name], {"kernel_shape": layer.kernel, "strides": layer.strides})
        size = _floor_size(self._value.size, layer.kernel, layer.strides, layer.pads)
        return _Value(name, self._value.channels, size)

    def _sum(self, a: _Value, b: _Value) -> _Value:
        channels = max(a.channels, b.channels)
        size = max(a.size[0], b.size[0]), max(a.size[1], b.size[1])
        name = self._writer.node("Add", [self._grown(value, channels, size) for value in (a, b)])
        return _Value(name, channels, size)

    def _grown(self, value: _Value, channels: int, size: tuple[int, int]) -> str:
        if (value.channels, value.size) == (channels, size):
            return value.name
        after = (0, channels - value.channels, size[0] - value.size[0], size[1] - value.size[1])
        return self._writer.node("Pad", [value.name, self._writer.integers((0, 0, 0, 0, *after))], {"mode": "constant"})

    def _product(self, layer: FullyConnected) -> _Value:
        inputs = [self._value.name, self._kernel(layer.weights)]
        return _Value(self._writer.node("MatMul", inputs, output="output"), layer.weights.shape[1], (1, 1))


def _floor_size(
    size: tuple[int, int], kernel: tuple[int, int], strides: tuple[int, int], pads: tuple[int, int]
) -> tuple[int, int]:
    rows, columns = ((size[i] + 2 * pads[i] - kernel[i]) // strides[i] + 1 for i in range(2))
    return rows, columns
