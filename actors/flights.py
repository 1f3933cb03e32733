"""Who does what in a pool of workers that may die: a pure state machine, without Ray, threads or clocks.

A *seat* is a place for a worker, a *flight* one call to it. Calls to one worker run in the order in which they were
made. So when a worker dies with two calls in hand, the first that brought no result was running and the second was
only queued: the first alone has spent an attempt. (A result lost on its way back together with its worker can still
put the blame on a neighbour; the budget therefore condemns only what died while it was alone with its worker.)
Whatever is tried again, guilty or not, flies with nothing queued behind it, so that the next death has one suspect, and
not with a worker that has failed since it last succeeded, if there is another.

A worker may also be sick and alive. One that is *late*, while a call that began after that has come back from another
seat, is put out; what it had in hand is not charged, as no photo was seen to do it. Without such a witness (one seat;
a machine that slept as a whole) nobody is sick.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from hadir.core.errors import PoolBusy
from hadir.core.evidence import FaceFinding
from hadir.pipeline.crash_budget import Attempt, first_attempt, split_after_crash
from hadir.pipeline.ports import FaceJob, JobResult, PoolRoom

__all__ = ["CALLS_PER_SEAT", "CRASHES_IN_A_ROW", "Flight", "Flights"]

CALLS_PER_SEAT = 2
"""One running and one queued; three were no faster than two (prototype, two actors, batch 32)."""
CRASHES_IN_A_ROW = 3
"""A worker that raised this often without a success between is replaced: its state may be what is broken."""


@dataclass(frozen=True, slots=True)
class Flight:
    """One call to make: which worker, and with what."""

    number: int
    seat: int
    attempt: Attempt
    alone: bool


@dataclass(slots=True)
class _Seat:
    ready: bool = False
    leaving: bool = False
    crashes: int = 0
    excused: bool = False
    flying: dict[int, Flight] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)

    @property
    def idle(self) -> bool:
        return self.ready and not self.leaving and not self.flying

    @property
    def queueable(self) -> bool:
        open_ = self.ready and not self.leaving and 0 < len(self.flying) < CALLS_PER_SEAT
        return open_ and not any(flight.alone for flight in self.flying.values())


class Flights:
    """Every job that is submitted comes out of `results` exactly once. Used by one thread."""

    def __init__(self, seats: int) -> None:
        self._seats = [_Seat() for _ in range(seats)]
        self._where: dict[int, int] = {}
        self._again: deque[Attempt] = deque()
        self._results: list[JobResult] = []
        self._vacant: list[int] = []
        self._late: dict[int, int] = {}
        self._sick: list[int] = []
        self._made = 0
        self.retries = 0
        """Calls made again because a worker died or raised."""

    def room(self) -> PoolRoom:
        """As `Pool.room`. While something waits to be tried again nothing new is let in before it."""
        if self._again:
            return PoolRoom(0, 0)
        return PoolRoom(sum(s.idle for s in self._seats), sum(s.queueable for s in self._seats))

    def submit(self, jobs: Sequence[FaceJob], busy: frozenset[int] = frozenset()) -> Flight:
        """The call to make for a fresh batch. Among seats that have as little to do, those that failed last and those
        in `busy`, which do something else besides, come last.

        Raises:
            PoolBusy: `room` has none.
        """
        seats = [] if self._again else [n for n, s in enumerate(self._seats) if s.idle or s.queueable]
        if not seats:
            raise PoolBusy(f"all {len(self._seats)} workers hold the work they may: take results, then ask for room")
        return self._depart(min(seats, key=lambda n: self._burden(n, busy)), first_attempt(jobs), alone=False)

    def departures(self) -> list[Flight]:
        """The calls to make now for what must be tried again: each on an idle worker, of those that failed least since
        they last succeeded."""
        least = min((s.crashes for s in self._seats if s.ready and not s.leaving), default=0)
        flights = []
        for number, seat in enumerate(self._seats):
            if self._again and seat.idle and seat.crashes <= least:
                flights.append(self._depart(number, self._again.popleft(), alone=True))
        return flights

    def seated(self, seat: int) -> None:
        """A fresh worker is ready."""
        self._seats[seat] = _Seat(ready=True)

    def landed(self, number: int, findings: Sequence[FaceFinding]) -> None:
        """A call came back; `findings` are as many as its jobs."""
        seat = self._seats[self._where[number]]
        attempt = seat.flying.pop(number).attempt
        seat.crashes = 0
        self._late.pop(number, None)
        pairs = zip(attempt.jobs, findings, strict=True)
        self._results += [JobResult(job.ticket, finding, attempt.number) for job, finding in pairs]
        self._overtake(number, at := self._where.pop(number))
        self._settle(at)

    def raised(self, number: int) -> bool:
        """A call failed with an error of its own; the worker lives, and what is queued behind goes on. Whether it has
        failed so often that it leaves now."""
        seat = self._seats[self._where[number]]
        self._charge(seat.flying.pop(number).attempt)
        self._late.pop(number, None)
        seat.crashes += 1
        worn_out = seat.crashes >= CRASHES_IN_A_ROW
        seat.leaving = seat.leaving or worn_out
        self._settle(self._where.pop(number))
        return worn_out

    def died(self, number: int) -> None:
        """A call was lost with its worker. Judged when every other call to that worker has ended too."""
        seat = self._seats[self._where[number]]
        seat.lost.add(number)
        self._late.pop(number, None)
        seat.leaving = True
        self._settle(self._where.pop(number))

    def absent(self, number: int) -> None:
        """A call that was to be alone was not made: its worker had died before. Nothing is spent."""
        seat = self._seats[self._where[number]]
        self._again.appendleft(seat.flying.pop(number).attempt)
        seat.leaving = True
        self._settle(self._where.pop(number))

    def late(self, number: int) -> list[int]:
        """This call takes far longer than others. Returns idle seats: whoever of them answers now is a `witness`; none
        is needed where other calls are made anyway."""
        at = self._where.get(number)
        if at is None or self._seats[at].leaving or number in self._seats[at].lost:
            return []
        self._late[number] = self._made
        return [n for n, seat in enumerate(self._seats) if n != at and seat.idle]

    def witness(self, number: int) -> None:
        """Another worker has answered something that it was asked after this call was late."""
        if number in self._late:
            self._put_out(number)

    def sick(self) -> list[int]:
        """Seats whose worker must be ended, each told once: what they have in hand will say so."""
        sick, self._sick = self._sick, []
        return sick

    def dead(self, seat: int, *, excused: bool = False) -> None:
        """This worker does not answer any more, or is ended: nothing new for it; what it has in hand will say how it
        ended, and is charged unless `excused`."""
        if self._seats[seat].ready:
            self._seats[seat].leaving = True
            self._seats[seat].excused = self._seats[seat].excused or excused
            self._settle(seat)

    def flying(self, seat: int) -> frozenset[int]:
        """The numbers of the calls that this worker has not answered."""
        return frozenset(self._seats[seat].flying)

    def in_hand(self, seat: int) -> list[Attempt]:
        """What this worker has not answered, in the order in which it was called."""
        return [flight.attempt for flight in self._seats[seat].flying.values()]

    def results(self) -> list[JobResult]:
        """What has come back since the last call."""
        results, self._results = self._results, []
        return results

    def vacancies(self) -> list[int]:
        """Seats that need a fresh worker, each told once."""
        vacant, self._vacant = self._vacant, []
        return vacant

    def _burden(self, number: int, busy: frozenset[int]) -> tuple[int, int, bool, int]:
        seat = self._seats[number]
        return len(seat.flying), seat.crashes, number in busy, min(seat.flying, default=0)

    def _overtake(self, number: int, seat: int) -> None:
        """A call came back: those that were late before it was made are later than that."""
        for late, mark in list(self._late.items()):
            if mark < number and self._where[late] != seat:
                self._put_out(late)

    def _put_out(self, number: int) -> None:
        del self._late[number]
        seat = self._where[number]
        if not self._seats[seat].leaving:
            self._seats[seat].leaving = self._seats[seat].excused = True
            self._sick.append(seat)

    def _depart(self, seat: int, attempt: Attempt, *, alone: bool) -> Flight:
        self._made += 1
        flight = Flight(self._made, seat, attempt, alone)
        self._seats[seat].flying[flight.number] = flight
        self._where[flight.number] = seat
        return flight

    def _charge(self, attempt: Attempt) -> None:
        again, spent = split_after_crash(attempt)
        self._try_again(again)
        self._results += spent

    def _try_again(self, attempts: Sequence[Attempt]) -> None:
        self._again.extend(attempts)
        self.retries += len(attempts)

    def _settle(self, number: int) -> None:
        seat = self._seats[number]
        if not seat.leaving or len(seat.lost) < len(seat.flying):
            return
        lost = self.in_hand(number)
        if lost and not seat.excused:
            self._charge(lost.pop(0))
        self._try_again(lost)
        self._seats[number] = _Seat()
        self._vacant.append(number)
