"""Weights are halved only where that loses nothing, and the same graph gives the same bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from dev.onnx_graph import IR_VERSION, OPSET, GraphWriter, serialise
from hadir.faces.onnx import Network


def _written(weights: NDArray[np.float32]) -> GraphWriter:
    writer = GraphWriter()
    writer.node("Mul", ["input", writer.weights(weights)], output="output")
    return writer


def _bytes(weights: NDArray[np.float32]) -> bytes:
    return serialise(_written(weights).model("small", {"input": ("N", 2)}, {"output": ("N", 2)}))


def test_numbers_that_fit_half_precision_are_stored_so_and_read_back_exactly() -> None:
    weights = np.array([0.5, 1.25], dtype=np.float32)
    model = _written(weights).model("small", {"input": ("N", 2)}, {"output": ("N", 2)})
    assert [constant.data_type for constant in model.graph.initializer] == [TensorProto.FLOAT16]
    outputs = Network(serialise(model), "small", ("output",)).run(np.ones((1, 2), dtype=np.float32))
    np.testing.assert_array_equal(outputs[0][0], weights)


def test_numbers_that_do_not_fit_stay_in_single_precision() -> None:
    model = _written(np.array([0.1, 1.0], dtype=np.float32)).model("s", {"input": ("N", 2)}, {"output": ("N", 2)})
    assert [constant.data_type for constant in model.graph.initializer] == [TensorProto.FLOAT]


def test_a_number_too_large_for_half_precision_is_not_halved() -> None:
    model = _written(np.array([1e6, 1.0], dtype=np.float32)).model("s", {"input": ("N", 2)}, {"output": ("N", 2)})
    assert [constant.data_type for constant in model.graph.initializer] == [TensorProto.FLOAT]


def test_the_same_graph_gives_the_same_bytes_in_the_stated_versions() -> None:
    weights = np.array([0.1, 3.0], dtype=np.float32)
    assert _bytes(weights) == _bytes(weights.copy())
    model = _written(weights).model("small", {"input": ("N", 2)}, {"output": ("N", 2)})
    assert (model.ir_version, model.opset_import[0].version) == (IR_VERSION, OPSET) == (8, 17)


def test_a_constant_may_be_kept_whole_for_a_quantiser_to_find() -> None:
    writer = GraphWriter()
    writer.node("Mul", ["input", writer.weights(np.ones(2, dtype=np.float32), halve=False)], output="output")
    model = writer.model("small", {"input": ("N", 2)}, {"output": ("N", 2)})
    assert [node.op_type for node in model.graph.node] == ["Mul"]
