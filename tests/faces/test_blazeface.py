"""What the detector makes of its network's raw answers: decoding, letterboxing and weighted suppression."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from hadir.faces.blazeface import BlazeFace
from hadir.faces.onnx import Network

Answer = tuple[int, float, float, float]
"""Anchor, logit, shift of the box to the right and its width, both in input pixels."""


def detector(*answers: Answer) -> BlazeFace:
    """A detector whose network gives these answers to any photo."""
    regressors = np.zeros((1, 896, 16), dtype=np.float32)
    logits = np.full((1, 896, 1), -100, dtype=np.float32)
    for anchor, logit, shift, width in answers:
        logits[0, anchor] = logit
        regressors[0, anchor] = [shift, 0, width, width, *[shift, 0] * 6]
    return BlazeFace(Network(_constant_model(regressors, logits), "constant", ("regressors", "classificators")))


def _constant_model(regressors: NDArray[np.float32], logits: NDArray[np.float32]) -> bytes:
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    named = {"regressors": regressors, "classificators": logits}
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(array))
            for name, array in named.items()
        ],
        "constant",
        [helper.make_tensor_value_info("input", kind, ["N", 128, 128, 3])],
        [helper.make_tensor_value_info(name, kind, list(array.shape)) for name, array in named.items()],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    content: bytes = model.SerializeToString()
    return content


SQUARE = np.zeros((128, 128, 3), dtype=np.uint8)
MIDDLE = 2 * (8 * 16 + 8)
"""The first anchor of the fine grid's cell (8, 8), centred at (68, 68)."""


def test_an_answer_is_relative_to_its_anchor() -> None:
    ((face,),) = detector((MIDDLE, 2.0, 4.0, 40.0)).detect([SQUARE])
    assert face.score == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-6)
    assert face.box_px == pytest.approx([52, 48, 92, 88])
    assert face.width_px == pytest.approx(40)
    assert face.keypoints_px == pytest.approx(np.tile([72, 68], (6, 1)))


def test_coarse_anchors_follow_the_fine_ones() -> None:
    ((face,),) = detector((16 * 16 * 2 + 6 * 8, 2.0, 0.0, 40.0)).detect([SQUARE])
    assert (face.box_px[:2] + face.box_px[2:]) / 2 == pytest.approx([8, 24])


def test_overlapping_boxes_become_their_weighted_mean_with_the_top_score() -> None:
    strong, weak = 3.0, 0.5
    ((face,),) = detector((MIDDLE, strong, 0.0, 40.0), (MIDDLE + 1, weak, 8.0, 40.0)).detect([SQUARE])
    weights = 1 / (1 + np.exp([-strong, -weak]))
    assert face.score == pytest.approx(weights[0], abs=1e-6)
    assert face.box_px[0] == pytest.approx(48 + 8 * weights[1] / weights.sum(), abs=1e-3)


def test_boxes_that_hardly_overlap_are_two_faces_the_surer_first() -> None:
    ((first, second),) = detector((MIDDLE, 1.0, -20.0, 40.0), (MIDDLE + 1, 2.0, 20.0, 40.0)).detect([SQUARE])
    assert first.score > second.score
    assert first.box_px[0] > second.box_px[0]


def test_an_unlikely_box_is_no_face() -> None:
    assert detector((MIDDLE, -0.01, 0.0, 40.0)).detect([SQUARE]) == [[]]


@pytest.mark.parametrize(("padded", "zoom"), [(False, 5.0), (True, 10.0)])
def test_boxes_are_mapped_back_from_the_letterbox(padded: bool, zoom: float) -> None:
    """640×480: the middle of the input is the middle of the photo, at a fifth of its scale, a tenth with the border."""
    wide = np.zeros((480, 640, 3), dtype=np.uint8)
    ((face,),) = detector((MIDDLE, 2.0, -4.0, 40.0)).detect([wide], padded)
    centre = (face.box_px[:2] + face.box_px[2:]) / 2
    assert centre == pytest.approx([320, 240 + 4 * zoom], abs=1e-3)
    assert face.width_px == pytest.approx(40 * zoom, rel=1e-5)
