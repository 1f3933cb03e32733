"""What a run has shown, for people and for machines."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hadir.app.invariants import InvariantResult
from tests.chaos.run_round import Round

__all__ = ["caught", "passed", "write_report"]

CAUGHT_BY = {"auto-commit": {1, 5}, "highest-completed": {5}}
"""The invariants of which one must fail for each mutant: that it lost something, or that it commits what is open."""

KILLS = ("member_killed", "actor_killed", "raylet_killed", "broker_killed")
OUTAGES = ("broker_killed", "broker_frozen", "database_away", "everything_killed")


def caught(control: Round) -> bool:
    """Whether the invariants have seen what is wrong with a mutant."""
    return bool(CAUGHT_BY[control.plan.mutant or ""] & set(control.broken))


def passed(rounds: Sequence[Round], controls: Sequence[Round]) -> bool:
    """All seven hold in each round, the product's own account agrees, and no mutant gets away."""
    return all(one.rested and not one.broken and one.reconciled[0] == 0 for one in rounds) and all(
        map(caught, controls)
    )


def write_report(folder: Path, seed: int, rounds: Sequence[Round], controls: Sequence[Round], stood_in: str) -> str:
    """Write report.json and report.txt; returns the text."""
    document = {
        "seed": seed,
        "cores": len(os.sched_getaffinity(0)),
        "stood_in": stood_in,
        "passed": passed(rounds, controls),
        "rounds": [_numbers(one) for one in rounds],
        "controls": [{**_numbers(one), "caught": caught(one)} for one in controls],
    }
    (folder / "report.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    lines = [f"seed {seed}; {stood_in}", *(line for one in rounds for line in _words(one))]
    for one in controls:
        verdict = "caught" if caught(one) else "NOT CAUGHT: the invariants are blind"
        lines += [f"control {one.plan.mutant}: {verdict}, broken {one.broken or 'nothing'}", *_details(one.results)]
    sums = {name: sum(_numbers(one)[name] for one in rounds) for name in ("received", "decided", "missing", "doubled")}
    lines.append(", ".join(f"{name} {number}" for name, number in sums.items()))
    lines.append("passed" if document["passed"] else f"FAILED: read the histories in {folder.name}/")
    text = "\n".join(lines) + "\n"
    (folder / "report.txt").write_text(text, encoding="utf-8")
    return text


def _numbers(one: Round) -> dict[str, Any]:
    counts = one.results[0].counts
    return {
        **asdict(one.plan),
        "received": counts["received"],
        "decided": counts["decided"],
        "missing": counts["missing"],
        "doubled": counts["doubled"],
        "records": one.records,
        "records_by_kind": dict(one.kinds),
        "repeated_verdicts": one.results[1].counts["repeated"],
        "dead_letters": one.results[1].counts["dead letters"],
        "kills": sum(one.faults.get(name, 0) for name in KILLS),
        "outages": sum(one.faults.get(name, 0) for name in OUTAGES),
        "everything_killed": one.faults.get("everything_killed", 0),
        "sent_again_without_an_answer": one.retries,
        "came_to_rest": one.rested,
        "reconciled": {"code": one.reconciled[0], "said": one.reconciled[1]},
        "seconds": {what: round(value, 1) for what, value in one.seconds.items()},
        "history": dict(one.faults),
        "invariants": [asdict(result) for result in one.results],
    }


def _words(one: Round) -> list[str]:
    numbers, plan = _numbers(one), one.plan
    told = ("received", "decided", "missing", "doubled", "kills", "outages", "repeated_verdicts", "dead_letters")
    return [
        f"round {plan.name}: {plan.brokers} broker(s), {plan.database}, pool {plan.pool}, {plan.per_s:g} check-ins/s, "
        f"{sum(numbers['seconds'].values()):.0f} s" + ("" if one.rested else "; IT DID NOT COME TO REST"),
        "  " + ", ".join(f"{name.replace('_', ' ')} {numbers[name]}" for name in told)
        + f", all at once {numbers['everything_killed']}",
        *_details(one.results),
        f"  hadir reconcile: {one.reconciled[1]}",
    ]  # fmt: skip


def _details(results: Sequence[InvariantResult]) -> list[str]:
    said = {True: "holds", False: "BROKEN", None: "not watched"}
    return [f"  {one.number} {one.name}: {said[one.holds]} ({one.detail})" for one in results]
