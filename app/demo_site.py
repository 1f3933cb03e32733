"""The demo's regency: roster, sites and shifts laid around the moment it runs, written as the CSV files of any site."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from hadir.app.scenarios import SITE, UNITS

__all__ = ["assign_units", "write_site"]

_ZONE = "Asia/Jakarta"
_UNIT_NAMES = ("Dinas Pendidikan", "Puskesmas", "Kecamatan")
_SHIFTS = (
    (UNITS[0], "pagi", (-90, 30, 120, 240, 480, 540)),
    (UNITS[0], "malam", (-330, -300, -250, -60, -10, 180)),
    (UNITS[1], "pagi", (-90, -12, 120, -12, 60, 180)),
    (UNITS[2], "siang", (240, 300, 330, 400, 500, 600)),
)
"""Windows in minutes from now: in_opens, starts, in_closes, out_opens, ends, out_closes. Nobody may leave before the
start: it may be midnight, and only `in_opens` may lie on the day before."""

_STARTS = 1
"""Which of them must lie on the shift's own date."""

_DAY_MIN = 24 * 60


def assign_units(people: Sequence[str]) -> dict[str, str]:
    """Person to unit: the last one works where no shift is open, the others alternate between the first two."""
    units = {person: UNITS[i % 2] for i, person in enumerate(people)}
    units[people[-1]] = UNITS[2]
    return units


def write_site(folder: Path, unit_of: Mapping[str, str], now_ms: int, seed: int) -> None:
    """Write roster, units, sites, placements and shifts around `now_ms`.

    The first unit is on time then (and done for the day), the second twelve minutes late (and leaving an hour early),
    the third has no shift open.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    _write(
        folder / "roster.csv",
        ("person", "nip", "name", "unit"),
        ((person, _synthetic_nip(rng), f"Pegawai {person}", unit) for person, unit in unit_of.items()),
    )
    _write(
        folder / "units.csv",
        ("unit", "name", "time_zone"),
        ((u, n, _ZONE) for u, n in zip(UNITS, _UNIT_NAMES, strict=True)),
    )
    _write(
        folder / "sites.csv",
        ("site", "name", "latitude_deg", "longitude_deg", "radius_m"),
        [("balai", "Balai Kota", f"{SITE[0]:.6f}", f"{SITE[1]:.6f}", "100")],
    )
    _write(folder / "placements.csv", ("person", "unit", "site"), (("", u, "balai") for u in UNITS))
    minute = _minute_of_day(now_ms)
    _write(
        folder / "shifts.csv",
        ("unit", "code", "weekdays", "in_opens", "starts", "in_closes", "out_opens", "ends", "out_closes"),
        ((u, code, "mon-sun", *_times(minute, offsets)) for u, code, offsets in _SHIFTS),
    )


def _minute_of_day(now_ms: int) -> int:
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(_ZONE))
    return now.hour * 60 + now.minute


def _times(minute: int, offsets: Sequence[int]) -> list[str]:
    """Times of a shift around a minute of the day, counted from the midnight before it starts."""
    midnight = (minute + offsets[_STARTS]) // _DAY_MIN * _DAY_MIN
    return [_clock(minute + offset - midnight) for offset in offsets]


def _clock(minute: int) -> str:
    """Before midnight with a minus, after the next one as 24:00 and later."""
    return f"{'-' if minute < 0 else ''}{abs(minute) // 60:02d}:{abs(minute) % 60:02d}"


def _synthetic_nip(rng: np.random.Generator) -> str:
    """The shape of a NIP with a birth year that nobody on a payroll has."""
    year, month, day, rest = (int(rng.integers(low, high)) for low, high in ((10, 30), (1, 10), (10, 20), (0, 10**9)))
    return f"19{year}0{month}{day}{rest:09d}1"


def _write(path: Path, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        writer.writerows(rows)
