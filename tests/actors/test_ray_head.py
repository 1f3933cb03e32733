"""A head is waited for while it is replaced, for so long and no longer."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from hadir.actors.ray_head import RayHead
from hadir.core.clock import ManualClock
from hadir.core.errors import SetupError


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def head_at(address: str, folder: Path) -> RayHead:
    token = folder / "token"
    token.write_text("0" * 64)
    return RayHead.at(address, token)


def test_a_head_that_comes_later_is_waited_for(free_port: int, tmp_path: Path) -> None:
    clock = ManualClock()
    with ExitStack() as servers:

        def pause(seconds: float) -> None:
            clock.advance(seconds)
            if clock.monotonic_s() == 3:
                servers.enter_context(socket.create_server(("127.0.0.1", free_port)))

        assert head_at(f"127.0.0.1:{free_port}", tmp_path).reach(10, clock=clock, pause=pause)
    assert clock.monotonic_s() == 3


def test_a_head_that_does_not_come_is_given_up(free_port: int, tmp_path: Path) -> None:
    clock = ManualClock()
    with pytest.raises(SetupError, match=f"no Ray answers at 127.0.0.1:{free_port} within 10 s"):
        head_at(f"127.0.0.1:{free_port}", tmp_path).reach(10, clock=clock, pause=clock.advance)
    assert clock.monotonic_s() == 10


def test_a_name_that_nobody_knows_yet_is_waited_for_as_well(tmp_path: Path) -> None:
    """A headless service has no address while its only pod is replaced."""
    clock = ManualClock()
    with pytest.raises(SetupError, match="no Ray answers"):
        head_at("nobody.invalid:6379", tmp_path).reach(2, clock=clock, pause=clock.advance)
    assert clock.monotonic_s() == 2
