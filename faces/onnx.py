"""One model, loaded and ready to run: the only file that imports onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import PackError
from hadir.faces.runtime import CPU, Runtime

__all__ = ["Network", "Session", "Slot", "batch_of", "open_session", "sigmoid"]

PROVIDERS = ("CPUExecutionProvider",)
"""Named, because a runtime built for a GPU would otherwise take the GPU on its own accord."""


class Slot(Protocol):
    """An input or output of a model; axes of free length have a name or None."""

    name: str
    shape: list[int | str | None]


class Session(Protocol):
    """What is used of onnxruntime.InferenceSession."""

    def get_inputs(self) -> Sequence[Slot]: ...
    def get_outputs(self) -> Sequence[Slot]: ...
    def run(self, output_names: list[str], input_feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]: ...


def open_session(model: bytes, name: str, runtime: Runtime = CPU) -> Session:
    """A session with one thread and every graph optimisation (fewer of them cost 2 to 4 times the time, measured).

    Takes the bytes, not a path, so that what runs is exactly what was checksummed.

    Raises:
        PackError: these bytes are not a model that onnxruntime can load; the message has `name`.
    """
    if runtime.provider != "cpu":
        raise PackError(f"{name}: runtime {runtime.provider} is not built in yet, ask for cpu")
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read while the library initialises
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    try:
        session: Session = onnxruntime.InferenceSession(model, options, providers=list(PROVIDERS))
    except Exception as err:  # its exceptions share no other base
        detail = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise PackError(f"{name} is not a model that can be loaded: {detail}; fetch or convert it again") from err
    return session


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits to probabilities, without overflow in float32."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -80.0, 80.0))), dtype=np.float32)


def batch_of(rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Inputs with a batch axis of one each, as one batch; a single one is not copied."""
    return rows[0] if len(rows) == 1 else np.concatenate(rows)


class Network:
    """A model with one float32 input. Belongs to one thread."""

    def __init__(self, model: bytes, name: str, outputs: tuple[str, ...], runtime: Runtime = CPU) -> None:
        """Open `model`; `outputs` are the names to fetch, in that order. Raises PackError where they are not there."""
        self._session = open_session(model, name, runtime)
        inputs = self._session.get_inputs()
        there = {output.name for output in self._session.get_outputs()}
        if len(inputs) != 1 or not there.issuperset(outputs):
            raise PackError(
                f"{name} has {len(inputs)} inputs and outputs {sorted(there)}, expected 1 and {sorted(outputs)}"
            )
        self._input = inputs[0].name
        self._outputs = list(outputs)

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Every output for a C-contiguous batch, each with the batch's length in front."""
        return self._session.run(self._outputs, {self._input: batch})
