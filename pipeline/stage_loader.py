"""Building a stage beside the one that works: on a thread of its own, at the lowest priority."""

from __future__ import annotations

import threading

import structlog

from hadir.core.errors import HadirError, SetupError
from hadir.core.low_priority import lower_this_thread
from hadir.pipeline.ports import Stage, StageFactory, Wake

__all__ = ["StageLoader"]

_log = structlog.get_logger(__name__)


class StageLoader:
    """Starts at once. Afterwards either `stage` or `failure` is set, `done` is true, and `told` has been called, from
    the loader's thread. Whoever wants neither any more just lets go of the loader."""

    def __init__(self, stage_factory: StageFactory, told: Wake = lambda: None) -> None:
        self._stage_factory = stage_factory
        self._told = told
        self.stage: Stage | None = None
        self.failure: HadirError | None = None
        self._thread = threading.Thread(target=self._load, name="hadir-stage", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self.stage is not None or self.failure is not None

    def _load(self) -> None:
        lower_this_thread()
        try:
            self.stage = self._stage_factory()
        except HadirError as err:
            self.failure = err
        except BaseException as err:  # noqa: BLE001 - whatever a factory raises must be told, or nobody hears of it
            _log.exception("stage_cannot_be_built")
            self.failure = SetupError(f"the stage cannot be built ({type(err).__name__}): see the worker's log")
        self._told()
