"""The descriptor in 8 bits: activation ranges measured once and committed, weights quantised from them.

Static QDQ: uint8 activations over their whole range (min to max), int8 weights per output channel. The last product
stays in float: it is 3 % of the bytes and its output would otherwise lie on a grid of 8 bits (cosine to the float
network .99977 instead of .99966 over 600 photos, the same speed).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, create_calibrator, quantize_static
from onnxruntime.quantization.calibrate import CalibrationDataReader, TensorData, TensorsData, save_tensors_data
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from dev.onnx_graph import serialise
from hadir.core.errors import PackError

__all__ = ["ActivationRanges", "measure_ranges", "quantise"]

QUANTISED = ("Add", "AveragePool", "Conv", "Flatten", "GlobalAveragePool", "MaxPool", "Pad", "Relu")
"""Named, because the library's default is a set and would give another file on every run."""

SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True, slots=True)
class ActivationRanges:
    """Lowest and highest value of every float tensor over some chips; `measured_on` says over which."""

    measured_on: str
    ranges: Mapping[str, tuple[float, float]]

    @classmethod
    def read(cls, path: Path) -> ActivationRanges:
        """Raises PackError where the file is missing or holds something else."""
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            ranges = {str(name): (float(low), float(high)) for name, (low, high) in stored["ranges"].items()}
            return cls(str(stored["measured_on"]), ranges)
        except (OSError, ValueError, KeyError, TypeError) as err:
            raise PackError(f"{path.name} holds no activation ranges: restore it from version control") from err

    def write(self, path: Path) -> None:
        """As JSON, one tensor a line."""
        lines = [f"    {json.dumps(name)}: [{low!r}, {high!r}]" for name, (low, high) in sorted(self.ranges.items())]
        head = f'{{\n  "measured_on": {json.dumps(self.measured_on)},\n  "ranges": {{\n'
        path.write_text(head + ",\n".join(lines) + "\n  }\n}\n", encoding="utf-8")


def measure_ranges(model: onnx.ModelProto, chips: Iterable[NDArray[np.uint8]], measured_on: str) -> ActivationRanges:
    """Run the float descriptor over chips, each (H, W, 3) uint8 RGB; rounded to six significant digits."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "float.onnx"
        path.write_bytes(serialise(_prepared(model)))
        calibrator = create_calibrator(
            path, list(QUANTISED), str(Path(folder) / "augmented.onnx"), CalibrationMethod.MinMax
        )
        calibrator.collect_data(_Chips(chips))
        measured = calibrator.compute_data()
    return ActivationRanges(measured_on, {name: _bounds(data) for name, data in measured.items()})


def quantise(model: onnx.ModelProto, ranges: ActivationRanges) -> bytes:
    """The int8 model's bytes: the same for the same float model, ranges and onnxruntime version.

    Raises:
        PackError: a tensor of the model has no range.
    """
    with tempfile.TemporaryDirectory() as folder:
        cache, target = Path(folder) / "ranges.json", Path(folder) / "int8.onnx"
        save_tensors_data(_tensors_data(ranges), cache)
        try:
            quantize_static(
                _prepared(model),
                target,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(QUANTISED),
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                calibration_cache_path=cache,
            )
        except (KeyError, ValueError) as err:
            raise PackError(f"the activation ranges are not this network's ({err}): measure them anew") from err
        return serialise(onnx.load(target))


class _Chips(CalibrationDataReader):  # type: ignore[misc]  # the library is untyped
    """Feeds chips one by one, as the calibrator asks for them."""

    def __init__(self, chips: Iterable[NDArray[np.uint8]]) -> None:
        self._chips: Iterator[NDArray[np.uint8]] = iter(chips)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        chip = next(self._chips, None)
        return None if chip is None else {"input": chip.transpose(2, 0, 1)[None].astype(np.float32)}


def _prepared(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy marked as ready: the writer already folds what the library's own preparation would."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    add_pre_process_metadata(copy)
    return copy


def _bounds(data: TensorData) -> tuple[float, float]:
    low, high = (float(np.asarray(bound).item()) for bound in data.range_value)
    return _rounded(low), _rounded(high)


def _rounded(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _tensors_data(ranges: ActivationRanges) -> TensorsData:
    bounds = {
        name: TensorData(lowest=np.array([low], dtype=np.float32), highest=np.array([high], dtype=np.float32))
        for name, (low, high) in ranges.ranges.items()
    }
    return TensorsData(CalibrationMethod.MinMax, bounds)
