"""Quantising from committed ranges gives the same bytes every time, and never from a range that is not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from dev.descriptor_int8 import ActivationRanges, measure_ranges, quantise
from dev.onnx_graph import GraphWriter
from hadir.core.errors import PackError
from hadir.faces.image import Image
from hadir.faces.onnx import Network

RANDOM = np.random.default_rng(11)


def _network() -> onnx.ModelProto:
    writer = GraphWriter()
    kernel = (RANDOM.normal(size=(8, 3, 3, 3)) / 256).astype(np.float32)
    convolved = writer.node(
        "Conv",
        ["input", writer.weights(kernel, halve=False), writer.weights(np.zeros(8, np.float32), halve=False)],
        {"kernel_shape": (3, 3)},
    )
    plane = writer.node("GlobalAveragePool", [writer.node("Relu", [convolved])])
    last = writer.weights(RANDOM.normal(size=(8, 4)).astype(np.float32))
    writer.node("MatMul", [writer.node("Flatten", [plane]), last], output="output")
    return writer.model("small", {"input": ("N", 3, 12, 12)}, {"output": ("N", 4)})


def _chips(count: int) -> list[Image]:
    return [RANDOM.integers(0, 256, (12, 12, 3), dtype=np.uint8) for _ in range(count)]


def test_the_quantised_network_stays_close_to_the_float_one_and_is_reproducible() -> None:
    network, chips = _network(), _chips(16)
    ranges = measure_ranges(network, chips, "16 chips of noise")
    first, second = quantise(network, ranges), quantise(network, ranges)
    assert first == second
    photo = np.stack(chips).transpose(0, 3, 1, 2).astype(np.float32)
    exact, rough = (
        Network(model, "small", ("output",)).run(np.ascontiguousarray(photo))[0]
        for model in (network.SerializeToString(), first)
    )
    np.testing.assert_allclose(rough, exact, atol=0.05 * np.abs(exact).max())


def test_ranges_cover_the_pixels_and_survive_their_file(tmp_path: Path) -> None:
    ranges = measure_ranges(
        _network(), [np.zeros((12, 12, 3), np.uint8), np.full((12, 12, 3), 255, np.uint8)], "2 chips"
    )
    assert ranges.ranges["input"] == (0.0, 255.0)
    ranges.write(tmp_path / "ranges.json")
    assert ActivationRanges.read(tmp_path / "ranges.json") == ranges


def test_a_tensor_without_a_range_is_refused() -> None:
    network = _network()
    ranges = measure_ranges(network, _chips(2), "2 chips")
    only_input = ActivationRanges(ranges.measured_on, {"input": ranges.ranges["input"]})
    with pytest.raises(PackError, match="activation ranges are not this network's"):
        quantise(network, only_input)


@pytest.mark.parametrize("content", ["", "[]", '{"ranges": {"a": 1}, "measured_on": ""}', '{"ranges": {}}'])
def test_a_file_that_holds_no_ranges_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "ranges.json"
    path.write_text(content)
    with pytest.raises(PackError, match="holds no activation ranges"):
        ActivationRanges.read(path)
