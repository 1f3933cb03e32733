"""Each TFLite operation means the same in ONNX; what the open pack does not use is refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dev.onnx_graph import serialise
from dev.tflite_graph import Activation, Padding, Step, TfliteGraph
from dev.tflite_to_onnx import same_padding, tflite_to_onnx
from hadir.core.errors import PackError
from hadir.faces.onnx import Network

RANDOM = np.random.default_rng(3)
PLAIN = {"FusedActivationFunction": Activation.NONE, "DilationHFactor": 1, "DilationWFactor": 1}


def _array(*shape: int) -> NDArray[np.float32]:
    return RANDOM.normal(size=shape).astype(np.float32)


def _graph(
    steps: Sequence[Step], shapes: Sequence[tuple[int, ...]], constants: Mapping[int, NDArray[Any]]
) -> TfliteGraph:
    """Tensor 0 is the input, the last step's output the only one."""
    names = tuple(f"t{number}" for number in range(len(shapes)))
    return TfliteGraph(names, tuple(shapes), constants, tuple(steps), 0, (steps[-1].output,))


def _flat(
    steps: Sequence[Step], shapes: Sequence[tuple[int, ...]], constants: Mapping[int, NDArray[Any]]
) -> TfliteGraph:
    """With the last value reshaped to (N, rows, channels), so that it may leave the graph."""
    last, channels = len(shapes), shapes[-1][3]
    out = (1, shapes[-1][1] * shapes[-1][2], channels)
    return _graph([*steps, Step("RESHAPE", (steps[-1].output,), last)], [*shapes, out], constants)


def _run(graph: TfliteGraph, photo: NDArray[np.float32]) -> NDArray[np.float32]:
    name = graph.names[graph.outputs[0]]
    return Network(serialise(tflite_to_onnx(graph, "small")), "small", (name,)).run(photo)[0]


def _convolved(
    photo: NDArray[np.float32], kernel: NDArray[np.float32], stride: int, depthwise: bool
) -> NDArray[np.float64]:
    """NHWC convolution with TFLite's SAME border, written out; kernel OHWI, or 1HWC for depthwise."""
    rows, columns = kernel.shape[1:3]
    (top, bottom), (left, right) = (
        same_padding(photo.shape[1], rows, stride),
        same_padding(photo.shape[2], columns, stride),
    )
    bordered = np.pad(photo.astype(np.float64), ((0, 0), (top, bottom), (left, right), (0, 0)))
    places = [range(0, bordered.shape[axis] - k + 1, stride) for axis, k in ((1, rows), (2, columns))]
    rule = "nhwi,ohwi->no" if not depthwise else "nhwc,ohwc->nc"
    lines = [
        [np.einsum(rule, bordered[:, y : y + rows, x : x + columns], kernel) for x in places[1]] for y in places[0]
    ]
    return np.stack([np.stack(line, axis=1) for line in lines], axis=1)


