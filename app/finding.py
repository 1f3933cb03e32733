"""What the doctor says of one part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from hadir.core.errors import HadirError
from hadir.core.settings import Settings

__all__ = ["Check", "Finding", "State", "tried"]

State = Literal["ok", "note", "missing", "bad"]
"""`missing`: a run needs it and it is not there yet; `bad`: it is there and wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: what was found, and what to do where it is not ok."""

    part: str
    state: State
    found: str
    do: str = ""


Check = Callable[[Settings], Iterator[Finding]]


def tried(part: str, check: Check, settings: Settings) -> list[Finding]:
    """What a check finds; an error of ours is a finding too, its sentence split where it says what to do."""
    try:
        return list(check(settings))
    except HadirError as error:
        found, _, remedy = str(error).partition(": ")
        return [Finding(part, "bad", found, remedy)]
