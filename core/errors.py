"""Every error that Hadir raises on purpose.

HadirError
├── ConfigError          settings, policy or a CSV that cannot be used           config
├── InputError           what a person gave is not what was asked for            input
│   └── PhotoError       the bytes of one photo; carries a reason code           photo_*
├── PackError            a face pack is incomplete, altered or unusable          pack
├── GalleryError         stored templates are altered, unreadable or in use       gallery
├── SpaceMismatch        vectors of two embedding spaces met                     space_mismatch
├── SnapshotError        an index snapshot is incomplete, altered or unusable    snapshot
├── CalibrationError     no threshold can be given for a rate                    calibration
├── LedgerError          the ledger cannot be read or written                    ledger
│   ├── LedgerUnavailable  the database does not answer; try again               ledger_unavailable
│   ├── PositionConflict   another writer moved this partition                   position_conflict
│   ├── LedgerConflict     an id of the batch has a row already                  ledger_conflict
│   └── LedgerTampered     a chain does not verify                               ledger_tampered
├── StreamError          the log cannot be read or written                       stream
│   ├── StreamUnavailable  the broker does not answer; try again                 stream_unavailable
│   └── OffsetLost         records are gone that were not yet decided            offset_lost
├── StoreUnavailable     the folder or bucket of photos does not take them       store_unavailable
├── Undecodable          bytes that are not a check-in                           undecodable
├── PoolBusy             every actor has all the work it may hold                pool_busy
├── PoolLost             the workers are gone and will not come back             pool_lost
└── SetupError           a part of the machine is missing                        setup
"""

from __future__ import annotations

from typing import ClassVar

from hadir.core.verdict import Reason

__all__ = [
    "CalibrationError",
    "ConfigError",
    "GalleryError",
    "HadirError",
    "InputError",
    "LedgerConflict",
    "LedgerError",
    "LedgerTampered",
    "LedgerUnavailable",
    "OffsetLost",
    "PackError",
    "PhotoError",
    "PoolBusy",
    "PoolLost",
    "PositionConflict",
    "SetupError",
    "SnapshotError",
    "SpaceMismatch",
    "StoreUnavailable",
    "StreamError",
    "StreamUnavailable",
    "Undecodable",
]


class HadirError(Exception):
    """Base of all. The message is one line: what was wrong, the value, what was expected, what to do; no personal
    data."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False


class ConfigError(HadirError):
    """Settings, policy or a CSV that cannot be used as it is."""

    code = "config"


class InputError(HadirError):
    """What a person gave (a path, an id, an argument) is not what was asked for."""

    code = "input"


class PhotoError(InputError):
    """One photo's bytes cannot be used; `reason` is one of PHOTO_CODES."""

    code = "photo"

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type[PhotoError], tuple[Reason, str]]:
        return PhotoError, (self.reason, str(self))


class PackError(HadirError):
    """A face pack is incomplete, altered or unusable."""

    code = "pack"


class GalleryError(HadirError):
    """Stored templates are altered, unreadable, or being written by another process."""

    code = "gallery"


class SpaceMismatch(HadirError):
    """Vectors of two embedding spaces met; the message names both."""

    code = "space_mismatch"


class SnapshotError(HadirError):
    """An index snapshot is incomplete, altered or fails its self-test."""

    code = "snapshot"


class CalibrationError(HadirError):
    """No threshold can be given for a rate; the message names the rate."""

    code = "calibration"


class LedgerError(HadirError):
    """The ledger cannot be read or written."""

    code = "ledger"


class LedgerUnavailable(LedgerError):
    """The database does not answer or refuses for now: nothing was written, try again."""

    code = "ledger_unavailable"
    retryable = True


class PositionConflict(LedgerError):
    """Another writer has moved this partition's position or chain: nothing was written, drop the partition."""

    code = "position_conflict"


class LedgerConflict(LedgerError):
    """A check-in of the batch already has a row of this revision: nothing was written, read again and decide anew."""

    code = "ledger_conflict"
    retryable = True


class LedgerTampered(LedgerError):
    """A chain does not verify; the message names chain, row and field."""

    code = "ledger_tampered"


class StoreUnavailable(HadirError):
    """The folder or bucket that keeps the photos of cases does not take them: nothing was decided, try again."""

    code = "store_unavailable"
    retryable = True


class StreamError(HadirError):
    """The log cannot be read or written."""

    code = "stream"


class StreamUnavailable(StreamError):
    """The broker does not answer. A failed send means *unknown*, not *absent*."""

    code = "stream_unavailable"
    retryable = True


class OffsetLost(StreamError):
    """Records are gone from the log that were not yet decided: stop, tell a human, never skip."""

    code = "offset_lost"


class Undecodable(HadirError):
    """Bytes that are not a check-in: a dead letter."""

    code = "undecodable"


class PoolBusy(HadirError):
    """Every worker holds all the work it may: a return path for back-pressure, not a failure."""

    code = "pool_busy"
    retryable = True


class PoolLost(HadirError):
    """The workers are gone and will not come back by themselves: end, start again from log and ledger."""

    code = "pool_lost"


class SetupError(HadirError):
    """A part of the machine (a program, a port, a package) is missing; the message says how to get it."""

    code = "setup"
