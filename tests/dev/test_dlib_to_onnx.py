"""The translated network computes what dlib's layers say, with affine layers and normalisation folded away."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dev.dlib_to_onnx import Precision, dlib_to_onnx, fold
from dev.dlib_weights import Add, Affine, Convolution, FullyConnected, InputImage, Layer, Pool, Relu, Skip, Tag
from dev.onnx_graph import serialise
from hadir.core.errors import PackError
from hadir.faces.onnx import Network

RANDOM = np.random.default_rng(7)
IMAGE = InputImage((122.0, 117.0, 104.0), (6, 6))


def _array(*shape: int) -> NDArray[np.float32]:
    return RANDOM.normal(size=shape).astype(np.float32)


def _pointwise(outputs: int, inputs: int) -> Convolution:
    return Convolution(_array(outputs, inputs, 1, 1), _array(outputs), (1, 1), (0, 0))


def _run(layers: list[Layer], photo: NDArray[np.float32], precision: Precision = "fp32") -> NDArray[np.float32]:
    model = serialise(dlib_to_onnx(layers, precision))
    return Network(model, "small", ("output",)).run(photo)[0]


def _convolved(photo: NDArray[np.floating], layer: Convolution) -> NDArray[np.float64]:
    """A 1×1 convolution, by hand."""
    product: NDArray[np.float64] = np.einsum("oi,nihw->nohw", layer.kernel[:, :, 0, 0].astype(np.float64), photo)
    return product + layer.bias[:, None, None]


def test_normalisation_and_affine_layers_are_folded_into_their_convolutions() -> None:
    first, scaled = _pointwise(4, 3), Affine(_array(4), _array(4))
    last = FullyConnected(_array(4, 2))
    photo = RANDOM.uniform(0, 255, (2, 3, 6, 6)).astype(np.float32)
    normalised = (photo - np.array(IMAGE.mean)[:, None, None]) / 256.0
    by_hand = _convolved(normalised, first) * scaled.scale[:, None, None] + scaled.shift[:, None, None]
    expected = np.maximum(by_hand, 0).mean(axis=(2, 3)) @ last.weights
    layers: list[Layer] = [IMAGE, first, scaled, Relu(), Pool("avg", (0, 0), (1, 1), (0, 0)), last]
    np.testing.assert_allclose(_run(layers, photo), expected, rtol=1e-5, atol=1e-6)
    assert [type(layer) for layer in fold(layers)] == [Convolution, Relu, Pool, FullyConnected]


def test_an_addition_of_unequal_shapes_fills_the_smaller_with_zeros_at_the_end() -> None:
    """As dlib's add_prev: 2 channels of 6×6 and 4 channels of 3×3 make 4 channels of 6×6."""
    first, second, last = _pointwise(2, 3), _pointwise(4, 2), FullyConnected(_array(4, 2))
    halve = Pool("max", (2, 2), (2, 2), (0, 0))
    layers: list[Layer] = [IMAGE, first, Tag(1), halve, second, Add(1), Pool("avg", (0, 0), (1, 1), (0, 0)), last]
    photo = RANDOM.uniform(0, 255, (1, 3, 6, 6)).astype(np.float32)
    large = _convolved((photo - np.array(IMAGE.mean)[:, None, None]) / 256.0, first)
    small = _convolved(large.reshape(1, 2, 3, 2, 3, 2).max(axis=(3, 5)), second)
    total = np.zeros((1, 4, 6, 6))
    total[:, :2] += large
    total[:, :, :3, :3] += small
    np.testing.assert_allclose(_run(layers, photo), total.mean(axis=(2, 3)) @ last.weights, rtol=1e-5, atol=1e-5)


def test_a_skip_goes_on_from_its_tag() -> None:
    first, aside, last = _pointwise(2, 3), _pointwise(2, 2), FullyConnected(_array(2, 2))
    plane = Pool("avg", (0, 0), (1, 1), (0, 0))
    photo = RANDOM.uniform(0, 255, (1, 3, 6, 6)).astype(np.float32)
    through: list[Layer] = [IMAGE, first, Tag(1), aside, Tag(2), Skip(1), plane, last]
    np.testing.assert_array_equal(_run(through, photo), _run([IMAGE, first, plane, last], photo))


def test_half_precision_rounds_the_kernels_and_nothing_else() -> None:
    first, last = _pointwise(4, 3), FullyConnected(_array(4, 2))
    plane = Pool("avg", (0, 0), (1, 1), (0, 0))
    photo = RANDOM.uniform(0, 255, (1, 3, 6, 6)).astype(np.float32)
    full, half = (_run([IMAGE, first, plane, last], photo, precision) for precision in ("fp32", "fp16"))
    assert not np.array_equal(full, half)
    np.testing.assert_allclose(full, half, rtol=2e-2, atol=2e-2)


def test_an_affine_layer_without_a_convolution_before_it_is_refused() -> None:
    with pytest.raises(PackError, match="an affine layer stands behind Relu"):
        fold([IMAGE, _pointwise(4, 3), Relu(), Affine(_array(4), _array(4))])


def test_a_first_convolution_with_a_border_is_refused_because_folding_would_not_be_exact() -> None:
    bordered = Convolution(_array(4, 3, 3, 3), _array(4), (1, 1), (1, 1))
    with pytest.raises(PackError, match="without a border"):
        fold([IMAGE, bordered])
