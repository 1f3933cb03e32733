"""A dlib network is read from the innermost layer outwards, and nothing in the file goes unread."""

from __future__ import annotations

import numpy as np
import pytest

from dev.dlib_weights import (
    FACE_DESCRIPTOR,
    Add,
    Affine,
    Convolution,
    FullyConnected,
    InputImage,
    Pool,
    Relu,
    Skip,
    Tag,
    read_dlib,
)
from hadir.core.errors import PackError
from tests.dev.dlib_bytes import affine, convolution, floating, fully_connected, integer, state, tensor, text

LAYERS = ("fc", "avg_pool", "add1", "relu", "affine", "tag1", "con")
KERNEL = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
BIAS = np.array([0.5, -0.5], dtype=np.float32)
WEIGHTS = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)


def small_network(first_version: int = 2) -> bytes:
    """LAYERS over an 8×6 image: version numbers on the way in, details on the way out."""
    pool = text("avg_pool_2") + b"".join(map(integer, (0, 0, 1, 1, 0, 0)))
    scale, shift = np.array([2, 3], dtype=np.float32), np.array([0, 1], dtype=np.float32)
    image = (
        text("input_rgb_image_sized") + floating(122.5) + floating(117.25) + floating(104.0) + integer(8) + integer(6)
    )
    return b"".join(
        [
            integer(1) + text("loss_metric_2") + floating(0.04) + floating(0.6),
            integer(first_version) + integer(1) * 5 + integer(3),
            image,
            convolution(KERNEL, BIAS, (2, 1), (0, 1)) + state(3) + integer(1),
            affine(scale, shift) + state(2),
            text("relu_") + state(2),
            text("add_prev_") + state(2),
            pool + state(2),
            fully_connected(WEIGHTS) + state(3 if first_version == 2 else 2),
        ]
    )


def test_every_layer_is_read_in_the_order_of_computation() -> None:
    layers = read_dlib(small_network(), LAYERS)
    kinds = [type(layer) for layer in layers]
    assert kinds == [InputImage, Convolution, Tag, Affine, Relu, Add, Pool, FullyConnected]


def test_details_are_kept_as_written() -> None:
    image, convolved, tag, scaled, _, _, pool, last = read_dlib(small_network(), LAYERS)
    assert image == InputImage((122.5, 117.25, 104.0), (8, 6))
    assert isinstance(convolved, Convolution)
    np.testing.assert_array_equal(convolved.kernel, KERNEL)
    np.testing.assert_array_equal(convolved.bias, BIAS)
    assert (convolved.strides, convolved.pads) == ((2, 1), (0, 1))
    assert tag == Tag(1)
    assert isinstance(scaled, Affine)
    np.testing.assert_array_equal(scaled.shift, [0, 1])
    assert pool == Pool("avg", (0, 0), (1, 1), (0, 0))
    assert isinstance(last, FullyConnected)
    np.testing.assert_array_equal(last.weights, WEIGHTS)


def test_a_layer_of_version_one_has_no_gradient_behind_it() -> None:
    assert len(read_dlib(small_network(first_version=1), LAYERS)) == len(LAYERS) + 1


def test_another_topology_than_the_files_is_refused_by_the_layer_found() -> None:
    with pytest.raises(PackError, match="layer 'affine_': expected relu_"):
        read_dlib(small_network(), ("fc", "avg_pool", "add1", "affine", "relu", "tag1", "con"))


def test_bytes_behind_the_last_layer_are_refused() -> None:
    with pytest.raises(PackError, match="left over"):
        read_dlib(small_network() + tensor(np.zeros((1, 1, 1, 1), dtype=np.float32)), LAYERS)


def test_the_face_descriptor_has_twenty_nine_convolutions_and_four_halvings() -> None:
    assert FACE_DESCRIPTOR.count("con") == 29
    assert FACE_DESCRIPTOR.count("add1") + FACE_DESCRIPTOR.count("add2") == 14
    assert FACE_DESCRIPTOR.count("skip1") == 4
    assert Skip(1) in read_dlib(_with_skip(), ("skip1", *LAYERS))


def _with_skip() -> bytes:
    whole = small_network()
    head = len(integer(1) + text("loss_metric_2") + floating(0.04) + floating(0.6))
    return whole[:head] + integer(1) + whole[head:]
