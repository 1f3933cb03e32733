"""From the packages' parts to the open pack's model files, byte for byte the same on every run."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from dev.canonical_face import read_canonical_face
from dev.descriptor_int8 import ActivationRanges, quantise
from dev.dlib_to_onnx import dlib_to_onnx
from dev.dlib_weights import read_dlib
from dev.onnx_graph import serialise
from dev.tflite_graph import read_tflite
from dev.tflite_to_onnx import tflite_to_onnx

__all__ = ["FloatModels", "convert", "quantised_descriptor"]


@dataclass(frozen=True, slots=True, eq=False)
class FloatModels:
    """What needs no measurement: `files` ship, `descriptor` is the float32 network that int8 is made from."""

    files: Mapping[str, bytes]
    descriptor: onnx.ModelProto


def convert(parts: Mapping[str, Path]) -> FloatModels:
    """Translate the detector, the mesh, the canonical face and the descriptor in fp16.

    Raises:
        PackError: a part does not hold what its converter knows.
    """
    layers = read_dlib(parts["descriptor.dat"].read_bytes())
    canonical = io.BytesIO()
    np.save(canonical, read_canonical_face(parts["canonical_face.binarypb"].read_bytes()))
    files = {
        "short.onnx": _from_tflite(parts["short.tflite"], "short"),
        "mesh.onnx": _from_tflite(parts["mesh.tflite"], "mesh"),
        "canonical_face.npy": canonical.getvalue(),
        "descriptor_fp16.onnx": serialise(dlib_to_onnx(layers, "fp16")),
    }
    return FloatModels(files, dlib_to_onnx(layers, "fp32"))


def quantised_descriptor(models: FloatModels, ranges: ActivationRanges) -> bytes:
    """The content of descriptor_int8.onnx."""
    return quantise(models.descriptor, ranges)


def _from_tflite(path: Path, name: str) -> bytes:
    return serialise(tflite_to_onnx(read_tflite(path.read_bytes()), name))
