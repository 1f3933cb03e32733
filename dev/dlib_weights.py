"""dlib's face descriptor file as a list of layers, from the input to the output.

The file holds weights but no topology, so the reader must know the network: `FACE_DESCRIPTOR` is it, in the order in
which dlib writes (outermost, that is the output, first). The network is Davis King's ResNet of 29 convolutions, CC0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dev.dlib_stream import DlibStream
from hadir.core.errors import PackError

__all__ = [
    "FACE_DESCRIPTOR",
    "Add",
    "Affine",
    "Convolution",
    "FullyConnected",
    "InputImage",
    "Layer",
    "Pool",
    "Relu",
    "Skip",
    "Tag",
    "read_dlib",
]


@dataclass(frozen=True, slots=True)
class InputImage:
    """(pixel − mean) / 256 on RGB; `size` is (rows, columns)."""

    mean: tuple[float, float, float]
    size: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """`kernel` (out, in, rows, columns), `bias` (out,) float32; strides and pads are (rows, columns)."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    strides: tuple[int, int]
    pads: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """y = x · scale + shift per channel, (C,) float32 each: a batch normalisation at rest."""

    scale: NDArray[np.float32]
    shift: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pool:
    """`kind` is `max` or `avg`; a kernel of (0, 0) is the whole plane."""

    kind: str
    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class FullyConnected:
    """y = x @ weights, (inputs, outputs) float32, without a bias."""

    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Relu:
    """max(x, 0)."""


@dataclass(frozen=True, slots=True)
class Tag:
    """Remember the value that passes here under a number."""

    number: int


@dataclass(frozen=True, slots=True)
class Skip:
    """Go on with the value last remembered under a number."""

    number: int


@dataclass(frozen=True, slots=True)
class Add:
    """Add the value last remembered under a number; the smaller of the two is padded with zeros at the end."""

    number: int


Layer = InputImage | Convolution | Affine | Pool | FullyConnected | Relu | Tag | Skip | Add

_PLAIN = "relu add1 affine con relu affine con tag1"
_DOWN = "relu add2 avg_pool skip1 tag2 affine con relu affine con tag1"
FACE_DESCRIPTOR = tuple(
    " ".join(
        [
            "fc avg_pool",
            _DOWN,
            *[_PLAIN, _PLAIN, _DOWN] * 2,
            *[_PLAIN, _PLAIN, _PLAIN, _DOWN],
            *[_PLAIN, _PLAIN, _PLAIN],
            "max_pool relu affine con",
        ]
    ).split()
)
"""The layers of dlib_face_recognition_resnet_model_v1, output first; the input layer ends the list unnamed."""


def read_dlib(data: bytes, layers: tuple[str, ...] = FACE_DESCRIPTOR) -> list[Layer]:
    """Every layer from the input to the output.

    dlib writes recursively: version numbers on the way in, then each layer's details on the way out.

    Raises:
        PackError: the bytes do not hold these layers, or hold more.
    """
    stream = DlibStream(data)
    stream.version(1)
    _read_loss(stream)
    versions = [stream.version(*_versions(name)) for name in layers[:-1]]
    innermost = stream.version(2, 3)
    found: list[Layer] = [_read_input(stream), _read_details(stream, layers[-1])]
    _skip_state(stream, tensors=3)
    if innermost == 3:
        stream.integer()
    for name, version in zip(reversed(layers[:-1]), reversed(versions), strict=True):
        found.append(_read_details(stream, name))
        if not name.startswith(("tag", "skip")):
            _skip_state(stream, tensors=3 if version == 2 else 2)
    stream.finish()
    return found


def _versions(name: str) -> tuple[int, ...]:
    return (1,) if name.startswith(("tag", "skip")) else (1, 2)


def _skip_state(stream: DlibStream, tensors: int) -> None:
    """What training left behind: three flags and cached tensors."""
    for _ in range(3):
        stream.flag()
    for _ in range(tensors):
        stream.tensor()


