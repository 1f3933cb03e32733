"""What a surge counts as wrong, late or lost, and when it fails."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hadir.app.arrivals import MORNING_S
from hadir.app.board import Board
from hadir.app.invariants import InvariantResult
from hadir.app.options import DEFAULTS
from hadir.app.surge import Played, Surge, require_a_ledger_of_its_own
from hadir.app.surge_account import Account, Marks, Wrong, decided, require_a_log_of_its_own
from hadir.app.surge_cast import Cast, Signer
from hadir.app.surge_numbers import Limits, missed, oldest_s, slices, summary
from hadir.app.surge_places import SigningPlace
from hadir.app.surge_plan import Due, Kind, lay_out
from hadir.app.surge_rehearsal import SurgeOptions, moments_of
from hadir.app.surge_watch import Answered
from hadir.attendance.ledger import Ledger
from hadir.core.check_in import Fix
from hadir.core.errors import InputError
from hadir.core.settings import load_settings
from hadir.core.verdict import Outcome, Reason
from hadir.pipeline.topics import CHECK_INS
from tests.attendance.ledger_examples import batch_of, example_row

PLACE = SigningPlace(Fix(-8.0, 113.0, 8.0), Fix(-7.9, 113.0, 8.0), on_shift=True)
CAST = Cast([b"\xff\xd8"], [Signer("P1", (0,), (), PLACE)])
HONEST = frozenset({(Outcome.ACCEPTED, Reason.OK), (Outcome.ACCEPTED, Reason.LATE)})
GOOD = Account(1, Counter(accepted=1), (), (), (), (InvariantResult(5, "watched", None, ""),))


def plan(*times_s: float) -> list[Due]:
    return [
        replace(due, kind=Kind.HONEST, may_become=HONEST)
        for due in lay_out(CAST, np.array(times_s, dtype=np.float64), 1)
    ]


def surge(*times_s: float) -> Surge:
    return Surge(load_settings(DEFAULTS), CAST, plan(*times_s), "a test", 1.0)


def played(of: Surge, *waits_s: float | None, span_s: float = 100.0) -> Played:
    """Everything sent and acknowledged; None waits still."""
    pairs = list(zip(of.plan, waits_s, strict=True))
    answers = [Answered(due, due.at_s, wait, "accepted", ("ok",)) for due, wait in pairs if wait is not None]
    return Played(
        sent=dict.fromkeys((due.id for due in of.plan), 0),
        unsure={},
        again=0,
        answers=answers,
        open=[due for due, wait in pairs if wait is None],
        set_aside={},
        sheet=Board().sheet(),
        span_s=span_s,
        behind_s=0.0,
        generator_cpu_s=0.5,
        sender_cpu_s=0.1,
        faults=0,
        stopped=False,
    )


def test_a_row_that_is_none_of_the_right_verdicts_is_wrong(tmp_path: Path) -> None:
    dues = plan(0.0, 1.0, 2.0)
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    rows = [
        example_row(0, id=dues[0].id, reasons=(Reason.LATE, Reason.REPEATED)),
        example_row(1, id=dues[1].id, outcome=Outcome.REJECTED, reasons=(Reason.FACE_MISMATCH,)),
        example_row(2),
    ]
    ledger.write(batch_of(rows))
    found = decided(ledger, {due.id: due for due in dues})
    ledger.close()
    assert found.seen == Counter({dues[0].id: 1, dues[1].id: 1}), "a stranger's row is no row of the surge"
    assert [(one.id, one.actual) for one in found.wrong] == [(dues[1].id, "rejected face_mismatch")]
    assert found.wrong[0].expected == "accepted late or accepted ok"
    assert found.verdicts == Counter(accepted=1, rejected=1)


@pytest.mark.parametrize(
    "trouble",
    [
        {"missing": ("x",)},
        {"doubled": ("x",)},
        {"wrong": (Wrong("x", "honest", "accepted ok", "rejected no_face"),)},
        {"invariants": (InvariantResult(1, "one verdict", False, ""),)},
    ],
)
def test_each_trouble_fails_the_surge_and_an_invariant_that_nobody_watched_does_not(trouble: dict[str, Any]) -> None:
    assert GOOD.good
    assert not replace(GOOD, **trouble).good


def test_limits_hold_or_are_named() -> None:
    one = surge(0.0, 1.0)
    seen = played(one, 0.1, 0.2)
    assert missed(seen, Limits()) == []
    assert missed(seen, Limits(p99_s=0.3, oldest_s=0.2)) == []
    assert missed(seen, Limits(p99_s=0.15)) == ["p99 0.199 s, expected below 0.15 s"]
    assert missed(seen, Limits(oldest_s=0.1)) == ["oldest undecided 0.2 s, expected at most 0.1 s"]


def test_where_nothing_was_answered_no_limit_holds() -> None:
    one = surge(10.0)
    seen = played(one, None, span_s=100.0)
    assert oldest_s(seen) == pytest.approx(90.0)
    assert len(missed(seen, Limits(p99_s=1000.0, oldest_s=50.0))) == 2


def test_slices_are_by_the_intended_moment_and_count_who_got_no_answer() -> None:
    one = surge(1.0, 2.0, 25.0)
    length_s, parts = slices(one, played(one, 0.5, None, 30.0))
    assert length_s == 10.0
    assert [(part.at_s, part.arrivals, part.answered) for part in parts] == [(0, 2, 1), (10, 0, 0), (20, 1, 1)]
    assert parts[1].p99_s is None
    assert parts[2].longest_s == 30.0


def test_a_long_surge_is_told_by_the_minute() -> None:
    one = surge(0.0, 299.0, 301.0)
    length_s, parts = slices(one, played(one, 0.1, 0.1, 0.1))
    assert (length_s, len(parts)) == (60.0, 6)


def test_the_numbers_fail_where_the_account_or_a_limit_does() -> None:
    one = surge(0.0)
    seen = played(one, 0.1)
    assert summary(one, seen, GOOD, Limits(), {})["passed"] is True
    assert summary(one, seen, GOOD, Limits(p99_s=0.05), {})["passed"] is False
    assert summary(one, seen, replace(GOOD, missing=("x",)), Limits(), {})["passed"] is False


def test_a_ledger_that_holds_a_verdict_is_no_place_for_a_rehearsal(tmp_path: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    require_a_ledger_of_its_own(ledger)
    ledger.write(batch_of([example_row(0)]))
    with pytest.raises(InputError, match="holds 1 verdicts"):
        require_a_ledger_of_its_own(ledger)
    ledger.close()


def test_a_log_that_ever_held_a_record_is_none_either() -> None:
    require_a_log_of_its_own(Marks({CHECK_INS: {0: 0, 1: 0}}))
    with pytest.raises(InputError, match="has held 3 records"):
        require_a_log_of_its_own(Marks({CHECK_INS: {0: 0, 1: 3}}))


def test_minutes_of_a_morning_are_its_busiest_and_speed_shortens_them() -> None:
    whole = moments_of(SurgeOptions("f", people=10_000))
    assert (len(whole), round(float(whole[-1]) / MORNING_S)) == (10_000, 1)
    busiest = moments_of(SurgeOptions("f", people=10_000, minutes=5.0, speed=2.0))
    assert 2900 < len(busiest) < 3200
    assert float(busiest[-1]) <= 150.0


def test_minutes_in_which_nobody_comes_are_refused() -> None:
    with pytest.raises(InputError, match="nobody comes"):
        moments_of(SurgeOptions("f", people=0))
