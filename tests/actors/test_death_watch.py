"""A death is known at once, and before anybody has collected the dead."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from hadir.actors.death_watch import DeathWatch
from hadir.core.errors import SetupError


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_the_living_have_not_ended_and_a_dead_one_is_named(child: subprocess.Popen[bytes]) -> None:
    watch, rung = DeathWatch({"raylet": child.pid}), threading.Event()
    watch.notify(rung.set)
    assert watch.ended() is None
    child.kill()
    assert rung.wait(60)
    assert watch.ended() == "raylet"
    watch.close()


def test_closing_ends_the_watch_without_a_call(child: subprocess.Popen[bytes]) -> None:
    watch, rung = DeathWatch({"raylet": child.pid}), threading.Event()
    watch.notify(rung.set)
    watch.close()
    watch.close()
    assert not rung.is_set()
    assert watch.ended() is None


def test_a_process_that_is_gone_already_is_a_set_up_error(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    with pytest.raises(SetupError, match="raylet ended while Ray started"):
        DeathWatch({"raylet": child.pid})
