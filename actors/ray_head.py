"""The head of a cluster that somebody else runs: its address, its token, and waiting for it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import structlog

from hadir.core.clock import Clock, SystemClock
from hadir.core.errors import SetupError

__all__ = ["RayHead"]

_log = structlog.get_logger(__name__)

_REACHED_WITHIN_S = 5.0
_ASKED_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class RayHead:
    """Where it answers, and what proves to it that we may. Use `at`."""

    address: str
    """host:port, mostly port 6379."""
    host: str
    port: int
    token_file: Path

    @classmethod
    def at(cls, address: str, token_file: Path) -> RayHead:
        """Check both without asking anybody.

        Raises:
            SetupError: the address is no host:port, or there is no token.
        """
        host, _, port = address.rpartition(":")
        if not host or "/" in host or not port.isdecimal():
            raise SetupError(
                f"the address {address!r} is not host:port of a Ray head (no scheme; the port is mostly 6379)"
            )
        if not token_file.is_file():
            raise SetupError(
                f"no token file {token_file.name}: a cluster is joined with the token that it was started with"
            )
        return cls(address, host, int(port), token_file)

    def reach(
        self, patience_s: float = 0.0, *, clock: Clock | None = None, pause: Callable[[float], None] = sleep
    ) -> bool:
        """Blocks until something answers there, for `patience_s` seconds at most and one try at least.

        A head that is replaced is gone for half a minute, and so is the name of a headless service.

        Returns:
            Whether it is on this machine's loopback.

        Raises:
            SetupError: nobody answers.
        """
        clock = clock or SystemClock()
        until_s, told = clock.monotonic_s() + patience_s, False
        while True:
            try:
                socket.create_connection((self.host, self.port), timeout=_REACHED_WITHIN_S).close()
                return socket.gethostbyname(self.host).startswith("127.")
            except OSError as err:
                if clock.monotonic_s() >= until_s:
                    waited = f" within {patience_s:.0f} s" if patience_s else ""
                    raise SetupError(
                        f"no Ray answers at {self.address}{waited} ({err}): start its head, or correct the address"
                    ) from err
                if not told:
                    _log.warning("ray_head_awaited", address=self.address, at_most_s=patience_s, error=str(err))
                told = True
            pause(_ASKED_EVERY_S)