@given(st.integers(1, 300), st.integers(1, 7), st.integers(1, 4))
def test_the_same_border_gives_every_place_and_puts_the_odd_pixel_behind(size: int, kernel: int, stride: int) -> None:
    before, after = same_padding(size, kernel, stride)
    assert 0 <= after - before <= 1
    if before + after > 0:
        assert (size + before + after - kernel) / stride + 1 == -(-size // stride)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [7, 8])
def test_a_convolution_agrees_with_its_definition(side: int, stride: int) -> None:
    kernel, bias = _array(5, 3, 3, 2), _array(5)
    out = -(-side // stride)
    options = {**PLAIN, "StrideH": stride, "StrideW": stride, "Padding": Padding.SAME}
    graph = _flat(
        [Step("CONV_2D", (0, 1, 2), 3, options)],
        [(1, side, side, 2), kernel.shape, bias.shape, (1, out, out, 5)],
        {1: kernel, 2: bias},
    )
    photo = _array(2, side, side, 2)
    expected = (_convolved(photo, kernel, stride, depthwise=False) + bias).reshape(2, out * out, 5)
    np.testing.assert_allclose(_run(graph, photo), expected, rtol=1e-4, atol=1e-5)


def test_a_depthwise_convolution_with_a_fused_relu_agrees_with_its_definition() -> None:
    kernel, bias = _array(1, 5, 3, 4), _array(4)
    options = {**PLAIN, "StrideH": 2, "StrideW": 2, "Padding": Padding.SAME, "DepthMultiplier": 1}
    options["FusedActivationFunction"] = Activation.RELU
    graph = _flat(
        [Step("DEPTHWISE_CONV_2D", (0, 1, 2), 3, options)],
        [(1, 9, 8, 4), kernel.shape, bias.shape, (1, 5, 4, 4)],
        {1: kernel, 2: bias},
    )
    photo = _array(1, 9, 8, 4)
    expected = np.maximum(_convolved(photo, kernel, 2, depthwise=True) + bias, 0).reshape(1, 20, 4)
    np.testing.assert_allclose(_run(graph, photo), expected, rtol=1e-4, atol=1e-5)


def test_max_pooling_ignores_the_border_it_adds() -> None:
    options = {"StrideH": 2, "StrideW": 2, "FilterHeight": 2, "FilterWidth": 2, "Padding": Padding.SAME}
    graph = _flat([Step("MAX_POOL_2D", (0,), 1, options)], [(1, 3, 3, 1), (1, 2, 2, 1)], {})
    photo = -np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3, 1)
    np.testing.assert_array_equal(_run(graph, photo)[0, :, 0], [-1, -3, -7, -9])


def test_prelu_scales_negative_values_by_their_channels_slope() -> None:
    slope = np.array([[[0.25, -0.5, 1.5]]], dtype=np.float32)
    graph = _flat([Step("PRELU", (0, 1), 2)], [(1, 2, 2, 3), slope.shape, (1, 2, 2, 3)], {1: slope})
    photo = _array(1, 2, 2, 3)
    expected = np.where(photo > 0, photo, photo * slope).reshape(1, 4, 3)
    np.testing.assert_allclose(_run(graph, photo), expected, rtol=1e-6, atol=1e-6)


def test_padding_moves_from_nhwc_to_nchw_and_a_sum_may_follow() -> None:
    amounts = np.array([[0, 0], [1, 0], [0, 2], [0, 1]], dtype=np.int32)
    steps = [Step("PAD", (0, 1), 2), Step("RELU", (2,), 3), Step("ADD", (2, 3), 4, {"FusedActivationFunction": 0})]
    padded = (1, 3, 4, 3)
    graph = _flat(steps, [(1, 2, 2, 2), amounts.shape, padded, padded, padded], {1: amounts})
    photo = _array(1, 2, 2, 2)
    bordered = np.pad(photo, amounts)
    np.testing.assert_allclose(_run(graph, photo), (bordered + np.maximum(bordered, 0)).reshape(1, 12, 3), rtol=1e-6)


def test_reshaped_values_are_joined_along_their_rows() -> None:
    join = {"Axis": 1, "FusedActivationFunction": 0}
    steps = [
        Step("RESHAPE", (0,), 1),
        Step("RELU", (0,), 2),
        Step("RESHAPE", (2,), 3),
        Step("CONCATENATION", (1, 3), 4, join),
    ]
    graph = _graph(steps, [(1, 2, 2, 2), (1, 8, 1), (1, 2, 2, 2), (1, 8, 1), (1, 16, 1)], {})
    photo = _array(1, 2, 2, 2)
    expected = np.concatenate([photo.reshape(1, 8, 1), np.maximum(photo, 0).reshape(1, 8, 1)], axis=1)
    np.testing.assert_array_equal(_run(graph, photo), expected)


def test_an_output_of_one_place_becomes_a_row_of_channels() -> None:
    graph = _graph([Step("RELU", (0,), 1)], [(1, 1, 1, 4), (1, 1, 1, 4)], {})
    photo = _array(3, 1, 1, 4)
    np.testing.assert_array_equal(_run(graph, photo), np.maximum(photo, 0).reshape(3, 4))


@pytest.mark.parametrize(
    ("step", "named"),
    [
        (Step("SOFTMAX", (0,), 1), "SOFTMAX"),
        (Step("ADD", (0, 0), 1, {"FusedActivationFunction": Activation.RELU6}), "fused activation 3"),
        (Step("PAD", (0, 0), 1), "must be constant"),
        (Step("RESHAPE", (0,), 1), "only from four dimensions to three"),
    ],
)
def test_what_the_models_do_not_use_is_refused_by_name(step: Step, named: str) -> None:
    graph = _graph([step], [(1, 1, 1, 4), (1, 1, 1, 4)], {})
    with pytest.raises(PackError, match=named):
        tflite_to_onnx(graph, "small")
