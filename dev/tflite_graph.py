"""A TFLite file as plain data: the steps in order, every constant decoded, fp16 weights already widened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from hadir.core.errors import PackError

__all__ = ["Activation", "Padding", "Step", "TfliteGraph", "read_tflite"]


class Padding:
    """TFLite's two ways to treat the border."""

    SAME = 0
    VALID = 1


class Activation:
    """Functions that TFLite fuses behind a step."""

    NONE = 0
    RELU = 1
    RELU6 = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One operation. `inputs` and `output` are tensor numbers; `options` are the integers of its option table."""

    kind: str
    inputs: tuple[int, ...]
    output: int
    options: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TfliteGraph:
    """A network of one input. Shapes are TFLite's own (NHWC); constants hold float32 or int32."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    constants: Mapping[int, NDArray[Any]]
    steps: tuple[Step, ...]
    input: int
    outputs: tuple[int, ...]


_CONV = ("StrideH", "StrideW", "Padding", "FusedActivationFunction", "DilationHFactor", "DilationWFactor")
_POOL = ("StrideH", "StrideW", "Padding", "FusedActivationFunction", "FilterHeight", "FilterWidth")
_OPTIONS: dict[str, tuple[Callable[[], Any] | None, tuple[str, ...]]] = {
    "CONV_2D": (tflite.Conv2DOptions, _CONV),
    "DEPTHWISE_CONV_2D": (tflite.DepthwiseConv2DOptions, (*_CONV, "DepthMultiplier")),
    "MAX_POOL_2D": (tflite.Pool2DOptions, _POOL),
    "ADD": (tflite.AddOptions, ("FusedActivationFunction",)),
    "CONCATENATION": (tflite.ConcatenationOptions, ("Axis", "FusedActivationFunction")),
    "PAD": (None, ()),
    "PRELU": (None, ()),
    "RELU": (None, ()),
    "RESHAPE": (None, ()),
}
_DTYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
_KINDS = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}


def read_tflite(data: bytes) -> TfliteGraph:
    """Decode a model of one subgraph and one input.

    DEQUANTIZE steps vanish: these files keep their weights as fp16 and widen them on load, which is exact.

    Raises:
        PackError: an operation or a constant's type is not among those that the open pack's models use.
    """
    model = tflite.Model.GetRootAsModel(data, 0)
    graph = model.Subgraphs(0)
    tensors = [graph.Tensors(number) for number in range(graph.TensorsLength())]
    constants = {
        number: array for number, tensor in enumerate(tensors) if (array := _constant(model, tensor)) is not None
    }
    steps = []
    for step in (_step(model, graph.Operators(number)) for number in range(graph.OperatorsLength())):
        if step.kind == "DEQUANTIZE":
            constants[step.output] = constants[step.inputs[0]].astype(np.float32)
        else:
            steps.append(step)
    return TfliteGraph(
        names=tuple(tensor.Name().decode() for tensor in tensors),
        shapes=tuple(tuple(int(tensor.Shape(i)) for i in range(tensor.ShapeLength())) for tensor in tensors),
        constants=constants,
        steps=tuple(steps),
        input=int(graph.Inputs(0)),
        outputs=tuple(int(graph.Outputs(i)) for i in range(graph.OutputsLength())),
    )


def _constant(model: Any, tensor: Any) -> NDArray[Any] | None:
    buffer = model.Buffers(tensor.Buffer())
    if buffer.DataLength() == 0:
        return None
    if tensor.Type() not in _DTYPES:
        raise PackError(
            f"TFLite tensor type {tensor.Type()} is not float32, float16 or int32: extend dev/tflite_graph.py"
        )
    raw: NDArray[Any] = buffer.DataAsNumpy()
    return raw.view(_DTYPES[tensor.Type()]).reshape([int(tensor.Shape(i)) for i in range(tensor.ShapeLength())])


def _step(model: Any, operator: Any) -> Step:
    code = model.OperatorCodes(operator.OpcodeIndex())
    kind = _KINDS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    inputs = tuple(int(operator.Inputs(i)) for i in range(operator.InputsLength()))
    if kind == "DEQUANTIZE":
        return Step(kind, inputs, int(operator.Outputs(0)))
    if kind not in _OPTIONS:
        raise PackError(
            f"TFLite operation {kind} is not one of {', '.join(sorted(_OPTIONS))}: extend dev/tflite_graph.py"
        )
    return Step(kind, inputs, int(operator.Outputs(0)), _options(kind, operator))


def _options(kind: str, operator: Any) -> dict[str, int]:
    table_of, fields = _OPTIONS[kind]
    table = operator.BuiltinOptions()
    if table_of is None or table is None:
        return {}
    options = table_of()
    options.Init(table.Bytes, table.Pos)
    return {name: int(getattr(options, name)()) for name in fields}
