"""Is the ledger what was written? Every chain, every side-table row and every position, row by row and field by field.

What a walk alone can find: a row that was changed (and which field), removed, added, moved or linked anew, evidence
that was changed (and which part) or removed without an erasure, a position behind its chain. What it cannot: a chain
cut at its end or sealed anew from some row on, by someone who can compute hashes as well as Hadir. Published heads find
both. A position moved forward is found by reconciling received against decided, not here: dead letters move it rightly.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, select

from hadir.attendance.evidence_seal import SALT_BYTES, changed_parts, evidence_sha256
from hadir.attendance.hash_chain import FIELDS, GENESIS, Flaw, Link, examine
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_append import HUMAN_CHAIN, chain_of
from hadir.attendance.ledger_heads import Head
from hadir.attendance.ledger_tables import evidence_t, ledger_t, positions_t, select_rows

__all__ = ["MOST_PROBLEMS", "Problem", "verify"]

MOST_PROBLEMS = 1_000
"""Verification stops here: a ledger with so many is not repaired from a list."""

PROGRESS_ROWS = 1_000

_SEALED = tuple(sorted({name for fields in FIELDS.values() for name in fields}))


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `seq` and `check_in_id` are None where no row is left to name; `field` is a column of the ledger,
    `evidence.PART`, or `next_offset`."""

    chain: str
    seq: int | None
    check_in_id: str | None
    field: str
    what: str

    def __str__(self) -> str:
        row = "" if self.seq is None else f", row {self.seq}"
        check_in = "" if self.check_in_id is None else f" (check-in {self.check_in_id})"
        return f"chain {self.chain}{row}{check_in}, {self.field}: {self.what}"


def verify(
    ledger: Ledger, heads: Sequence[Head] | None = None, progress: Callable[[int], None] | None = None
) -> list[Problem]:
    """Walk the whole ledger at one moment, in bounded memory, and return what is wrong, at most MOST_PROBLEMS.

    Args:
        ledger: any ledger; it is only read.
        heads: published heads, all there are: each row they name must exist with that hash.
        progress: called with the number of rows walked so far, every thousand rows and at the end.

    Raises:
        LedgerUnavailable: the database does not answer.
    """
    problems: list[Problem] = []
    with (
        ledger.snapshot() as connection,
        closing(_problems(connection, heads or (), progress or _silent)) as found,
    ):
        for problem in found:
            problems.append(problem)
            if len(problems) >= MOST_PROBLEMS:
                break
    return problems


@dataclass(slots=True)
class _Walk:
    """Where one chain's walk stands; `before` is None after a gap."""

    chain: str
    heads: dict[int, str]
    seq: int = 0
    before: str | None = GENESIS
    offset: int = -1


def _problems(
    connection: Connection, heads: Sequence[Head], progress: Callable[[int], None]
) -> Generator[Problem, None, None]:
    published: dict[str, dict[int, str]] = {}
    for head in heads:
        published.setdefault(head.chain, {})[head.seq] = head.hash
    ends: dict[str, int] = {}
    with connection.execute(_in_chain_order()) as result:
        rows = _counted(iter(result.mappings()), progress)
        for chain, group in groupby(rows, key=lambda row: str(row["chain"])):
            walk = _Walk(chain, published.pop(chain, {}))
            yield from _chain_problems(walk, group)
            ends[chain] = walk.offset
    for chain, lost in sorted(published.items()):
        yield Problem(chain, min(lost), None, "seq", f"the whole chain is missing, up to row {max(lost)}")
    yield from _position_problems(connection, ends)
    yield from _orphans(connection)


def _chain_problems(walk: _Walk, rows: Iterator[RowMapping]) -> Iterator[Problem]:
    for row, following in _with_next(rows):
        # SQLite keeps any type in any column.
        if not isinstance(row["seq"], int):
            yield Problem(walk.chain, None, row["check_in_id"], "seq", "not a number")
            continue
        yield from _gap(walk, row)
        flaws = _row_flaws(walk, row, following)
        walk.seq = row["seq"]
        yield from (Problem(walk.chain, row["seq"], row["check_in_id"], flaw.field, flaw.what) for flaw in flaws)
    cut = [seq for seq in walk.heads if seq > walk.seq]
    if cut:
        first, last = walk.seq + 1, max(cut)
        yield Problem(walk.chain, first, None, "seq", f"the tail is cut: rows {first} to {last} are missing")


