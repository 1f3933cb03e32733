"""The ports of a node of Ray, in one range that a network policy can name."""

from __future__ import annotations

from dataclasses import dataclass

from hadir.core.errors import ConfigError

__all__ = ["LEAST_PORTS", "RayPorts"]

LEAST_PORTS = 10
"""Six of the node's own servers, one of the driver, and some for what Ray starts to move objects."""


@dataclass(frozen=True, slots=True)
class RayPorts:
    """A range of ports, ends included."""

    first: int
    last: int

    @classmethod
    def read(cls, words: str) -> RayPorts | None:
        """From "first-last"; None, which means any free ones, from "".

        Raises:
            ConfigError: it is no range of at least `LEAST_PORTS` ports from 1024 to 65535.
        """
        if not words:
            return None
        first, _, last = words.partition("-")
        if first.isdecimal() and last.isdecimal():
            ports = cls(int(first), int(last))
            if ports.first >= 1024 and ports.last <= 65_535 and ports.last - ports.first + 1 >= LEAST_PORTS:
                return ports
        raise ConfigError(
            f"pool.ray_ports = {words!r}: first-last within 1024-65535, at least {LEAST_PORTS} ports, or empty for any"
        )

    def parameters(self) -> dict[str, int]:
        """By the names that Ray's own parameters have, in the order of the range; the rest is for its workers, of which
        the driver is one."""
        names = (
            "node_manager_port",
            "object_manager_port",
            "runtime_env_agent_port",
            "metrics_agent_port",
            "metrics_export_port",
            "dashboard_agent_listen_port",
        )
        given = {name: self.first + place for place, name in enumerate(names)}
        return given | {"min_worker_port": self.first + len(names), "max_worker_port": self.last}
