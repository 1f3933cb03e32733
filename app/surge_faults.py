"""What is broken during a surge, and when: read from a file, done on a thread of its own, mended again."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

import msgspec

from hadir.core.errors import HadirError, InputError

__all__ = ["FAULTS", "Breakable", "Breaker", "Fault", "FaultKind", "read_faults"]

FaultKind = Literal[
    "kill-worker",
    "pause-worker",
    "kill-station",
    "pause-station",
    "kill-broker",
    "stop-broker",
    "pause-broker",
    "kill-database",
    "stop-database",
]
FAULTS: tuple[FaultKind, ...] = get_args(FaultKind)
"""kill: SIGKILL (the database: an immediate shutdown, as after a crash); stop: an orderly end; pause: SIGSTOP, then
SIGCONT. What is killed or stopped is started again after `for_s`; a worker the station replaces by itself."""

_LARGEST_FILE_BYTES = 1 << 20
_LONGEST_S = 600.0


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`at_s` seconds from the first intended check-in, for `for_s` seconds."""

    at_s: float
    what: FaultKind
    for_s: float = 5.0


class _Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fault: list[Fault]


class Breakable(Protocol):
    """What a surge has started itself, and may break."""

    def can_break(self) -> Collection[FaultKind]:
        """What there is to break."""
        ...

    def break_it(self, what: FaultKind) -> Callable[[], None]:
        """Do it now; returns what mends it. Both may block for seconds. Raises HadirError where it cannot be done."""
        ...


def read_faults(path: Path) -> list[Fault]:
    """Faults in the order of their time, from a TOML file of `[[fault]]` tables with at_s, what, for_s.

    Raises:
        InputError: the file cannot be read, or a fault is none; the message names it.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE_BYTES:
            raise InputError(f"{path.name} is larger than 1 MiB: no list of faults")
        faults = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Faults).fault
    except OSError as err:
        raise InputError(f"--faults {path} cannot be read: {err.strerror}") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise InputError(f"{path.name} is not valid TOML: {err}") from err
    except msgspec.ValidationError as err:
        raise InputError(
            f"{path.name}: {err}; expected [[fault]] tables with at_s, what ({', '.join(FAULTS)}) and for_s"
        ) from err
    for one in faults:
        if not (one.at_s >= 0 and 0 <= one.for_s <= _LONGEST_S):
            raise InputError(
                f"{path.name}: {one.what} at {one.at_s} s for {one.for_s} s; expected 0 or later, for at most "
                f"{_LONGEST_S:.0f} s"
            )
    return sorted(faults, key=lambda one: one.at_s)


@dataclass(frozen=True, slots=True)
class _Step:
    at_s: float
    fault: Fault
    mends: bool


class Breaker:
    """Breaks and mends by the clock of `now_s`; tells `moment` of each. Everything is mended when it ends."""

    def __init__(
        self, faults: Sequence[Fault], parts: Breakable, now_s: Callable[[], float], moment: Callable[[str], None]
    ) -> None:
        """Raises InputError at once where a fault is of something that was not started here."""
        if strange := sorted({one.what for one in faults} - set(parts.can_break())):
            raise InputError(
                f"{', '.join(strange)}: nothing of that kind was started by this surge, which can break "
                f"{', '.join(sorted(parts.can_break())) or 'nothing'}"
            )
        steps = [_Step(one.at_s, one, mends=False) for one in faults]
        steps += [_Step(one.at_s + one.for_s, one, mends=True) for one in faults]
        self._steps = sorted(steps, key=lambda step: step.at_s)
        self._parts, self._now_s, self._moment = parts, now_s, moment
        self._end = threading.Event()
        self._mends: dict[int, Callable[[], None]] = {}
        self._error: HadirError | None = None
        self._thread = threading.Thread(target=self._run, name="breaker")
        self.done = 0
        """Faults that were injected."""

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Break no more, mend what is broken. Raises HadirError where something could not be broken or mended."""
        self._end.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            for step in self._steps:
                if not self._due(step):
                    break
                self._take(step)
        except HadirError as error:
            self._error = error
        finally:
            self._mend_all()

    def _due(self, step: _Step) -> bool:
        """Waits for the step's time; False where no more is to be done."""
        while (early_s := step.at_s - self._now_s()) > 0:
            if self._end.wait(early_s):
                return False
        return not self._end.is_set()

    def _take(self, step: _Step) -> None:
        if step.mends:
            if (mend := self._mends.pop(id(step.fault), None)) is not None:
                mend()
                self._moment(f"{step.fault.what}: mended")
            return
        self._moment(step.fault.what)
        self._mends[id(step.fault)] = self._parts.break_it(step.fault.what)
        self.done += 1

    def _mend_all(self) -> None:
        for mend in self._mends.values():
            try:
                mend()
            except HadirError as error:
                self._error = self._error or error
        self._mends.clear()
