"""Who has the next stage and who must still be told: a pure state machine, without Ray, threads or clocks.

Every seat loads; when the last has loaded, every seat adopts. Until then one failure ends it for all, afterwards
nothing does: whoever dies is replaced by a worker that was built with the new stage.
"""

from __future__ import annotations

from enum import Enum, auto

from hadir.core.errors import HadirError, PoolBusy, SetupError
from hadir.pipeline.ports import Exchange, ExchangePhase

__all__ = ["DEATHS_WHILE_LOADING", "Handover"]

DEATHS_WHILE_LOADING = 3
"""Photos may kill a worker that loads, but hardly three times in the second that it takes: then it is the models."""


class _Step(Enum):
    ABSENT = auto()
    WORKING = auto()
    LOADING = auto()
    LOADED = auto()
    ADOPTING = auto()


class Handover:
    """One exchange after the other over the seats of a pool. Used by one thread."""

    def __init__(self, seats: int, at_once: int | None = None) -> None:
        """`at_once` seats load at the same time, by default a quarter of them: so the others have their cores to
        themselves, and a large pool still takes four times as long as one worker, not more."""
        self._at_once = at_once or max(1, seats // 4)
        self._steps = [_Step.ABSENT] * seats
        self._deaths = 0
        self.number = 0
        """Of the latest exchange: what belongs to an earlier one comes too late."""
        self.exchange = Exchange()

    def begin(self) -> None:
        """Start one.

        Raises:
            PoolBusy: an earlier one is under way.
        """
        if self.exchange.under_way:
            raise PoolBusy("an exchange of stages is under way: wait until `exchanged` says how it ended")
        self.exchange = Exchange(ExchangePhase.LOADING)
        self.number += 1
        self._deaths = 0
        self._steps = [_Step.ABSENT if step is _Step.ABSENT else _Step.WORKING for step in self._steps]

    def to_load(self) -> list[int]:
        """Seats whose worker must be told to load, each told once."""
        if self.exchange.phase is not ExchangePhase.LOADING:
            return []
        return self._move(_Step.WORKING, _Step.LOADING, self._at_once - self._steps.count(_Step.LOADING))

    def to_adopt(self) -> list[int]:
        """Seats whose worker must be told to adopt what it has loaded, each told once."""
        if self.exchange.phase is not ExchangePhase.ADOPTING:
            return []
        return self._move(_Step.LOADED, _Step.ADOPTING)

    def to_abandon(self) -> list[int]:
        """Seats whose worker must let go of what it loads or has loaded, each told once."""
        if self.exchange.phase is not ExchangePhase.FAILED:
            return []
        return self._move(_Step.LOADING, _Step.WORKING) + self._move(_Step.LOADED, _Step.WORKING)

    def seated(self, seat: int) -> None:
        """A worker is there, built with the stage that was valid when it was asked for: the new one from ADOPTING
        on."""
        self._steps[seat] = _Step.WORKING
        self._look()

    def gone(self, seat: int) -> None:
        """The worker has died, and all that it had in hand has come to its end."""
        loading = self._steps[seat] in {_Step.LOADING, _Step.LOADED}
        self._steps[seat] = _Step.ABSENT
        if loading and self.exchange.phase is ExchangePhase.LOADING:
            self._deaths += 1
            if self._deaths >= DEATHS_WHILE_LOADING:
                self._fail(
                    SetupError(f"workers died {self._deaths} times while they loaded: see whether memory ran out")
                )
        self._look()

    def loading(self, seat: int) -> bool:
        """Whether it has been told to load and has not said that it has."""
        return self._steps[seat] is _Step.LOADING

    def all_loading(self) -> frozenset[int]:
        """Seats that load now: the others are faster."""
        return frozenset(seat for seat, step in enumerate(self._steps) if step is _Step.LOADING)

    def loaded(self, seat: int) -> None:
        """The worker holds both stages."""
        self._steps[seat] = _Step.LOADED
        self._look()

    def failed(self, error: HadirError) -> None:
        """A worker cannot load, or takes too long."""
        if self.exchange.phase is ExchangePhase.LOADING:
            self._fail(error)

    def adopted(self, seat: int) -> None:
        """The worker works with the new stage, and nothing that it did with the old one is still on its way."""
        self._steps[seat] = _Step.WORKING
        self._look()

    def _fail(self, error: HadirError) -> None:
        self.exchange = Exchange(ExchangePhase.FAILED, error)

    def _look(self) -> None:
        steps = set(self._steps)
        if self.exchange.phase is ExchangePhase.LOADING and steps == {_Step.LOADED}:
            self.exchange = Exchange(ExchangePhase.ADOPTING)
        elif self.exchange.phase is ExchangePhase.ADOPTING and steps <= {_Step.WORKING, _Step.ABSENT}:
            # Who is absent now has nothing in hand, and comes back with the new stage.
            self.exchange = Exchange(ExchangePhase.ADOPTED)

    def _move(self, before: _Step, after: _Step, most: int | None = None) -> list[int]:
        seats = [seat for seat, step in enumerate(self._steps) if step is before][:most]
        for seat in seats:
            self._steps[seat] = after
        return seats
