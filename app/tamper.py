"""Change one row in a copy of a SQLite ledger, as somebody with access to the file might; verification names it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from hadir.app.wiring import open_ledger
from hadir.attendance.ledger_verify import verify
from hadir.core.errors import InputError

__all__ = ["tamper"]


def tamper(ledger: Path, copy: Path) -> tuple[str, list[str]]:
    """Turn a rejected check-in of `copy` into an accepted one; return its id and what `verify` says.

    Raises:
        InputError: there is no ledger yet, or nothing in it was rejected.
    """
    if not ledger.is_file():
        raise InputError(f"there is no ledger at {ledger}: run hadir demo first")
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(ledger)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        row = target.execute("SELECT chain, seq, check_in_id FROM ledger WHERE outcome = 'rejected' LIMIT 1").fetchone()
        if row is None:
            raise InputError(f"{ledger} holds no rejected check-in to tamper with")
        chain, seq, check_in_id = row
        target.execute("UPDATE ledger SET outcome = 'accepted' WHERE chain = ? AND seq = ?", (chain, seq))
        target.commit()
    with closing(open_ledger(f"sqlite:///{copy.absolute()}")) as changed:
        return str(check_in_id), [str(problem) for problem in verify(changed)]
