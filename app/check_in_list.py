"""A CSV of check-ins, for `hadir send` and for `hadir run --broker memory --input`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from hadir.attendance.csv_table import read_table
from hadir.core.check_in import Channel, CheckIn, Direction, Fix
from hadir.core.errors import ConfigError, InputError, Undecodable
from hadir.pipeline.codec import decode, encode_check_in
from hadir.pipeline.ports import Record

__all__ = ["COLUMNS", "read_check_ins", "single_check_in"]

COLUMNS = (
    "person",
    "direction",
    "channel",
    "photos",
    "captured_at",
    "latitude_deg",
    "longitude_deg",
    "accuracy_m",
    "mock",
    "id",
)
"""Only `person` must be there. Empty means: direction `in`, channel `face`, captured now, no fix, a new id. With an id,
`captured_at` must be there too: the id says that it is the same check-in, and "now" is another one each time."""

_EXAMPLE = "2026-01-31T07:21:00+07:00"
_MOST_PHOTO_BYTES = 5 << 20

Row = Mapping[str, str]


def read_check_ins(path: Path, now_ms: int) -> Iterator[CheckIn]:
    """Check-ins one by one, photos read as they are needed. `photos`: file names relative to the CSV, separated by `|`.

    Raises:
        InputError: no such file, an unknown column, or a value that cannot be used; the message names line and column.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}; expected a CSV with columns {','.join(COLUMNS)}")
    try:
        rows = read_table(path, COLUMNS[:1], COLUMNS[1:], lambda row: (row.line, row.cells))
    except ConfigError as error:
        raise InputError(str(error)) from error
    for line, cells in rows:
        try:
            yield _check_in(path.parent, cells, now_ms)
        except InputError as error:
            raise InputError(f"{path}: line {line}: {error}") from error


def single_check_in(person: str, direction: str, photos: Sequence[Path], at: str | None, now_ms: int) -> CheckIn:
    """One face check-in; `at` is `latitude,longitude,accuracy_m`. Raises InputError as `read_check_ins`."""
    if not 1 <= len(photos) <= 4:
        raise InputError(f"{len(photos)} photos given, a face check-in has 1 to 4: name them with --photo")
    parts = at.split(",") if at is not None else ["", "", ""]
    if len(parts) != 3:
        raise InputError(f"--at {at}: expected latitude,longitude,accuracy in metres, for example -8.1722,113.7001,12")
    row = dict(zip(("latitude_deg", "longitude_deg", "accuracy_m"), parts, strict=True))
    try:
        fix = _fix(row)
    except InputError as error:
        raise InputError(f"--at {at}: {error}") from error
    return _deliverable(
        CheckIn(
            id=str(uuid.uuid4()),
            person=person,
            direction=Direction(direction),
            channel=Channel.FACE,
            captured_at_ms=now_ms,
            fix=fix,
            photos=tuple(_photo(path) for path in photos),
        )
    )


def _deliverable(check_in: CheckIn) -> CheckIn:
    """What the stream would refuse or set aside is refused here, where somebody can still mend it."""
    try:
        received = decode(Record(0, 0, 0, check_in.person.encode(), encode_check_in(check_in)))
    except Undecodable as error:
        raise InputError(str(error)) from error
    if received.invalid_field == "photos":
        raise InputError(f"{len(check_in.photos)} photos: a face check-in has 1 to 4, fingerprint and paper have none")
    if received.invalid_field is not None:
        raise InputError(f"{received.invalid_field} is out of range: docs/wire-format.md says what may stand there")
    return check_in


def _check_in(folder: Path, row: Row, now_ms: int) -> CheckIn:
    if not row["person"]:
        raise InputError("column person is empty")
    return _deliverable(
        CheckIn(
            id=_uuid(row.get("id", "")),
            person=row["person"],
            direction=Direction(_one_of("direction", row, Direction, "in")),
            channel=Channel(_one_of("channel", row, Channel, "face")),
            captured_at_ms=_captured(row, now_ms),
            fix=_fix(row),
            photos=tuple(_photo(folder / name) for name in row.get("photos", "").split("|") if name),
        )
    )


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text) if text else uuid.uuid4())
    except ValueError as error:
        raise InputError(f"id = {text}: expected a UUID, or nothing for a new one") from error


def _one_of(column: str, row: Row, choices: type[Direction | Channel], default: str) -> str:
    given = row.get(column) or default
    if given not in (known := [choice.value for choice in choices]):
        raise InputError(f"{column} = {given}: expected one of {', '.join(known)}")
    return given


def _captured(row: Row, now_ms: int) -> int:
    text = row.get("captured_at", "")
    if not text and row.get("id"):
        raise InputError(
            "an id without captured_at: sent again it would be another content under the same id, which is set aside "
            f"(id_conflict); write when it was, for example {_EXAMPLE}, or leave the id out"
        )
    if not text:
        return now_ms
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"captured_at = {text}: expected ISO 8601, for example {_EXAMPLE}") from error
    if moment.tzinfo is None:
        raise InputError(f"captured_at = {text}: the time zone is missing; write for example {_EXAMPLE}")
    return round(moment.timestamp() * 1000)


def _fix(row: Row) -> Fix | None:
    numbers = [row.get(name, "") for name in ("latitude_deg", "longitude_deg", "accuracy_m")]
    if not any(numbers):
        return None
    if not all(numbers):
        raise InputError("latitude_deg, longitude_deg and accuracy_m go together: fill all three or none")
    latitude_deg, longitude_deg, accuracy_m = (_number(text) for text in numbers)
    mock = {"": None, "true": True, "false": False}.get(row.get("mock", "").lower(), "?")
    if isinstance(mock, str):
        raise InputError(f"mock = {row['mock']}: expected true, false or nothing")
    return Fix(latitude_deg, longitude_deg, accuracy_m, mock)


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError as error:
        raise InputError(f"'{text}' is not a number; degrees and metres expected") from error


def _photo(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"there is no photo {path}")
    if path.stat().st_size > _MOST_PHOTO_BYTES:
        raise InputError(f"photo {path.name} has {path.stat().st_size} bytes, at most {_MOST_PHOTO_BYTES} can be sent")
    return path.read_bytes()
