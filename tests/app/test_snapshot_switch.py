"""A switch is told before it is used, judged by its own thresholds, and leaves nothing behind when it is refused."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import pytest

from hadir.app.snapshot_switch import SnapshotSwitch
from hadir.app.wiring import Serving
from hadir.attendance.policy import Policy
from hadir.attendance.yardsticks import Yardstick, Yardsticks
from hadir.core.errors import CalibrationError, PackError, SnapshotError
from hadir.core.thresholds import Thresholds, ThresholdTable
from hadir.pipeline.judge import Stamp
from hadir.pipeline.observer import Served
from hadir.pipeline.ports import Exchange, ExchangePhase, StageFactory

SUPPORTED = ThresholdTable({"1e-3": {"1/1": 0.5}, "1e-2": {"1/1": 0.4}})
NOTHING = ThresholdTable({})


class Part:
    """Anything with these attributes."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


def serving(snapshot: str, table: ThresholdTable = SUPPORTED) -> Serving:
    """What the switch looks at of a `Serving`, without models and vectors."""
    return cast(
        "Serving",
        Part(
            snapshot=Part(manifest=Part(id=snapshot, created_at_ms=0, people=1)),
            pack=Part(embedding_space=f"space of {snapshot}", name="open", licence="Apache-2.0"),
            yardstick=Yardstick(Thresholds(table, NOTHING), 0.02),
            stamp=Stamp(snapshot, f"space of {snapshot}"),
            stage=lambda: None,
        ),
    )


class House:
    """Pool, judge and watcher in one, which note what is done to them."""

    def __init__(self) -> None:
        self.yardsticks = Yardsticks(Policy("test", "1", date(2026, 1, 1)))
        self.yardsticks.register("first", serving("first").yardstick)
        self.stands = Exchange()
        self.exchanges = 0
        self.stamps: list[str] = []
        self.told: list[str] = []
        self.wakes = 0
        self.in_hand = frozenset[str]()
        self.switch = SnapshotSwitch(serving("first"), self, self, self.yardsticks, [self])
        self.switch.join(self.wake, lambda: self.in_hand)

    def exchange(self, stage_factory: StageFactory) -> None:
        del stage_factory
        self.exchanges += 1
        self.stands = Exchange(ExchangePhase.LOADING)

    def exchanged(self) -> Exchange:
        return self.stands

    def serve(self, stamp: Stamp) -> None:
        self.stamps.append(stamp.snapshot)

    def on_serving(self, served: Served) -> None:
        self.told.append(served.snapshot)

    def on_refused(self, snapshot: str | None, code: str) -> None: ...

    def wake(self) -> None:
        self.wakes += 1

    def known(self, snapshot: str) -> bool:
        try:
            self.yardsticks.of(snapshot)
        except SnapshotError:
            return False
        return True


def test_thresholds_are_known_before_any_worker_may_answer() -> None:
    house = House()
    future = house.switch.offer(serving("second"))
    assert (house.wakes, house.exchanges) == (1, 0), "the loop does it"
    house.switch.turn()
    assert (house.exchanges, house.known("second"), future.done()) == (1, True, False)
    assert (house.stamps, house.told) == ([], ["first"])


def test_when_all_have_adopted_it_serves() -> None:
    house = House()
    future = house.switch.offer(serving("second"))
    house.switch.turn()
    house.switch.turn()
    assert not future.done()
    house.stands = Exchange(ExchangePhase.ADOPTED)
    house.switch.turn()
    future.result(0)
    assert (house.stamps, house.told) == (["second"], ["first", "second"])
    assert house.switch.served.snapshot.manifest.id == "second"
    assert not house.known("first")


def test_thresholds_of_findings_in_hand_are_kept() -> None:
    house = House()
    house.in_hand = frozenset({"first"})
    house.switch.offer(serving("second"))
    house.switch.turn()
    house.stands = Exchange(ExchangePhase.ADOPTED)
    house.switch.turn()
    assert house.known("first")
    assert house.known("second")


def test_what_supports_no_rate_never_reaches_a_worker() -> None:
    house = House()
    future = house.switch.offer(serving("second", NOTHING))
    house.switch.turn()
    with pytest.raises(CalibrationError):
        future.result(0)
    assert (house.exchanges, house.told) == (0, ["first"])


def test_what_a_worker_cannot_load_is_refused_with_its_reason_and_the_next_is_taken() -> None:
    house = House()
    refused, taken = house.switch.offer(serving("second")), house.switch.offer(serving("third"))
    house.switch.turn()
    house.stands = Exchange(ExchangePhase.FAILED, PackError("cut short"))
    house.switch.turn()
    with pytest.raises(PackError, match="cut short"):
        refused.result(0)
    assert house.switch.served.snapshot.manifest.id == "first"
    assert house.stamps == []
    house.switch.turn()
    house.stands = Exchange(ExchangePhase.ADOPTED)
    house.switch.turn()
    taken.result(0)
    assert house.told == ["first", "third"]


def test_a_round_without_an_offer_does_nothing() -> None:
    house: Any = House()
    house.switch.turn()
    assert (house.exchanges, house.told) == (0, ["first"])