def _read_loss(stream: DlibStream) -> None:
    name = stream.text()
    if name == "loss_metric_2":
        stream.floating()
        stream.floating()
    elif name != "loss_metric_":
        raise PackError(f"loss layer {name!r}: expected loss_metric_ or loss_metric_2")


def _read_input(stream: DlibStream) -> InputImage:
    _expect(stream, "input_rgb_image_sized")
    mean = stream.floating(), stream.floating(), stream.floating()
    return InputImage(mean, (stream.integer(), stream.integer()))


def _read_details(stream: DlibStream, name: str) -> Layer:
    for stem, numbered in (("tag", Tag), ("skip", Skip)):
        if name.startswith(stem):
            return numbered(int(name.removeprefix(stem)))
    if name.startswith("add"):
        _expect(stream, "add_prev_")
        return Add(int(name.removeprefix("add")))
    return _READERS[name](stream)


def _read_convolution(stream: DlibStream) -> Convolution:
    name = _expect(stream, "con_4", "con_5", "con_6")
    values = stream.tensor().reshape(-1)
    for _ in range(3):
        stream.integer()
    strides = stream.integer(), stream.integer()
    pads = stream.integer(), stream.integer()
    shape, bias_shape = stream.alias(), stream.alias()
    _skip_multipliers(stream)
    if name != "con_4" and not stream.flag():
        raise PackError("a convolution without bias: the face descriptor has none")
    if name == "con_6" and stream.flag():
        raise PackError("a convolution with a built-in ReLU: the face descriptor has none")
    kernel, bias = np.split(values, [int(np.prod(shape))])
    if len(bias) != np.prod(bias_shape):
        raise PackError(f"a convolution holds {len(values)} values: expected a kernel {shape} and a bias {bias_shape}")
    return Convolution(kernel.reshape(shape), bias, strides, pads)


def _read_affine(stream: DlibStream) -> Affine:
    name = _expect(stream, "affine_", "affine_2")
    values = stream.tensor().reshape(-1)
    scale_shape, _shift_shape = stream.alias(), stream.alias()
    stream.integer()
    if name == "affine_2":
        stream.flag()
    scale, shift = np.split(values, [int(np.prod(scale_shape))])
    return Affine(scale, shift)


def _read_relu(stream: DlibStream) -> Relu:
    if _expect(stream, "relu_", "relu_2") == "relu_2":
        stream.flag()
    return Relu()


def _read_pool(stream: DlibStream) -> Pool:
    kind = _expect(stream, "max_pool_2", "avg_pool_2").removesuffix("_pool_2")
    sizes = [stream.integer() for _ in range(6)]
    return Pool(kind, (sizes[0], sizes[1]), (sizes[2], sizes[3]), (sizes[4], sizes[5]))


def _read_fully_connected(stream: DlibStream) -> FullyConnected:
    name = _expect(stream, "fc_2", "fc_3")
    outputs, inputs = stream.integer(), stream.integer()
    values = stream.tensor().reshape(-1)
    stream.alias()
    stream.alias()
    has_bias = stream.integer() == 0
    _skip_multipliers(stream)
    if name == "fc_3":
        stream.flag()
    if has_bias or len(values) != inputs * outputs:
        raise PackError(f"the last layer holds {len(values)} values: expected {inputs} × {outputs} and no bias")
    return FullyConnected(values.reshape(inputs, outputs))


def _skip_multipliers(stream: DlibStream) -> None:
    """Learning rates and weight decays of weights and biases."""
    for _ in range(4):
        stream.floating()


def _expect(stream: DlibStream, *names: str) -> str:
    name = stream.text()
    if name not in names:
        raise PackError(f"layer {name!r}: expected {' or '.join(names)}")
    return name


_READERS: dict[str, Callable[[DlibStream], Layer]] = {
    "affine": _read_affine,
    "avg_pool": _read_pool,
    "con": _read_convolution,
    "fc": _read_fully_connected,
    "max_pool": _read_pool,
    "relu": _read_relu,
}
