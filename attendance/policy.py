"""What a regency has decided: error rates, limits and what each channel is worth; frozen, named, dated.

Rates, never similarities: the snapshot's calibration says what a rate means in its embedding space, so that a policy
outlives a change of models. An unknown key is an error with its name; a missing one takes the default.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from hadir.core.errors import CalibrationError, ConfigError
from hadir.core.thresholds import rate_key
from hadir.core.verdict import Outcome

__all__ = ["Policy", "load_policy"]

MAX_FILE_BYTES = 64 * 1024
MAX_NAME_CHARS = 64

_Reader = Callable[[str, object], object]


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rules of decision. Limits are inclusive: exactly at the limit is still within it.

    `fingerprint` and `paper` are the outcomes of a check-in by these channels that nothing speaks against.
    """

    name: str
    version: str
    valid_from: date
    accept_fmr: float = 1e-3
    review_fmr: float = 1e-2
    identify_fmr: float = 1e-4
    clock_skew_limit_s: float = 300.0
    accuracy_limit_m: float = 100.0
    reported_late_after_h: float = 24.0
    mismatches_before_review: int = 3
    fingerprint: Outcome = Outcome.ACCEPTED
    paper: Outcome = Outcome.REVIEW

    def __post_init__(self) -> None:
        for key in ("accept_fmr", "review_fmr", "identify_fmr"):
            _check_rate(key, getattr(self, key))
        if not self.identify_fmr <= self.accept_fmr <= self.review_fmr:
            raise ConfigError(
                f"identify_fmr {self.identify_fmr:g}, accept_fmr {self.accept_fmr:g}, review_fmr "
                f"{self.review_fmr:g} do not ascend: naming somebody asks for most, a review for least"
            )
        for key, (low, high) in _RANGES.items():
            if not low <= getattr(self, key) <= high:
                raise ConfigError(f"{key} is {getattr(self, key):g}, expected {low:g} to {high:g}")
        for key in ("fingerprint", "paper"):
            if getattr(self, key) is Outcome.REJECTED:
                raise ConfigError(f"{key} is rejected, expected accepted or review")

    @property
    def id(self) -> str:
        """`name/version`, as the ledger keeps it beside every verdict."""
        return f"{self.name}/{self.version}"

    def require_in_force(self, today: date) -> None:
        """Raise ConfigError where this version does not hold yet; `today` is the local date at start-up."""
        if today < self.valid_from:
            raise ConfigError(
                f"policy {self.id} holds from {self.valid_from.isoformat()}, today is {today.isoformat()}: "
                "start with the version in force"
            )


_RANGES: Mapping[str, tuple[float, float]] = {
    "clock_skew_limit_s": (1, 86_400),
    "accuracy_limit_m": (1, 10_000),
    "reported_late_after_h": (1, 24 * 31),
    "mismatches_before_review": (1, 100),
}


def load_policy(path: Path) -> Policy:
    """Read a policy from TOML.

    Raises:
        ConfigError: not TOML, or a key is unknown, missing, of the wrong type or out of range; the message names it.
    """
    document = _document(path)
    try:
        values = _read(document, "", _HEAD, sections=tuple(_SECTIONS))
        if missing := [key for key in _HEAD if key not in values]:
            raise ConfigError(f"{missing[0]} is missing, expected {', '.join(_HEAD)}")
        for section, readers in _SECTIONS.items():
            table = document.get(section, {})
            if not isinstance(table, dict):
                raise ConfigError(f"{section} is not a table, expected [{section}] and its keys below")
            values |= _read(table, f"{section}.", readers)
        return Policy(**values)
    except ConfigError as err:
        raise ConfigError(f"{path}: {err}") from err


def _document(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path} is larger than {MAX_FILE_BYTES} bytes and no policy")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise ConfigError(f"{path} cannot be read ({err.strerror}): check the path and its permissions") from err
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise ConfigError(f"{path} is not TOML in UTF-8: {err}") from err


def _read(
    table: Mapping[str, object], prefix: str, readers: Mapping[str, _Reader], sections: tuple[str, ...] = ()
) -> dict[str, Any]:
    for key in table:
        if key not in readers and key not in sections:
            near = difflib.get_close_matches(key, readers, n=1)
            hint = f", did you mean {prefix}{near[0]}?" if near else f", expected one of {', '.join(readers)}"
            raise ConfigError(f"key {prefix}{key[:40]} is unknown{hint}")
    return {key: readers[key](prefix + key, value) for key, value in table.items() if key in readers}


def _text(key: str, value: object) -> str:
    if isinstance(value, str) and 1 <= len(value) <= MAX_NAME_CHARS and value.isprintable() and "/" not in value:
        return value
    raise ConfigError(f"{key} is {str(value)[:40]!r}, expected a text of 1 to {MAX_NAME_CHARS} characters without '/'")


def _day(key: str, value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ConfigError(f"{key} is {str(value)[:40]!r}, expected a date such as 2026-01-31, without quotation marks")


def _number(key: str, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ConfigError(f"{key} is {str(value)[:40]!r}, expected a number")


def _count(key: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ConfigError(f"{key} is {str(value)[:40]!r}, expected a whole number")


def _outcome(key: str, value: object) -> Outcome:
    if isinstance(value, str) and value in (Outcome.ACCEPTED, Outcome.REVIEW):
        return Outcome(value)
    raise ConfigError(f"{key} is {str(value)[:40]!r}, expected accepted or review")


def _check_rate(key: str, rate: float) -> None:
    if not 0 < rate < 1:
        raise ConfigError(f"{key} is {rate:g}, expected a false match rate between 0 and 1")
    try:
        rate_key(rate)
    except CalibrationError as err:
        raise ConfigError(f"{key}: {err}") from err


_HEAD: Mapping[str, _Reader] = {"name": _text, "version": _text, "valid_from": _day}
_SECTIONS: Mapping[str, Mapping[str, _Reader]] = {
    "rates": {"accept_fmr": _number, "review_fmr": _number, "identify_fmr": _number},
    "limits": {
        "clock_skew_limit_s": _number,
        "accuracy_limit_m": _number,
        "reported_late_after_h": _number,
        "mismatches_before_review": _count,
    },
    "channels": {"fingerprint": _outcome, "paper": _outcome},
}
