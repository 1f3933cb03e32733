"""Writing an ONNX graph node by node: opset 17, IR 8, weights stored as fp16 wherever that loses nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

__all__ = ["IR_VERSION", "OPSET", "Attribute", "GraphWriter", "Shape", "serialise"]

OPSET = 17
IR_VERSION = 8
Shape = tuple[int | str, ...]
"""Dimensions of a graph's input or output; a name stands for one that is free."""

Attribute = int | float | str | Sequence[int]
"""What a node may be told."""


class GraphWriter:
    """Collects nodes and constants in the order in which they are written; the same calls give the same bytes."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._count = 0

    def node(
        self,
        op: str,
        inputs: Sequence[str],
        attributes: Mapping[str, Attribute] | None = None,
        output: str | None = None,
    ) -> str:
        """Append a node with one output and return the output's name (a fresh one where none is given)."""
        name = output or self._fresh(op.lower())
        node = helper.make_node(op, list(inputs), [name], name=f"{name}/{op}")
        node.attribute.extend(helper.make_attribute(key, value) for key, value in (attributes or {}).items())
        self._nodes.append(node)
        return name

    def weights(self, array: NDArray[np.float32], halve: bool = True) -> str:
        """A float32 constant, stored as fp16 behind a Cast if `halve` and every value is an fp16 number.

        onnxruntime folds the Cast when it loads the model: half the bytes, the same numbers. (A quantiser must find the
        constant itself, so there `halve` is False.)
        """
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        if not halve or not np.array_equal(half.astype(np.float32), array):
            return self._constant(array.astype(np.float32, copy=False))
        return self.node("Cast", [self._constant(half)], {"to": TensorProto.FLOAT})

    def integers(self, values: Sequence[int]) -> str:
        """An int64 constant of one dimension, as Pad and Reshape take."""
        return self._constant(np.asarray(values, dtype=np.int64))

    def model(self, name: str, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]) -> onnx.ModelProto:
        """The finished, checked model; every input and output is float32.

        Raises:
            onnx.checker.ValidationError: the graph is not valid ONNX.
        """
        graph = helper.make_graph(self._nodes, name, _values(inputs), _values(outputs), initializer=self._constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="hadir"
        )
        onnx.checker.check_model(model)
        return model

    def _constant(self, array: NDArray[np.generic]) -> str:
        name = self._fresh("weights")
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"


def serialise(model: onnx.ModelProto) -> bytes:
    """The model's bytes, the same for the same model on every run."""
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _values(shapes: Mapping[str, Shape]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)) for name, shape in shapes.items()]
