"""What is done to a running Hadir, and which alerts must speak of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Final

import psutil
from kafka.admin import KafkaAdminClient
from sqlalchemy import create_engine, text

from hadir.app.reconciling import NOTES
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.topics import VERDICTS, with_partitions
from tests.chaos.run_site import PARTITIONS
from tests.watch.watch_world import Alarm, WatchWorld

__all__ = ["FAULTS", "Planted"]

PAGE, TICKET = "page", "ticket"
SLOW_S: Final = "0.9"
"""A batch longer by this: still within the objective, and six times the usual."""
TOO_SLOW_S: Final = "6"
"""Two workers decide ten a second then, and twenty-four arrive."""
STRANGERS: Final = 0.3
NOISE: Final = 0.05
LOOK_S: Final = 0.02
NOT_THE_NEWEST: Final = 100
"""Rows: the members know where their chains end."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault: how it is planted, which alerts must fire while it lasts, how it is mended, and which alerts must fire
    on what it leaves behind."""

    what: str
    plant: Callable[[WatchWorld], None]
    fires: tuple[Alarm, ...]
    mend: Callable[[WatchWorld], None]
    afterwards: tuple[Alarm, ...] = ()


def _brake(seconds: str) -> Callable[[WatchWorld], None]:
    return lambda world: _write(world, seconds)


def _write(world: WatchWorld, seconds: str) -> None:
    world.brake.write_text(seconds, encoding="utf-8")


def _release(world: WatchWorld) -> None:
    world.brake.unlink(missing_ok=True)


def _strangers(share: float) -> Callable[[WatchWorld], None]:
    def change(world: WatchWorld) -> None:
        world.stream.strangers = share

    return change


def _noise(share: float) -> Callable[[WatchWorld], None]:
    def change(world: WatchWorld) -> None:
        world.stream.noise = share

    return change


def _topic_goes(world: WatchWorld) -> None:
    with closing(world.brokers.cluster.open(KafkaAdminClient)) as admin:
        admin.delete_topics([VERDICTS])


def _topic_comes(world: WatchWorld) -> None:
    create_topics(world.brokers.cluster, with_partitions(PARTITIONS), 1)


def _odd_member_comes(world: WatchWorld) -> None:
    world.odd.start()
    world.third_is_watched(True)


def _odd_member_goes(world: WatchWorld) -> None:
    world.third_is_watched(False)
    world.odd.stop()


def _lose_a_row(world: WatchWorld) -> None:
    """A verdict with all that belongs to it is gone from the ledger, as only a superuser can do it; and so are the
    notes of what was compared before, so that all is compared again."""
    engine = create_engine(world.database.url)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        found = "SELECT check_in_id, source_partition, source_offset FROM ledger WHERE revision = 0 "
        row = connection.execute(text(f"{found} ORDER BY decided_at_ms DESC OFFSET {NOT_THE_NEWEST} LIMIT 1")).one()
        world.lost = (int(row.source_partition), int(row.source_offset))
        for table in ("ledger", "evidence", "photo_marks"):
            connection.execute(text(f"DELETE FROM {table} WHERE check_in_id = :id"), {"id": row.check_in_id})
    engine.dispose()
    for member in (world.first, world.second):
        (member.folder / "run" / NOTES).unlink(missing_ok=True)


def _second_goes(world: WatchWorld) -> None:
    world.second.kill()


def _both_go(world: WatchWorld) -> None:
    world.first.kill()
    world.second.kill()


def _both_come(world: WatchWorld) -> None:
    world.first.start()
    world.second.start()


class _Frozen:
    """Ends the first member's worker, and freezes whoever is to take its place."""

    def __init__(self) -> None:
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._frozen: dict[int, psutil.Process] = {}

    def plant(self, world: WatchWorld) -> None:
        for worker in world.first.workers():
            worker.kill()
        self._thread = threading.Thread(target=self._freeze, args=(world,), name="freezing", daemon=True)
        self._thread.start()

    def mend(self, world: WatchWorld) -> None:
        del world
        self._end.set()
        if self._thread is not None:
            self._thread.join()
        for process in self._frozen.values():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _freeze(self, world: WatchWorld) -> None:
        while not self._end.wait(LOOK_S):
            for worker in world.first.workers():
                with suppress(psutil.NoSuchProcess):
                    if worker.pid not in self._frozen and worker.status() != psutil.STATUS_ZOMBIE:
                        worker.suspend()
                        self._frozen[worker.pid] = worker


_FROZEN: Final = _Frozen()

FAULTS: Final = (
    Planted(
        "the database is killed",
        lambda world: world.database.kill(),
        (("HadirLedgerFailing", PAGE), ("HadirPipelineStalled", PAGE)),
        lambda world: world.database.start_again(),
        (("HadirVerdictLatencyBudgetBurn", PAGE),),
    ),
    Planted(
        "the topic of verdicts is deleted",
        _topic_goes,
        (("HadirVerdictsUnpublished", PAGE),),
        _topic_comes,
    ),
    Planted(
        "one record in twenty is not a check-in",
        _noise(NOISE),
        (("HadirDeadLetters", TICKET), ("HadirDecisionBudgetBurn", PAGE), ("HadirDecisionBudgetBurn", TICKET)),
        _noise(0.0),
    ),
    Planted(
        "every batch takes .9 s longer",
        _brake(SLOW_S),
        (("HadirVerdictLatencyRegression", TICKET),),
        _release,
    ),
    Planted(
        "three faces in ten are somebody else's",
        _strangers(STRANGERS),
        (("HadirMatchRateShift", TICKET),),
        _strangers(0.02),
    ),
    Planted(
        "a third member serves another index, on the processor in place of a card",
        _odd_member_comes,
        (("HadirSnapshotMismatch", PAGE), ("HadirModelFallback", TICKET)),
        _odd_member_goes,
    ),
    Planted(
        "a verdict is deleted from the ledger",
        _lose_a_row,
        (("HadirReconcileFaults", PAGE),),
        lambda world: world.read_again(),
    ),
    Planted(
        "a worker is killed, and the next one hangs before it serves",
        _FROZEN.plant,
        (("HadirWorkersMissing", TICKET),),
        _FROZEN.mend,
    ),
    Planted(
        "one member is killed and stays away",
        _second_goes,
        (("HadirMetricsAbsent", TICKET),),
        lambda world: world.second.start(),
    ),
    Planted(
        "every batch takes 6 s longer",
        _brake(TOO_SLOW_S),
        (("HadirLagGrowing", TICKET), ("HadirVerdictLatencyBudgetBurn", PAGE)),
        _release,
    ),
    Planted("all members are killed", _both_go, (("HadirMetricsAbsent", PAGE),), _both_come),
)
