"""What a surge says in numbers, and the limits that it is held to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hadir.app.board import percentiles
from hadir.app.surge import Played, Surge
from hadir.app.surge_account import Account
from hadir.app.surge_watch import Answered

__all__ = ["Limits", "Slice", "missed", "oldest_s", "slices", "summary"]

_MINUTE_S = 60.0
_SHORT_S = 300.0
"""Below this, slices are of ten seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What must hold besides the account; None: not asked for. Seconds from the intended moment to the verdict."""

    p99_s: float | None = None
    oldest_s: float | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Check-ins by their intended moment, `at_s` to `at_s + length`: how many, and how long they waited."""

    at_s: float
    arrivals: int
    answered: int
    p50_s: float | None
    p99_s: float | None
    longest_s: float | None


def slices(surge: Surge, played: Played) -> tuple[float, list[Slice]]:
    """The length of a slice in seconds, and all of them. A check-in without an answer counts as arrived alone."""
    sent = [due.at_s for due in surge.plan if due.id in played.sent or due.id in played.unsure]
    length_s = _MINUTE_S if sent and sent[-1] >= _SHORT_S else 10.0
    count = int(max(sent, default=0.0) // length_s) + 1
    arrivals = Counter(int(at_s // length_s) for at_s in sent)
    waits: dict[int, list[float]] = {}
    for one in played.answers:
        waits.setdefault(int(one.at_s // length_s), []).append(one.latency_s)
    return length_s, [_slice(n, length_s, arrivals[n], waits.get(n, [])) for n in range(count)]


def _slice(number: int, length_s: float, arrivals: int, waits_s: Sequence[float]) -> Slice:
    spread = percentiles(waits_s)
    return Slice(
        at_s=number * length_s,
        arrivals=arrivals,
        answered=len(waits_s),
        p50_s=None if spread is None else spread.p50,
        p99_s=None if spread is None else spread.p99,
        longest_s=max(waits_s, default=None),
    )


def oldest_s(played: Played) -> float:
    """The greatest age that the oldest undecided check-in reached: the longest wait, also of those still waiting."""
    waited = [one.latency_s for one in played.answers]
    return max([*waited, *(played.span_s - due.at_s for due in played.open)], default=0.0)


def missed(played: Played, limits: Limits) -> list[str]:
    """Each limit that does not hold, in words. Where nothing was answered, none holds."""
    spread, said = percentiles([one.latency_s for one in played.answers]), []
    if limits.p99_s is not None and (spread is None or spread.p99 >= limits.p99_s):
        said.append(f"p99 {'–' if spread is None else f'{spread.p99:.3f}'} s, expected below {limits.p99_s:g} s")
    if limits.oldest_s is not None and oldest_s(played) > limits.oldest_s:
        said.append(f"oldest undecided {oldest_s(played):.1f} s, expected at most {limits.oldest_s:g} s")
    return said


def summary(
    surge: Surge, played: Played, account: Account, limits: Limits, conditions: Mapping[str, object]
) -> dict[str, object]:
    """The numbers of surge.json; rates are fractions, times seconds."""
    spread = percentiles([one.latency_s for one in played.answers])
    length_s, parts = slices(surge, played)
    return {
        "conditions": dict(conditions),
        "planned": len(surge.plan),
        "check_ins": len(played.sent) + len(played.unsure),
        "unacknowledged": len(played.unsure),
        "sent_again": played.again,
        "answered": len(played.answers),
        "open": len(played.open),
        "ledger_rows": account.rows,
        "verdicts": {name: account.verdicts[name] for name in ("accepted", "review", "rejected")},
        "wrong_verdicts": len(account.wrong),
        "missing": len(account.missing),
        "doubled": len(account.doubled),
        "latency_s": None if spread is None else {"p50": spread.p50, "p95": spread.p95, "p99": spread.p99},
        "oldest_undecided_s": oldest_s(played),
        "throughput_per_s": _throughput(played.answers),
        "slice_s": length_s,
        "slices": [{name: getattr(one, name) for name in Slice.__dataclass_fields__} for one in parts],
        "invariants": [
            {"number": one.number, "name": one.name, "holds": one.holds, "detail": one.detail}
            for one in account.invariants
        ],
        "faults": played.faults,
        "moments": [{"at_s": at_s, "what": text} for at_s, text in played.sheet.moments],
        "generator": _generator(played),
        "stopped_early": played.stopped,
        "missed": missed(played, limits),
        "passed": account.good and not missed(played, limits),
    }


def _generator(played: Played) -> dict[str, float]:
    """What the load itself cost: it shares the machine with what it measures."""
    count, span_s = max(1, len(played.sent)), max(1e-3, played.span_s)
    return {
        "cpu_ms_per_check_in": 1000 * played.generator_cpu_s / count,
        "sender_cpu_ms_per_check_in": 1000 * played.sender_cpu_s / count,
        "cores": played.generator_cpu_s / span_s,
        "behind_s": played.behind_s,
    }


def _throughput(answers: Sequence[Answered]) -> float | None:
    """Verdicts a second between the first intended moment and the last verdict."""
    if not answers:
        return None
    end_s = max(one.at_s + one.latency_s for one in answers)
    return len(answers) / max(1e-3, end_s - min(one.at_s for one in answers))
