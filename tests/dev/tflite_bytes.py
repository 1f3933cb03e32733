"""A TFLite file of one convolution, written as MediaPipe's converter writes: fp16 weights behind DEQUANTIZE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # ships no types
import numpy as np
import tflite
from numpy.typing import NDArray

__all__ = ["one_convolution"]

OPERATORS = (
    tflite.BuiltinOperator.DEQUANTIZE,
    tflite.BuiltinOperator.CONV_2D,
    tflite.BuiltinOperator.RESHAPE,
)


@dataclass(frozen=True, slots=True, eq=False)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    kind: int = tflite.TensorType.FLOAT32
    content: bytes = b""


def one_convolution(
    side: int, kernel: NDArray[np.float16], bias: NDArray[np.float16], stride: int, operators: Sequence[int] = OPERATORS
) -> bytes:
    """Input `input` (1, side, side, C) → CONV_2D, SAME, ReLU → RESHAPE to `output` (1, places, filters).

    Operators are numbered as DEQUANTIZE, CONV_2D, RESHAPE in `operators`.
    """
    filters, places = kernel.shape[0], -(-side // stride)
    half = tflite.TensorType.FLOAT16
    tensors = [
        _Tensor("input", (1, side, side, kernel.shape[3])),
        _Tensor("kernel_half", kernel.shape, half, kernel.tobytes()),
        _Tensor("bias_half", bias.shape, half, bias.tobytes()),
        _Tensor("kernel", kernel.shape),
        _Tensor("bias", bias.shape),
        _Tensor("convolved", (1, places, places, filters)),
        _Tensor("output", (1, places * places, filters)),
    ]
    builder = flatbuffers.Builder(0)
    steps = [
        _operator(builder, 0, [1], 3),
        _operator(builder, 0, [2], 4),
        _operator(builder, 1, [0, 3, 4], 5, _convolution(builder, stride)),
        _operator(builder, 2, [5], 6, _reshape(builder, tensors[6].shape)),
    ]
    return _model(builder, tensors, steps, operators)


def _convolution(builder: Any, stride: int) -> tuple[int, int]:
    tflite.Conv2DOptionsStart(builder)
    tflite.Conv2DOptionsAddStrideH(builder, stride)
    tflite.Conv2DOptionsAddStrideW(builder, stride)
    tflite.Conv2DOptionsAddPadding(builder, tflite.Padding.SAME)
    tflite.Conv2DOptionsAddFusedActivationFunction(builder, tflite.ActivationFunctionType.RELU)
    return tflite.BuiltinOptions.Conv2DOptions, tflite.Conv2DOptionsEnd(builder)


def _reshape(builder: Any, shape: Sequence[int]) -> tuple[int, int]:
    target = _integers(builder, shape)
    tflite.ReshapeOptionsStart(builder)
    tflite.ReshapeOptionsAddNewShape(builder, target)
    return tflite.BuiltinOptions.ReshapeOptions, tflite.ReshapeOptionsEnd(builder)


def _operator(
    builder: Any, code: int, inputs: Sequence[int], output: int, options: tuple[int, int] | None = None
) -> int:
    """`options` are the kind of the option table and its place."""
    taken, given = _integers(builder, inputs), _integers(builder, [output])
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, taken)
    tflite.OperatorAddOutputs(builder, given)
    if options is not None:
        tflite.OperatorAddBuiltinOptionsType(builder, options[0])
        tflite.OperatorAddBuiltinOptions(builder, options[1])
    return int(tflite.OperatorEnd(builder))


def _model(builder: Any, tensors: Sequence[_Tensor], steps: Sequence[int], operators: Sequence[int]) -> bytes:
    buffers = _tables(builder, [_buffer(builder, content) for content in (b"", *(one.content for one in tensors))])
    codes = _tables(builder, [_code(builder, operator) for operator in operators])
    graph = _graph(builder, tensors, steps)
    graphs = _tables(builder, [graph])
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddOperatorCodes(builder, codes)
    tflite.ModelAddSubgraphs(builder, graphs)
    tflite.ModelAddBuffers(builder, buffers)
    builder.Finish(tflite.ModelEnd(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _graph(builder: Any, tensors: Sequence[_Tensor], steps: Sequence[int]) -> int:
    listed = _tables(builder, [_tensor(builder, one, number + 1) for number, one in enumerate(tensors)])
    entries, exits, operators = _integers(builder, [0]), _integers(builder, [len(tensors) - 1]), _tables(builder, steps)
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, listed)
    tflite.SubGraphAddInputs(builder, entries)
    tflite.SubGraphAddOutputs(builder, exits)
    tflite.SubGraphAddOperators(builder, operators)
    return int(tflite.SubGraphEnd(builder))


def _tensor(builder: Any, tensor: _Tensor, buffer: int) -> int:
    name, shape = builder.CreateString(tensor.name), _integers(builder, tensor.shape)
    tflite.TensorStart(builder)
    tflite.TensorAddName(builder, name)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, tensor.kind)
    tflite.TensorAddBuffer(builder, buffer)
    return int(tflite.TensorEnd(builder))


def _buffer(builder: Any, content: bytes) -> int:
    data = builder.CreateByteVector(content) if content else None
    tflite.BufferStart(builder)
    if data is not None:
        tflite.BufferAddData(builder, data)
    return int(tflite.BufferEnd(builder))


def _code(builder: Any, operator: int) -> int:
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, operator)
    tflite.OperatorCodeAddBuiltinCode(builder, operator)
    return int(tflite.OperatorCodeEnd(builder))


def _integers(builder: Any, values: Sequence[int]) -> int:
    return _vector(builder, values, builder.PrependInt32)


def _tables(builder: Any, offsets: Sequence[int]) -> int:
    return _vector(builder, offsets, builder.PrependUOffsetTRelative)


def _vector(builder: Any, values: Sequence[int], prepend: Callable[[int], None]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        prepend(value)
    return int(builder.EndVector())
