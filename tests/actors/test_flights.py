"""The state machine of the pool, without Ray: nobody is lost, doubled or condemned for a neighbour."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hadir.actors.flights import CALLS_PER_SEAT, CRASHES_IN_A_ROW, Flight, Flights
from hadir.core.errors import PoolBusy
from hadir.core.evidence import FaceFinding
from hadir.pipeline.crash_budget import ATTEMPTS
from hadir.pipeline.ports import FaceJob, JobResult, PoolRoom

FOUND = FaceFinding((), 0, None, True, None, (), None, "space", "snapshot")


def jobs(*tickets: int) -> list[FaceJob]:
    return [FaceJob(ticket, f"p{ticket}", (b"x",)) for ticket in tickets]


def tickets(flight: Flight) -> list[int]:
    return [job.ticket for job in flight.attempt.jobs]


def land(flights: Flights, flight: Flight) -> None:
    flights.landed(flight.number, [FOUND] * len(flight.attempt.jobs))


def staffed(seats: int = 1) -> Flights:
    flights = Flights(seats)
    for seat in range(seats):
        flights.seated(seat)
    return flights


def test_nobody_is_idle_before_a_worker_is_ready() -> None:
    assert Flights(2).room() == PoolRoom(0, 0)


def test_an_idle_worker_is_taken_before_a_second_batch_is_queued() -> None:
    flights = staffed(2)
    assert flights.room() == PoolRoom(2, 0)
    first = flights.submit(jobs(1))
    assert flights.room() == PoolRoom(1, 1)
    second = flights.submit(jobs(2))
    assert {first.seat, second.seat} == {0, 1}
    assert flights.room() == PoolRoom(0, 2)


def test_a_second_batch_is_queued_behind_the_call_that_is_longest_under_way() -> None:
    flights = staffed(2)
    first = flights.submit(jobs(1))
    flights.submit(jobs(2))
    assert flights.submit(jobs(3)).seat == first.seat


def test_a_worker_holds_two_calls_at_most() -> None:
    flights = staffed()
    for ticket in range(CALLS_PER_SEAT):
        flights.submit(jobs(ticket))
    with pytest.raises(PoolBusy):
        flights.submit(jobs(9))


def test_of_two_lost_calls_the_running_one_alone_spends_an_attempt_whatever_is_reported_first() -> None:
    for order in ((0, 1), (1, 0)):
        flights = staffed()
        calls = [flights.submit(jobs(1)), flights.submit(jobs(2))]
        for n in order:
            flights.died(calls[n].number)
        assert flights.vacancies() == [0]
        flights.seated(0)
        [again] = flights.departures()
        assert (tickets(again), again.attempt.number) == ([1], 2)
        land(flights, again)
        [bystander] = flights.departures()
        assert (tickets(bystander), bystander.attempt.number) == ([2], 1)


def test_a_result_that_arrives_after_the_death_behind_it_counts() -> None:
    flights = staffed()
    first, second = flights.submit(jobs(1)), flights.submit(jobs(2))
    flights.died(second.number)
    assert flights.vacancies() == []
    land(flights, first)
    assert [r.ticket for r in flights.results()] == [1]
    assert flights.vacancies() == [0]
    flights.seated(0)
    assert [f.attempt.number for f in flights.departures()] == [2]


def test_nothing_is_queued_behind_what_is_tried_again() -> None:
    flights = staffed()
    flights.died(flights.submit(jobs(1)).number)
    flights.seated(0)
    flights.departures()
    assert flights.room() == PoolRoom(0, 0)


def test_nothing_new_is_let_in_before_what_waits_to_be_tried_again() -> None:
    flights = staffed(2)
    first = flights.submit(jobs(1, 2, 3, 4))
    flights.submit(jobs(9))
    flights.raised(first.number)
    assert flights.room() == PoolRoom(0, 0)
    with pytest.raises(PoolBusy):
        flights.submit(jobs(10))


def test_an_error_of_its_own_keeps_the_worker_and_what_is_queued_behind() -> None:
    flights = staffed()
    first, second = flights.submit(jobs(1)), flights.submit(jobs(2))
    flights.raised(first.number)
    assert flights.vacancies() == []
    land(flights, second)
    assert [f.attempt.number for f in flights.departures()] == [2]


def test_a_success_between_errors_keeps_the_worker() -> None:
    flights = staffed()
    for ticket in range(2 * CRASHES_IN_A_ROW):
        flights.raised(flights.submit(jobs(ticket)).number)
        land(flights, flights.departures()[0])
    assert flights.vacancies() == []


def test_a_worker_that_raises_too_often_leaves() -> None:
    flights = staffed()
    flights.raised(flights.submit(jobs(1)).number)
    flights.raised(flights.departures()[0].number)
    flights.raised(flights.departures()[0].number)
    assert [(r.ticket, r.finding, r.attempts) for r in flights.results()] == [(1, None, CRASHES_IN_A_ROW)]
    assert flights.vacancies() == [0]


def test_who_was_to_fly_alone_with_a_worker_already_dead_spends_nothing() -> None:
    flights = staffed()
    flights.died(flights.submit(jobs(1)).number)
    for _ in range(5):
        flights.seated(0)
        [flight] = flights.departures()
        assert flight.attempt.number == 2
        flights.absent(flight.number)
        assert flights.vacancies() and flights.results() == []
    flights.seated(0)
    land(flights, flights.departures()[0])
    assert flights.results() == [JobResult(1, FOUND, 2)]


def test_a_late_call_that_another_has_overtaken_puts_its_worker_out_and_spends_nothing() -> None:
    flights = staffed(2)
    stuck = flights.submit(jobs(1))
    assert flights.late(stuck.number) == [1]
    queued = flights.submit(jobs(2))
    assert queued.seat == 1
    assert flights.sick() == []
    land(flights, queued)
    assert (flights.sick(), flights.sick()) == ([stuck.seat], [])
    flights.died(stuck.number)
    assert flights.vacancies() == [stuck.seat]
    [again] = flights.departures()
    assert (again.seat, again.attempt.number, again.alone) == (1, 1, True)


def test_a_call_that_was_made_before_the_other_was_late_is_no_witness() -> None:
    flights = staffed(2)
    stuck, other = flights.submit(jobs(1)), flights.submit(jobs(2))
    flights.late(stuck.number)
    land(flights, other)
    assert flights.sick() == []


def test_a_late_call_that_comes_back_first_is_forgiven() -> None:
    flights = staffed(2)
    late = flights.submit(jobs(1))
    flights.late(late.number)
    later = flights.submit(jobs(2))
    land(flights, late)
    land(flights, later)
    flights.witness(late.number)
    assert flights.sick() == []


def test_an_idle_worker_that_answers_is_a_witness() -> None:
    flights = staffed(2)
    stuck = flights.submit(jobs(1))
    queued = flights.submit(jobs(2))
    land(flights, queued)
    [peer] = flights.late(stuck.number)
    assert peer != stuck.seat
    flights.witness(stuck.number)
    assert flights.sick() == [stuck.seat]


def test_a_workers_own_later_call_is_no_witness_though_its_result_be_heard_of_first() -> None:
    flights = staffed(1)
    first = flights.submit(jobs(1))
    flights.late(first.number)
    land(flights, flights.submit(jobs(2)))
    assert flights.sick() == []


def test_where_there_is_one_seat_nobody_is_overtaken() -> None:
    flights = staffed(1)
    assert flights.late(flights.submit(jobs(1)).number) == []
    assert flights.sick() == []


def test_what_failed_is_not_tried_again_by_the_worker_that_failed_it_while_there_is_another() -> None:
    flights = staffed(2)
    failed, other = flights.submit(jobs(1)), flights.submit(jobs(2))
    flights.raised(failed.number)
    assert flights.departures() == []
    land(flights, other)
    assert [flight.seat for flight in flights.departures()] == [other.seat]


def test_a_worker_that_failed_last_gets_new_work_last() -> None:
    flights = staffed(2)
    failed = flights.submit(jobs(1))
    flights.raised(failed.number)
    [again] = flights.departures()
    land(flights, again)
    assert flights.submit(jobs(2)).seat == again.seat != failed.seat


class _Morning(RuleBasedStateMachine):
    """Photos of three kinds (good; `raises`; `kills`) fly; workers also die of themselves, and reports come in any
    order. Model: a call's fate is decided by the order in which its worker would run its calls."""

    @initialize(seats=st.integers(1, 3))
    def open(self, seats: int) -> None:
        self.flights = Flights(seats)
        self.vacant = list(range(seats))
        self.kinds: dict[int, str] = {}
        self.results: dict[int, JobResult] = {}
        self.queues: dict[int, list[Flight]] = {seat: [] for seat in range(seats)}
        self.unreported: list[tuple[str, Flight]] = []
        self.accidents: Counter[int] = Counter()

    @precondition(lambda self: self.vacant)
    @rule()
    def a_worker_is_ready(self) -> None:
        self.flights.seated(self.vacant.pop())
        self.fly()

    @rule(kinds=st.lists(st.sampled_from(["good", "good", "good", "raises", "kills"]), min_size=1, max_size=9))
    def submit(self, kinds: list[str]) -> None:
        room = self.flights.room()
        if room.idle + room.queueable == 0:
            return
        numbers = range(len(self.kinds), len(self.kinds) + len(kinds))
        self.kinds.update(zip(numbers, kinds, strict=True))
        flight = self.flights.submit(jobs(*numbers))
        self.queues[flight.seat].append(flight)

    @rule(data=st.data())
    def a_worker_runs_its_next_call(self, data: st.DataObject) -> None:
        busy = [seat for seat, queue in self.queues.items() if queue]
        if busy:
            self.run_first(self.queues[data.draw(st.sampled_from(busy))])

    def run_first(self, queue: list[Flight]) -> None:
        kinds = {self.kinds[ticket] for ticket in tickets(queue[0])}
        if "kills" in kinds:
            self.lose(queue)
        else:
            self.unreported.append(("raised" if "raises" in kinds else "landed", queue.pop(0)))

    @rule(data=st.data())
    def a_worker_dies_by_accident(self, data: st.DataObject) -> None:
        seat = data.draw(st.sampled_from(sorted(self.queues)))
        if self.queues[seat]:
            self.accidents.update(tickets(self.queues[seat][0]))
            self.lose(self.queues[seat])

    @rule(data=st.data(), answers=st.booleans())
    def a_call_is_late(self, data: st.DataObject, answers: bool) -> None:
        under_way = [flight for queue in self.queues.values() for flight in queue if not flight.alone]
        if under_way:
            flight = data.draw(st.sampled_from(under_way))
            if self.flights.late(flight.number) and answers:
                self.flights.witness(flight.number)
            self.end_the_sick()

    def end_the_sick(self) -> None:
        for seat in self.flights.sick():
            self.lose(self.queues[seat])

    def lose(self, queue: list[Flight]) -> None:
        self.unreported += [("died", flight) for flight in queue]
        queue.clear()

    @precondition(lambda self: self.unreported)
    @rule(data=st.data())
    def a_report_comes_in(self, data: st.DataObject) -> None:
        self.report(data.draw(st.integers(0, len(self.unreported) - 1)))

    def report(self, index: int) -> None:
        fate, flight = self.unreported.pop(index)
        if fate == "landed":
            land(self.flights, flight)
        elif fate == "raised":
            self.flights.raised(flight.number)
        else:
            self.flights.died(flight.number)
        self.fly()

    def fly(self) -> None:
        self.end_the_sick()
        self.vacant += self.flights.vacancies()
        for flight in self.flights.departures():
            assert flight.alone
            assert not self.queues[flight.seat]
            self.queues[flight.seat].append(flight)
        for result in self.flights.results():
            assert result.ticket not in self.results, "came back twice"
            self.results[result.ticket] = result

    @invariant()
    def only_the_guilty_are_condemned(self) -> None:
        for ticket, result in getattr(self, "results", {}).items():
            if result.finding is None:
                assert result.attempts == ATTEMPTS
                # The last attempt was alone: good photos need an accident of their own then.
                assert self.kinds[ticket] != "good" or self.accidents[ticket] > 0
            else:
                assert self.kinds[ticket] == "good"

    @invariant()
    def no_worker_holds_more_than_it_may(self) -> None:
        for queue in getattr(self, "queues", {}).values():
            assert len(queue) <= CALLS_PER_SEAT
            assert len(queue) == 1 or not any(flight.alone for flight in queue)

    def teardown(self) -> None:
        if not hasattr(self, "flights"):
            return
        for _ in range(20 * (1 + len(self.kinds))):
            while self.vacant:
                self.a_worker_is_ready()
            while self.unreported:
                self.report(0)
            for queue in self.queues.values():
                if queue:
                    self.run_first(queue)
        assert sorted(self.results) == sorted(self.kinds)
        self.only_the_guilty_are_condemned()


TestMorning = _Morning.TestCase
TestMorning.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_worker_that_does_something_else_besides_comes_last_among_equals() -> None:
    flights = Flights(2)
    flights.seated(0)
    flights.seated(1)
    assert flights.submit([FaceJob(0, "p", (b"a",))], frozenset({0})).seat == 1
    assert flights.submit([FaceJob(1, "p", (b"a",))], frozenset({0})).seat == 0, "idle is better than queued"
