"""A TFLite file is read as it was written, and its translation computes what LiteRT computes."""

from __future__ import annotations

import numpy as np
import pytest
import tflite

from dev.onnx_graph import serialise
from dev.parity import tflite_difference
from dev.tflite_graph import Activation, Padding, Step, read_tflite
from dev.tflite_to_onnx import tflite_to_onnx
from hadir.core.errors import PackError
from tests.dev.tflite_bytes import OPERATORS, one_convolution

RANDOM = np.random.default_rng(2)
KERNEL = RANDOM.normal(size=(5, 3, 3, 2)).astype(np.float16)
BIAS = RANDOM.normal(size=5).astype(np.float16)


def test_steps_and_shapes_are_read_and_weights_widened_exactly() -> None:
    graph = read_tflite(one_convolution(8, KERNEL, BIAS, stride=2))
    convolution, reshape = graph.steps
    assert (graph.input, graph.outputs) == (0, (6,))
    assert (graph.names[0], graph.shapes[0], graph.shapes[6]) == ("input", (1, 8, 8, 2), (1, 16, 5))
    assert (convolution.kind, convolution.inputs, convolution.output) == ("CONV_2D", (0, 3, 4), 5)
    assert reshape == Step("RESHAPE", (5,), 6)
    np.testing.assert_array_equal(graph.constants[3], KERNEL.astype(np.float32))
    assert graph.constants[4].dtype == np.float32


def test_options_are_read_by_their_names() -> None:
    convolution = read_tflite(one_convolution(8, KERNEL, BIAS, stride=2)).steps[0]
    assert convolution.options == {
        "StrideH": 2,
        "StrideW": 2,
        "Padding": Padding.SAME,
        "FusedActivationFunction": Activation.RELU,
        "DilationHFactor": 1,
        "DilationWFactor": 1,
    }


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [7, 8])
def test_the_translation_agrees_with_litert(side: int, stride: int) -> None:
    file = one_convolution(side, KERNEL, BIAS, stride)
    model = serialise(tflite_to_onnx(read_tflite(file), "small"))
    inputs = RANDOM.normal(size=(3, side, side, 2)).astype(np.float32)
    assert tflite_difference(file, model, inputs)["output"] < 1e-5


def test_an_operation_that_the_models_do_not_use_is_refused_by_name() -> None:
    other = (OPERATORS[0], OPERATORS[1], tflite.BuiltinOperator.SOFTMAX)
    with pytest.raises(PackError, match="TFLite operation SOFTMAX"):
        read_tflite(one_convolution(8, KERNEL, BIAS, stride=1, operators=other))
