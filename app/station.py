"""One running Hadir: the loop between log and ledger with its workers, relay, chain heads and metrics."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from hadir.actors.pool import RayPool
from hadir.app.heads_keeper import HeadsKeeper
from hadir.app.log_ends import LogEnds
from hadir.app.prewarm import Prewarm
from hadir.app.ray_cluster import cluster_of, require_members_share, tell_of_cores
from hadir.app.reconciling import Reconciling, Standing, reconciler_of
from hadir.app.run_folder import held
from hadir.app.sharded_serving import ShardedServing
from hadir.app.snapshot_switch import SnapshotSwitch
from hadir.app.snapshot_watch import SnapshotWatch
from hadir.app.start_checks import require_disks, require_partitions
from hadir.app.watching import Watching
from hadir.app.wiring import Serving, face_workers, judge, open_ledger, serving, serving_of
from hadir.attendance.relay_lead import RelayLead
from hadir.attendance.shifts import Shifts
from hadir.core.clock import Clock
from hadir.core.freed_memory import keep_freed_memory
from hadir.core.settings import Settings
from hadir.index.manifest import MANIFEST
from hadir.pipeline.batching import BatchLimit
from hadir.pipeline.inline import InlinePool
from hadir.pipeline.lag import LagWatch
from hadir.pipeline.limits import IntakeLimits
from hadir.pipeline.observer import Observer, Observers, SnapshotObserver
from hadir.pipeline.outbox import Relay
from hadir.pipeline.run import Intake
from hadir.pipeline.watermarks import Watermarks

__all__ = ["Station"]


class Station:
    """Built and closed on the main thread (Ray ends with the thread that started it); `run` may be on another.

    Use as a context manager: on leaving, everything that was started is ended, in the reverse order.
    """

    def __init__(
        self,
        settings: Settings,
        ends: LogEnds,
        clock: Clock,
        watchers: Sequence[Observer] = (),
        snapshot_watchers: Sequence[SnapshotObserver] = (),
        *,
        holds_folder: bool = True,
        on_assigned: Callable[[Collection[int]], None] = lambda _: None,
    ) -> None:
        """`holds_folder` is False where the caller keeps the run folder itself, for longer. `on_assigned` as `Intake`.

        Raises what loading packs, snapshots, rules, ledger and Ray raise: one line each.
        """
        self._closers = ExitStack()
        try:
            if holds_folder:
                self._closers.enter_context(held(Path(settings.run.folder)))
            keep_freed_memory()
            self._settings, self._clock = settings, clock
            self._watching = Watching(settings, clock)
            self._closers.callback(self._watching.close)
            self.metrics = self._watching.metrics
            require_members_share(settings.pool)
            require_disks(settings)
            served = serving(settings)
            self.ledger = open_ledger(settings.ledger.url)
            self._closers.callback(self.ledger.close)
            if ends.reader is not None:
                require_partitions(ends.topic, self.ledger.positions(ends.topic), ends.reader.bounds(ends.topic))
            judging, yardsticks = judge(settings, served, self.ledger, clock, ends.topic)
            self._shards: ShardedServing | None = None
            self.pool = self._pool(settings, served)
            self._snapshot_watchers = [self.metrics, *snapshot_watchers]
            self._switch = SnapshotSwitch(served, self.pool, judging, yardsticks, self._snapshot_watchers)
            lead = RelayLead(settings.ledger.url)
            self._closers.callback(lead.close)
            self._relay = Relay(
                self.ledger,
                ends.sink,
                clock,
                observer=self.metrics,
                leads=lead.held,
                on_published=self.metrics.on_published,
            )
            heads = HeadsKeeper(self.ledger, Path(settings.ledger.heads), settings.ledger.heads_every_s, clock)
            self._closers.callback(ends.sink.close)
            self._closers.callback(heads.keep)
            self._closers.callback(self._relay.close)
            self._intake = Intake(
                ends.source,
                self.pool,
                self.ledger,
                judging,
                topic=ends.topic,
                clock=clock,
                observer=Observers([self.metrics, heads, *watchers]),
                limits=_limits(settings),
                after_write=self._relay.wake,
                each_round=self._each_round,
                on_assigned=on_assigned,
            )
            self._switch.join(self._intake.wake, self._intake.snapshots_in_hand)
            self._prewarm = self._prewarming(settings, ends.topic)
            self._reconciling = self._reconciler(settings, ends)
            self._lag = self._lag_watch(settings, ends)
            self._watching.serves(lambda: self.served)
            self._watching.watch(self.pool, self.ledger, ends.source, self._intake)
            # Once more, and so before what it asks is gone; above for when a part cannot be made.
            self._closers.callback(self._watching.close)
        except BaseException:
            self._closers.close()
            raise

    @property
    def served(self) -> Serving:
        """The pack and the snapshot that serve now."""
        return self._switch.served

    @property
    def snapshot(self) -> str:
        """The id of the snapshot that serves now."""
        return self.served.snapshot.manifest.id

    def start(self) -> None:
        """Bring up the workers and join the log; `run` does it where nobody has."""
        self._intake.start()
        self._watching.started()
        # What is loaded now lives as long as this process. Walking it again and again for cyclic garbage took .05 ms
        # per check-in, a tenth of the loop (measured).
        gc.collect()
        gc.freeze()
        self._closers.callback(gc.unfreeze)
        self._watch_snapshots()
        if self._prewarm is not None:
            self._closers.enter_context(self._prewarm)
        if self._lag is not None:
            self._closers.enter_context(self._lag)
        if self._reconciling is not None and self._settings.reconcile.every_s:
            self._closers.enter_context(self._reconciling)

    def run(self, finished: Callable[[], bool] = lambda: False) -> None:
        """As `Intake.run`; verdicts are published meanwhile."""
        self._relay.start()
        self._intake.run(finished)

    def reconcile(self) -> Standing | None:
        """Hold what was received against what was decided, now and on this thread; None where the log has no reader."""
        return None if self._reconciling is None else self._reconciling.look(paced=False)

    def stop(self) -> None:
        """Finish what is in hand, then end. From any thread or signal."""
        self._watching.stopping()
        self._intake.stop()

    def close(self) -> None:
        """End everything. Idempotent."""
        self._closers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _watch_snapshots(self) -> None:
        """From now on take what the pointers name; settings that name one snapshot itself have none to follow."""
        root = Path(self._settings.stores.snapshots)
        if (root / MANIFEST).exists():
            return
        watch = SnapshotWatch(
            root,
            self._switch,
            lambda folder: self._placed(serving_of(self._settings, folder, self.served)),
            workers=1 if isinstance(self.pool, InlinePool) else len(self.pool.workers()),
            every_s=self._settings.stores.watch_s,
            clock=self._clock,
            watchers=self._snapshot_watchers,
        )
        self._closers.enter_context(watch)

    def _pool(self, settings: Settings, served: Serving) -> InlinePool | RayPool:
        if settings.run.pool == "inline":
            return InlinePool(served.stage, self.metrics.on_worked)
        return self._ray_pool(settings, served)

    def _ray_pool(self, settings: Settings, served: Serving) -> RayPool:
        workers = face_workers(settings)
        cluster = cluster_of(settings.pool, Path(settings.run.folder), workers)
        self._closers.callback(cluster.close)
        tell_of_cores(settings.pool, workers)
        self._shards = ShardedServing(workers)
        self._closers.callback(self._shards.close)
        return RayPool(cluster, self._placed(served).stage, workers, on_worked=self.metrics.on_worked)

    def _prewarming(self, settings: Settings, topic: str) -> Prewarm | None:
        """What is warmed up are workers of their own; the one in this process is part of it."""
        pool = self.pool
        if isinstance(pool, InlinePool) or not settings.pool.prewarm_min:
            return None
        return Prewarm(
            Shifts.load(Path(settings.attendance.units), Path(settings.attendance.shifts)),
            settings.pool.prewarm_min,
            warm_up=lambda: pool.warm_up(settings.pool.batch_photos),
            check_ledger=lambda: self.ledger.positions(topic),
            wake=self._intake.wake,
            clock=self._clock,
        )

    def _each_round(self) -> None:
        self._switch.turn()
        if self._prewarm is not None:
            self._prewarm.turn()

    def _placed(self, served: Serving) -> Serving:
        """What the workers get: a stage of their own, or one that asks shards."""
        return served if self._shards is None else self._shards.place(served)

    def _reconciler(self, settings: Settings, ends: LogEnds) -> Reconciling | None:
        if ends.reader is None:
            return None
        return Reconciling(
            reconciler_of(settings, ends.reader, self.ledger, ends.topic),
            Path(settings.run.folder),
            every_s=settings.reconcile.every_s,
            share=settings.reconcile.share,
            clock=self._clock,
            told=lambda now: self.metrics.on_reconciled(now.at_ms, now.records, now.faults),
        )

    def _lag_watch(self, settings: Settings, ends: LogEnds) -> LagWatch | None:
        if ends.lag_reader is None:
            return None
        watch = LagWatch(
            ends.lag_reader,
            lambda: self.ledger.positions(ends.topic),
            lambda: ends.source.membership().partitions,
            topic=ends.topic,
            group=settings.kafka.group,
            clock=self._clock,
        )
        self.metrics.watch_lag(watch.records, watch.oldest_age_s)
        return watch


def _limits(settings: Settings) -> IntakeLimits:
    most = settings.pool.in_flight_check_ins
    return IntakeLimits(
        batch=BatchLimit(settings.pool.batch_photos, settings.pool.batch_bytes),
        watermarks=Watermarks(most, most // 2),
        grace_s=settings.run.drain_s,
    )