def _gap(walk: _Walk, row: RowMapping) -> Iterator[Problem]:
    first, last = walk.seq + 1, row["seq"] - 1
    if last < first:
        return
    walk.before = None
    span = f"row {first} is missing" if first == last else f"rows {first} to {last} are missing"
    yield Problem(walk.chain, first, None, "seq", span)


def _row_flaws(walk: _Walk, row: RowMapping, following: RowMapping | None) -> list[Flaw]:
    link = Link(
        {name: row[name] for name in _SEALED}, *(str(row[name]) for name in ("field_digests", "prev_hash", "hash"))
    )
    head = walk.heads.get(row["seq"])
    witness = following["prev_hash"] if following is not None and following["seq"] == row["seq"] + 1 else head
    flaws, walk.before = examine(walk.before, link, witness)
    named = {flaw.field for flaw in flaws}
    if not flaws and head not in (None, row["hash"]):
        flaws.append(Flaw("hash", "the row is sealed anew: it is not the one whose head was published"))
    if not named & {"source_offset", "chain", "seq"} and walk.chain != HUMAN_CHAIN:
        if row["source_offset"] <= walk.offset:
            flaws.append(Flaw("source_offset", "the row does not stand in the order of its partition"))
        walk.offset = max(walk.offset, row["source_offset"])
    if not named & {"check_in_id", "revision", "evidence_sha256", "evidence_digests"}:
        flaws.extend(_evidence_flaws(row))
    return flaws


def _evidence_flaws(row: RowMapping) -> list[Flaw]:
    body, salt = row["body"], row["salt"]
    if row["beside"] is None:
        return [Flaw("evidence", "the side-table row is missing")]
    if row["erased_at_ms"] is not None:
        left = [name for name, value in (("body", body), ("salt", salt)) if value is not None]
        return [Flaw(f"evidence.{name}", "marked as erased, but it is there") for name in left]
    if body is None or salt is None:
        return [Flaw(f"evidence.{'body' if body is None else 'salt'}", "empty without an erasure")]
    if not isinstance(body, str) or not isinstance(salt, bytes) or len(salt) != SALT_BYTES:
        return [Flaw("evidence.body" if not isinstance(body, str) else "evidence.salt", "not of its type or length")]
    if evidence_sha256(body, salt) == row["evidence_sha256"]:
        return []
    parts = changed_parts(body, salt, row["evidence_digests"])
    return [Flaw(f"evidence.{part}", "not the one that was sealed") for part in parts]


def _position_problems(connection: Connection, ends: dict[str, int]) -> Iterator[Problem]:
    stored = connection.execute(select(positions_t)).mappings().all()
    positions = {chain_of(row["topic"], row["source_partition"]): row["next_offset"] for row in stored}
    for chain, end in ends.items():
        if chain == HUMAN_CHAIN:
            continue
        if chain not in positions:
            yield Problem(chain, None, None, "next_offset", "the chain has no position: a restart would decide it anew")
        elif positions[chain] <= end:
            what = f"the position {positions[chain]} is behind the last decided offset {end}"
            yield Problem(chain, None, None, "next_offset", what)


def _orphans(connection: Connection) -> Iterator[Problem]:
    owner = and_(evidence_t.c.check_in_id == ledger_t.c.check_in_id, evidence_t.c.revision == ledger_t.c.revision)
    lonely = (
        select(evidence_t.c.check_in_id)
        .select_from(evidence_t.outerjoin(ledger_t, owner))
        .where(ledger_t.c.chain.is_(None))
    )
    with connection.execute(lonely) as result:
        for (check_in_id,) in result:
            yield Problem("-", None, check_in_id, "evidence", "a side-table row without its ledger row")


def _in_chain_order() -> Select[Any]:
    return select_rows().order_by(ledger_t.c.chain, ledger_t.c.seq)


def _with_next(rows: Iterator[RowMapping]) -> Iterator[tuple[RowMapping, RowMapping | None]]:
    held: RowMapping | None = None
    for row in rows:
        if held is not None:
            yield held, row
        held = row
    if held is not None:
        yield held, None


def _counted(rows: Iterator[RowMapping], progress: Callable[[int], None]) -> Iterator[RowMapping]:
    count = 0
    for count, row in enumerate(rows, start=1):
        if count % PROGRESS_ROWS == 0:
            progress(count)
        yield row
    progress(count)


def _silent(_rows: int) -> None:
    return None
