"""Building a stage beside the one that works: on a thread of its own, at a low priority."""

from __future__ import annotations

import structlog

from hadir.core.errors import HadirError, SetupError
from hadir.core.low_priority import in_background
from hadir.pipeline.ports import SparingFactory, Stage, StageFactory, Wake

__all__ = ["StageLoader"]

_log = structlog.get_logger(__name__)


class StageLoader:
    """Starts at once. When it has ended either `stage` or `failure` is set, and `told` is called from its thread.
    Whoever wants neither any more just lets go of it."""

    def __init__(self, stage_factory: StageFactory, serving: Stage, told: Wake = lambda: None) -> None:
        """`serving` is the stage that works now, of which a `SparingFactory` may take over a part."""
        # Popped by the one who builds: nothing of this loader keeps the stage before alive.
        beside = [serving]
        self._future = in_background(lambda: _build(stage_factory, beside.pop()), "hadir-stage")
        self._future.add_done_callback(lambda _: told())

    @property
    def stage(self) -> Stage | None:
        """What was built; None as long as it is not there."""
        return self._future.result() if self._future.done() and self._future.exception() is None else None

    @property
    def failure(self) -> HadirError | None:
        """Why it cannot be built, as the factory said it."""
        error = self._future.exception() if self._future.done() else None
        if error is None or isinstance(error, HadirError):
            return error
        _log.error("stage_cannot_be_built", exc_info=error)
        return SetupError(f"the stage cannot be built ({type(error).__name__}): see the worker's log")


def _build(stage_factory: StageFactory, serving: Stage) -> Stage:
    return stage_factory.beside(serving) if isinstance(stage_factory, SparingFactory) else stage_factory()
