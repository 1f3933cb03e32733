"""The shipped networks are the originals: rebuilt byte for byte, and equal to what LiteRT and dlib compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from dev.convert_open_pack import FloatModels, convert, quantised_descriptor
from dev.descriptor_int8 import ActivationRanges
from dev.golden import golden_photo
from dev.make_pack import CACHE, RANGES
from dev.parity import (
    DESCRIPTOR_TOLERANCE,
    LEAST_COSINE,
    TFLITE_TOLERANCE,
    crops_of,
    descriptor_difference,
    least_cosine,
    tflite_difference,
)
from dev.registry_packages import PARTS, sha256_of
from hadir.faces.image import Image
from hadir.faces.onnx import Network
from hadir.faces.open_pack import shipped_folder

TFLITE = [("short", 128, 2.0, -1.0), ("mesh", 192, 1.0, 0.0)]


@pytest.fixture(scope="module")
def parts() -> dict[str, Path]:
    paths = {part.file: CACHE / part.file for part in PARTS}
    for part in PARTS:
        if not paths[part.file].exists() or sha256_of(paths[part.file]) != part.sha256:
            pytest.skip(f"{part.file} has not been fetched: run `make pack` first")
    return paths


@pytest.fixture(scope="module")
def models(parts: dict[str, Path]) -> FloatModels:
    return convert(parts)


@pytest.fixture(scope="module")
def chips() -> list[Image]:
    chip: Image = np.load(shipped_folder() / "golden_chip.npz")["chip"]
    return [chip, np.ascontiguousarray(chip[:, ::-1]), (chip * 0.4).astype(np.uint8)]


def tflite_inputs(side: int, scale: float, shift: float, count: int) -> NDArray[np.float32]:
    return crops_of(golden_photo(), side, count, seed=1).astype(np.float32) / 255.0 * scale + shift


def shipped(name: str) -> bytes:
    return (shipped_folder() / name).read_bytes()


def test_the_converter_makes_the_shipped_files_byte_for_byte(models: FloatModels) -> None:
    for name, content in models.files.items():
        assert content == shipped(name), name
    ranges = ActivationRanges.read(RANGES)
    assert quantised_descriptor(models, ranges) == shipped("descriptor_int8.onnx")


@pytest.mark.parametrize(("name", "side", "scale", "shift"), TFLITE)
def test_a_network_of_mediapipe_agrees_with_litert(
    name: str, side: int, scale: float, shift: float, parts: dict[str, Path]
) -> None:
    inputs = tflite_inputs(side, scale, shift, count=6)
    worst = tflite_difference(parts[f"{name}.tflite"].read_bytes(), shipped(f"{name}.onnx"), inputs)
    assert max(worst.values()) <= TFLITE_TOLERANCE


def test_the_float_descriptor_agrees_with_dlib(parts: dict[str, Path], models: FloatModels, chips: list[Image]) -> None:
    assert descriptor_difference(parts["descriptor.dat"], models.descriptor, chips) <= DESCRIPTOR_TOLERANCE


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_a_shipped_descriptor_stays_close_to_the_float_one(
    precision: str, models: FloatModels, chips: list[Image]
) -> None:
    assert least_cosine(shipped(f"descriptor_{precision}.onnx"), models.descriptor, chips) >= LEAST_COSINE[precision]


@pytest.mark.models
@pytest.mark.parametrize(("name", "side", "scale", "shift"), TFLITE)
def test_a_network_of_mediapipe_agrees_with_another_conversion_of_it(
    name: str, side: int, scale: float, shift: float, test_data: Path
) -> None:
    other = test_data / "packs" / "open-reference" / f"{name}.onnx"
    outputs = tuple(output.name for output in onnx.load(other).graph.output)
    ours, theirs = (Network(model, name, outputs) for model in (shipped(f"{name}.onnx"), other.read_bytes()))
    for one in tflite_inputs(side, scale, shift, count=6):
        for mine, reference in zip(ours.run(one[None]), theirs.run(one[None]), strict=True):
            np.testing.assert_allclose(mine, reference, atol=1e-4)


@pytest.mark.models
def test_the_int8_descriptor_agrees_with_another_quantisation_of_it(test_data: Path, chips: list[Image]) -> None:
    reference = onnx.load(test_data / "packs" / "open-reference" / "desc_i8.onnx")
    assert least_cosine(shipped("descriptor_int8.onnx"), reference, chips) >= 0.999
