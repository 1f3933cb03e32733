"""Folders that tests alter: copies of the shipped pack, and an ArcFace model small enough to build on the spot."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from hadir.faces.image import Points
from hadir.faces.manifest import MANIFEST
from hadir.faces.open_pack import shipped_folder

__all__ = ["change_manifest", "copy_pack", "replace_file", "write_tiny_arcface", "write_tiny_scrfd"]


def copy_pack(folder: Path) -> Path:
    """A copy of the shipped pack in `folder`, to be altered."""
    target = folder / "pack"
    shutil.copytree(shipped_folder(), target)
    return target


def change_manifest(pack: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Let `change` alter the decoded manifest in place."""
    manifest = json.loads((pack / MANIFEST).read_text())
    change(manifest)
    (pack / MANIFEST).write_text(json.dumps(manifest))


def replace_file(pack: Path, name: str, content: bytes) -> None:
    """Put other content under a name, checksum included: an intact file of another pack."""
    (pack / name).write_bytes(content)
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    change_manifest(pack, lambda manifest: manifest["files"].update({name: entry}))


def write_tiny_arcface(path: Path, batch: int | str = "N", side_px: int = 112) -> None:
    """A model of ArcFace's shape that averages 28-px blocks: (N, 3, 112, 112) to (N, 48)."""
    features = 3 * (side_px // 28) ** 2
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("AveragePool", ["input"], ["pooled"], kernel_shape=[28, 28], strides=[28, 28]),
            onnx.helper.make_node("Flatten", ["pooled"], ["output"]),
        ],
        "tiny",
        [onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [batch, 3, side_px, side_px])],
        [onnx.helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, [batch, features])],
    )
    model = onnx.helper.make_model(graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 17)])
    onnx.save(model, str(path))


def write_tiny_scrfd(path: Path, faces: list[tuple[float, list[float], Points]]) -> None:
    """A detector of SCRFD's shape that sees the same `faces` everywhere: score, box x0, y0, x1, y1 and five points, in
    the pixels of its 640-px input."""
    nodes, initialisers, outputs = [], [], []
    for name, rows in _scrfd_levels(faces).items():
        initialisers.append(onnx.numpy_helper.from_array(rows, f"{name}_rows"))
        nodes.append(onnx.helper.make_node("Add", [f"{name}_rows", "nothing"], [name]))
        outputs.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(rows.shape)))
    initialisers.append(onnx.numpy_helper.from_array(np.zeros(1, np.float32), "zero"))
    nodes.insert(0, onnx.helper.make_node("ReduceMax", ["input"], ["largest"], keepdims=0))
    nodes.insert(1, onnx.helper.make_node("Mul", ["largest", "zero"], ["nothing"]))
    graph = onnx.helper.make_graph(
        nodes,
        "tiny",
        [onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, 640, 640])],
        outputs,
        initialisers,
    )
    model = onnx.helper.make_model(graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 17)])
    onnx.save(model, str(path))


def _scrfd_levels(faces: list[tuple[float, list[float], Points]]) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Scores, boxes and points of the three levels; face i stands at anchor 2 i of the coarsest."""
    kinds = (("score", 1), ("box", 4), ("points", 10))
    levels = {
        f"{kind}_{stride}": np.zeros((2 * (640 // stride) ** 2, width), np.float32)
        for kind, width in kinds
        for stride in (8, 16, 32)
    }
    for place, (score, box, points) in enumerate(faces):
        anchor, row = np.array([32.0 * place, 0.0]), 2 * place
        levels["score_32"][row] = score
        levels["box_32"][row] = np.concatenate([anchor - box[:2], box[2:] - anchor]) / 32
        levels["points_32"][row] = ((points - anchor) / 32).ravel()
    return levels
