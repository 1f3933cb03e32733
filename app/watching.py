"""What a running station shows of itself: its metrics, its health, and the page with both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hadir.actors.pool import RayPool
from hadir.app.health import Check, Health, Vitals
from hadir.app.wiring import Serving, face_workers
from hadir.attendance.ledger import Ledger
from hadir.core.clock import Clock
from hadir.core.settings import Settings
from hadir.faces.model_facts import ModelFacts
from hadir.pipeline.inline import InlinePool
from hadir.pipeline.patience import Patience
from hadir.pipeline.ports import Source
from hadir.pipeline.prometheus import StreamMetrics
from hadir.pipeline.prometheus_page import Answer, MetricsPage
from hadir.pipeline.run import Intake

__all__ = ["Watching"]


class Watching:
    """The page is there from the beginning, so that a probe hears what is still missing; its numbers come with the
    parts that have them."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Open the page, where the settings name a port. Raises SetupError where it is taken."""
        self._settings = settings
        self.metrics = StreamMetrics(clock)
        self.health = Health(self._vitals, settings.metrics.stall_s)
        self._served: Callable[[], Serving] | None = None
        self._pool: InlinePool | RayPool | None = None
        self._source: Source | None = None
        self._intake: Intake | None = None
        self._started = self._stopping = False
        probes = {
            "/livez": lambda: _answer(self.health.alive()),
            "/startupz": lambda: _answer(self.health.started()),
            "/readyz": lambda: _answer(self.health.ready()),
        }
        where = settings.metrics
        self.page = MetricsPage(self.metrics, where.port, where.host, probes) if where.port else None

    def serves(self, served: Callable[[], Serving]) -> None:
        """Pack and snapshot are loaded and tested; `served` says which ones serve now."""
        self._served = served
        self.metrics.watch_models(self._models)

    def watch(self, pool: InlinePool | RayPool, ledger: Ledger, source: Source, intake: Intake) -> None:
        """The parts whose numbers are asked for at every scrape."""
        self._pool, self._source, self._intake = pool, source, intake
        self.metrics.watch(outbox=Patience(ledger.outbox_depth), retries=lambda: pool.retries)
        self.metrics.watch_intake(intake.paused, source.membership)
        if isinstance(pool, RayPool):
            self.metrics.watch_workers(pool.ready, pool.replacements, self._wanted())
        else:
            self.metrics.watch_workers(self._ready, dict, self._wanted())

    def started(self) -> None:
        """Workers are up, the log is joined: from now on the loop must turn."""
        self._started = True

    def stopping(self) -> None:
        """Nothing new is taken from now on. From any thread or signal."""
        self._stopping = True

    def close(self) -> None:
        """Take the page down. Idempotent."""
        page, self.page = self.page, None
        if page is not None:
            page.close()

    def _vitals(self) -> Vitals:
        vitals = Vitals(
            None if self._served is None else _said(self._served()),
            self._ready(),
            self._wanted(),
            stopping=self._stopping,
        )
        if self._intake is None or self._source is None or not self._started:
            return vitals
        return replace(vitals, still_for_s=self._intake.still_for_s(), membership=self._source.membership())

    def _models(self) -> list[ModelFacts]:
        """What the workers say; where the worker is this process, what its pack says."""
        if isinstance(self._pool, RayPool):
            return [info.models for info in self._pool.workers() if info.models is not None]
        return [] if self._served is None else [_model_facts(self._settings, self._served())]

    def _ready(self) -> int:
        if isinstance(self._pool, RayPool):
            return self._pool.ready()
        return int(self._started)

    def _wanted(self) -> int:
        return 1 if self._settings.run.pool == "inline" else face_workers(self._settings)


def _said(served: Serving) -> str:
    return f"pack {served.pack.name} {served.pack.precision}, snapshot {served.snapshot.manifest.id}"


def _model_facts(settings: Settings, served: Serving) -> ModelFacts:
    return ModelFacts(settings.faces.runtime, served.pack.runtime, served.pack.precision)


def _answer(checks: list[Check]) -> Answer:
    """As Kubernetes' own servers put it, one check a line."""
    lines = [f"[{'+' if check.holds else '-'}]{check.name}: {check.said}" for check in checks]
    good = all(check.holds for check in checks)
    return Answer(good, "\n".join([*lines, "passed" if good else "failed", ""]))
