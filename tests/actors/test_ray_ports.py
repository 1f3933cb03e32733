"""The ports of a node are one range, each of its servers has its own, and what is no range is refused by name."""

from __future__ import annotations

import pytest

from hadir.actors.ray_ports import LEAST_PORTS, RayPorts
from hadir.core.errors import ConfigError


def test_none_named_means_any_that_are_free() -> None:
    assert RayPorts.read("") is None


def test_every_server_has_a_port_of_its_own_within_the_range_and_the_driver_what_is_left() -> None:
    ports = RayPorts.read("20100-20109")
    assert ports is not None
    given = ports.parameters()
    first, last = given.pop("min_worker_port"), given.pop("max_worker_port")
    assert sorted(given.values()) == [20100, 20101, 20102, 20103, 20104, 20105]
    assert (first, last) == (20106, 20109)


@pytest.mark.parametrize("words", ["20100", "20100-", "a-b", "20109-20100", "80-1000", "65530-65540", "20100-20108"])
def test_what_is_no_range_of_enough_ports_is_refused(words: str) -> None:
    with pytest.raises(ConfigError, match=rf"pool.ray_ports = '{words}'.*at least {LEAST_PORTS}"):
        RayPorts.read(words)
