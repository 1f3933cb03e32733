"""MediaPipe's TFLite networks as ONNX, operation by operation.

The graph keeps TFLite's NHWC input and turns it once; inside everything is NCHW. Outputs keep their TFLite names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from dev.onnx_graph import Attribute, GraphWriter
from dev.tflite_graph import Activation, Padding, Step, TfliteGraph
from hadir.core.errors import PackError

__all__ = ["same_padding", "tflite_to_onnx"]

_TO_NCHW = (0, 3, 1, 2)
_TO_NHWC = (0, 2, 3, 1)
_ACTIVATIONS = {Activation.RELU: "Relu"}


def tflite_to_onnx(graph: TfliteGraph, name: str) -> onnx.ModelProto:
    """Translate the whole network; the batch dimension becomes free.

    The input is `input`, (N, H, W, C) float32. An output of rank 3 stays (N, rows, columns); one of rank 4 must be 1×1
    in space and becomes (N, C).

    Raises:
        PackError: an operation, or a use of one, that the open pack's models do not have.
    """
    return _Translation(graph).model(name)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TFLite's SAME border (before, after): the output has ceil(size/stride) places and the odd pixel comes after."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class _Translation:
    """One run over the steps; `_value` maps a tensor number to the name of its NCHW value in the new graph."""

    def __init__(self, graph: TfliteGraph) -> None:
        self._graph = graph
        self._writer = GraphWriter()
        self._value: dict[int, str] = {}
        self._translate: dict[str, Callable[[Step], str]] = {
            "ADD": self._add,
            "CONCATENATION": self._concatenate,
            "CONV_2D": self._convolve,
            "DEPTHWISE_CONV_2D": self._convolve_depthwise,
            "MAX_POOL_2D": self._max_pool,
            "PAD": self._pad,
            "PRELU": self._prelu,
            "RELU": self._relu,
            "RESHAPE": self._reshape,
        }

    def model(self, name: str) -> onnx.ModelProto:
        graph = self._graph
        self._value[graph.input] = self._writer.node("Transpose", ["input"], {"perm": _TO_NCHW})
        for step in graph.steps:
            if step.kind not in self._translate:
                raise PackError(f"TFLite operation {step.kind} has no translation: extend dev/tflite_to_onnx.py")
            self._value[step.output] = self._activate(step, self._translate[step.kind](step))
        outputs = dict(self._finish(number) for number in graph.outputs)
        return self._writer.model(name, {"input": ("N", *graph.shapes[graph.input][1:])}, outputs)

    def _finish(self, number: int) -> tuple[str, tuple[int | str, ...]]:
        name, shape = self._graph.names[number], self._graph.shapes[number]
        if len(shape) == 3:
            self._writer.node("Identity", [self._value[number]], output=name)
            return name, ("N", *shape[1:])
        if shape[1:3] != (1, 1):
            raise PackError(f"output {name} has shape {shape}: expected 1×1 in space, or three dimensions")
        self._writer.node("Flatten", [self._value[number]], output=name)
        return name, ("N", shape[3])

    def _activate(self, step: Step, value: str) -> str:
        fused = step.options.get("FusedActivationFunction", Activation.NONE)
        if fused == Activation.NONE:
            return value
        if fused not in _ACTIVATIONS:
            raise PackError(f"{step.kind} has fused activation {fused}: only none (0) and ReLU (1) are translated")
        return self._writer.node(_ACTIVATIONS[fused], [value])

    def _constant(self, number: int) -> NDArray[Any]:
        if number not in self._graph.constants:
            raise PackError(f"tensor {self._graph.names[number]} must be constant in this file")
        return self._graph.constants[number]

    def _border(self, step: Step, kernel: tuple[int, int]) -> dict[str, Attribute]:
        strides = step.options["StrideH"], step.options["StrideW"]
        pads: tuple[int, ...] = (0, 0, 0, 0)
        if step.options["Padding"] == Padding.SAME:
            sizes = self._graph.shapes[step.inputs[0]][1:3]
            (top, bottom), (left, right) = (
                same_padding(size, k, stride) for size, k, stride in zip(sizes, kernel, strides, strict=True)
            )
            pads = (top, left, bottom, right)
        return {"kernel_shape": kernel, "strides": strides, "pads": pads}

    def _convolve(self, step: Step) -> str:
        kernel = self._constant(step.inputs[1])
        return self._convolution(step, np.transpose(kernel, _TO_NCHW), group=1)

    def _convolve_depthwise(self, step: Step) -> str:
        if step.options["DepthMultiplier"] != 1:
            raise PackError(f"depthwise multiplier {step.options['DepthMultiplier']}: only 1 is translated")
        kernel = self._constant(step.inputs[1])
        return self._convolution(step, np.transpose(kernel, (3, 0, 1, 2)), group=kernel.shape[3])

    def _convolution(self, step: Step, kernel: NDArray[Any], group: int) -> str:
        if (step.options["DilationHFactor"], step.options["DilationWFactor"]) != (1, 1):
            raise PackError(f"{step.kind} is dilated: only dilation 1 is translated")
        inputs = [self._value[step.inputs[0]], self._writer.weights(kernel)]
        inputs += [self._writer.weights(self._constant(number)) for number in step.inputs[2:]]
        height, width = kernel.shape[2:]
        return self._writer.node("Conv", inputs, {"group": group, **self._border(step, (height, width))})

    def _max_pool(self, step: Step) -> str:
        kernel = step.options["FilterHeight"], step.options["FilterWidth"]
        return self._writer.node("MaxPool", [self._value[step.inputs[0]]], self._border(step, kernel))

    def _relu(self, step: Step) -> str:
        return self._writer.node("Relu", [self._value[step.inputs[0]]])

    def _prelu(self, step: Step) -> str:
        """a·x + (1 − a)·ReLU(x) with two depthwise 1×1 convolutions.

        The mesh then takes 0.6 ms; with onnxruntime's own PRelu it takes 2.7 ms.
        """
        slope = self._constant(step.inputs[1]).reshape(-1, 1, 1, 1)
        value = self._value[step.inputs[0]]
        positive = self._writer.node("Relu", [value])
        return self._writer.node("Add", [self._scaled(value, slope), self._scaled(positive, 1 - slope)])

    def _scaled(self, value: str, factors: NDArray[Any]) -> str:
        return self._writer.node(
            "Conv", [value, self._writer.weights(factors)], {"group": len(factors), "kernel_shape": (1, 1)}
        )

    def _add(self, step: Step) -> str:
        return self._writer.node("Add", [self._value[number] for number in step.inputs])

    def _pad(self, step: Step) -> str:
        amounts = self._constant(step.inputs[1])[list(_TO_NCHW)]
        pads = self._writer.integers([int(n) for n in (*amounts[:, 0], *amounts[:, 1])])
        return self._writer.node("Pad", [self._value[step.inputs[0]], pads], {"mode": "constant"})

    def _reshape(self, step: Step) -> str:
        target = self._graph.shapes[step.output]
        if len(self._graph.shapes[step.inputs[0]]) != 4 or len(target) != 3:
            raise PackError(f"RESHAPE to {target}: only from four dimensions to three is translated")
        rows = self._writer.node("Transpose", [self._value[step.inputs[0]]], {"perm": _TO_NHWC})
        return self._writer.node("Reshape", [rows, self._writer.integers([0, -1, target[2]])])

    def _concatenate(self, step: Step) -> str:
        if len(self._graph.shapes[step.output]) != 3:
            raise PackError(
                f"CONCATENATION of {len(self._graph.shapes[step.output])} dimensions: only three are translated"
            )
        return self._writer.node(
            "Concat", [self._value[number] for number in step.inputs], {"axis": step.options["Axis"]}
        )
