"""Folders that tests alter: copies of the shipped pack, and an ArcFace model small enough to build on the spot."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx

from hadir.faces.manifest import MANIFEST
from hadir.faces.open_pack import shipped_folder

__all__ = ["change_manifest", "copy_pack", "replace_file", "write_tiny_arcface"]


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
