"""One model, loaded and ready to run: the only file that imports onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import metadata
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from hadir.core.errors import PackError
from hadir.faces.runtime import (
    BATCH_SIZES,
    CPU,
    Provider,
    Runtime,
    fallback,
    padded_size,
    provider_named,
    providers_for,
)

__all__ = [
    "Network",
    "Session",
    "Slot",
    "batch_of",
    "installed_runtimes",
    "open_session",
    "provider_of",
    "sigmoid",
]

_DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")

_log = structlog.get_logger(__name__)


class Slot(Protocol):
    """An input or output of a model; axes of free length have a name or None."""

    name: str
    shape: list[int | str | None]


class Session(Protocol):
    """What is used of onnxruntime.InferenceSession."""

    def get_inputs(self) -> Sequence[Slot]: ...
    def get_outputs(self) -> Sequence[Slot]: ...
    def get_providers(self) -> list[str]: ...
    def run(self, output_names: list[str], input_feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]: ...


def open_session(model: bytes, name: str, runtime: Runtime = CPU) -> Session:
    """A session with one thread and every graph optimisation (fewer of them cost 2 to 4 times the time, measured).

    Takes the bytes, not a path, so that what runs is exactly what was checksummed.

    Raises:
        PackError: these bytes are not a model that onnxruntime can load (the message has `name`), or the runtime is
            not to be had and the CPU not allowed.
    """
    if len(installed := installed_runtimes()) > 1:
        raise PackError(
            f"{' and '.join(installed)} are both installed and overwrite each other: remove one, then "
            "install the other anew"
        )
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read while the library initialises
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    providers = providers_for(runtime, onnxruntime.get_available_providers())
    if runtime.provider != "cpu":
        onnxruntime.preload_dlls()
    try:
        session: Session = onnxruntime.InferenceSession(model, options, providers=providers)
    except Exception as err:  # its exceptions share no other base
        detail = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise PackError(f"{name} is not a model that can be loaded: {detail}; fetch or convert it again") from err
    if (problem := fallback(runtime, provider_of(session))) is not None:
        if not runtime.allow_cpu:
            raise PackError(f"{name}: {problem}, or set faces.allow_cpu")
        _log.warning("cpu_serves", model=name, asked_for=runtime.provider)
    return session


def installed_runtimes() -> list[str]:
    """The distributions of onnxruntime that are installed; they share one folder, so there must be one."""
    return [name for name in _DISTRIBUTIONS if any(metadata.distributions(name=name))]


def provider_of(session: Session) -> Provider:
    """Where a session really runs."""
    return provider_named(session.get_providers()[0])


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits to probabilities, without overflow in float32."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -80.0, 80.0))), dtype=np.float32)


def batch_of(rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Inputs with a batch axis of one each, as one batch; a single one is not copied."""
    return rows[0] if len(rows) == 1 else np.concatenate(rows)


class Network:
    """A model with one float32 input. Belongs to one thread."""

    def __init__(
        self,
        model: bytes,
        name: str,
        outputs: tuple[str, ...],
        runtime: Runtime = CPU,
        *,
        padded: bool | None = None,
    ) -> None:
        """Open `model`; `outputs` are the names to fetch, in that order. `padded` None: on a card only.

        Raises PackError where they are not there.
        """
        self._session = open_session(model, name, runtime)
        inputs = self._session.get_inputs()
        there = {output.name for output in self._session.get_outputs()}
        if len(inputs) != 1 or not there.issuperset(outputs):
            raise PackError(
                f"{name} has {len(inputs)} inputs and outputs {sorted(there)}, expected 1 and {sorted(outputs)}"
            )
        self._input = inputs[0].name
        self._outputs = list(outputs)
        self.provider = provider_of(self._session)
        self._pads = self.provider != "cpu" if padded is None else padded
        if self._pads:
            self._warm_up([int(axis) for axis in inputs[0].shape[1:] if isinstance(axis, int)])

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Every output for a C-contiguous batch, each with the batch's length in front.

        On a card the batch is padded to one of BATCH_SIZES, and runs in parts where it is larger than the largest.
        """
        if not self._pads:
            return self._session.run(self._outputs, {self._input: batch})
        most = BATCH_SIZES[-1]
        parts = [self._run_padded(batch[start : start + most]) for start in range(0, len(batch), most)]
        return [np.concatenate(rows) for rows in zip(*parts, strict=True)] if len(parts) > 1 else parts[0]

    def _run_padded(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        count = len(batch)
        missing = padded_size(count) - count
        padded = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch
        return [rows[:count] for rows in self._session.run(self._outputs, {self._input: padded})]

    def _warm_up(self, shape: Sequence[int]) -> None:
        for size in BATCH_SIZES:
            self.run(np.zeros((size, *shape), dtype=np.float32))
