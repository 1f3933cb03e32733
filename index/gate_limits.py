"""The limits that a snapshot must keep before it serves: TOML to a frozen object; an unknown key is an error."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from hadir.core.errors import ConfigError

__all__ = [
    "AccuracyLimits",
    "CalibrationLimits",
    "GateLimits",
    "PeopleLimits",
    "ReplicaLimits",
    "SelfRecallLimits",
    "ShadowLimits",
    "read_limits",
]

MOST_FILE_BYTES = 64 << 10

Fraction = Annotated[float, Meta(ge=0, le=1)]


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Units, ranges and effects stand in app/gates.toml."""


class PeopleLimits(_Section, frozen=True):
    """Of the people that would no longer be found."""

    lost_most: Annotated[int, Meta(ge=0, le=1_000_000)]


class SelfRecallLimits(_Section, frozen=True):
    """Of the people who find themselves."""

    least: Fraction


class AccuracyLimits(_Section, frozen=True):
    """Of honest people who would not be recognised, and of what that is measured on."""

    golden: str
    rise_most: Fraction
    people_least: Annotated[int, Meta(ge=2, le=1_000_000)]
    unmeasured_space_change: bool


class CalibrationLimits(_Section, frozen=True):
    """Of the uncertainty of thresholds, and of the check-ins that must keep one."""

    fmr_factor_most: Annotated[float, Meta(ge=1, le=100)]
    photos_most: Annotated[int, Meta(ge=1, le=4)]


class ReplicaLimits(_Section, frozen=True):
    """Of the silence of replicas."""

    stale_after_s: Annotated[float, Meta(ge=2, le=3600)]


class ShadowLimits(_Section, frozen=True):
    """Of verdicts that would be others."""

    changed_most: Fraction
    compared_least: Fraction


class GateLimits(_Section, frozen=True):
    """All of them."""

    people: PeopleLimits
    self_recall: SelfRecallLimits
    accuracy: AccuracyLimits
    calibration: CalibrationLimits
    replicas: ReplicaLimits
    shadow: ShadowLimits


def read_limits(defaults: Path, override: Path | None = None) -> GateLimits:
    """Read `defaults` and lay `override` over it key by key.

    Raises:
        ConfigError: a file cannot be read, a key is unknown or missing, or a value is out of its range; the message
            names file and key.
    """
    document = _read(defaults)
    if override is not None:
        for section, keys in _read(override).items():
            if not isinstance(keys, dict):
                raise ConfigError(f"{override}: '{section}' stands outside any section; keys belong under [section]")
            document[section] = {**document.get(section, {}), **keys}
    try:
        return msgspec.convert(document, GateLimits)
    except msgspec.ValidationError as err:
        raise ConfigError(f"{override or defaults}: {_plain(err)} (every key is explained in gates.toml)") from err


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_FILE_BYTES + 1)
    except OSError as err:
        raise ConfigError(f"gates file {path} cannot be read: {err.strerror}") from err
    if len(content) > MOST_FILE_BYTES:
        raise ConfigError(f"{path} is larger than 64 KiB: not a file of gates")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path} is not valid TOML: {err}") from err


def _plain(err: msgspec.ValidationError) -> str:
    """`Expected ... - at `$.people.lost_most`` as `people.lost_most: expected ...`."""
    said, _, place = str(err).partition(" - at `$.")
    said = said[0].lower() + said[1:].replace("`", "'")
    return f"{place.rstrip('`')}: {said}" if place else said
