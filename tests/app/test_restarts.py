"""What a restart may mend is started again, ever later, and never given up."""

from __future__ import annotations

import signal

import pytest

from hadir.app.restarts import RestartPolicy, Restarts

POLICY = RestartPolicy(first_s=1.0, longest_s=5.0, steady_s=60.0)


@pytest.mark.parametrize("code", [0, 2, 3, 4])
def test_an_end_that_a_restart_cannot_mend_is_the_end(code: int) -> None:
    assert Restarts(POLICY).after(code, 100.0) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_program_that_was_asked_to_end_is_not_started_again(number: signal.Signals) -> None:
    assert Restarts(POLICY).after(-number, 0.1) is None


@pytest.mark.parametrize("code", [1, -signal.SIGKILL, -signal.SIGSEGV])
def test_an_error_and_a_death_are_started_again(code: int) -> None:
    assert Restarts(POLICY).after(code, 0.1) == 1.0


def test_every_further_restart_comes_later_up_to_the_longest_pause_however_long_an_outage_lasts() -> None:
    restarts = Restarts(POLICY)
    waits = [restarts.after(1, 0.1) for _ in range(5_000)]
    assert waits == [1.0, 2.0, 4.0, *[5.0] * 4_997]


def test_whoever_ran_for_long_starts_anew() -> None:
    restarts = Restarts(POLICY)
    waits = [restarts.after(1, ran_s) for ran_s in (0.1, 0.1, 60.0, 0.1)]
    assert waits == [1.0, 2.0, 1.0, 2.0]
