"""`make chaos`: a seeded run of random faults against real servers, checked by the seven invariants.

    python -m tests.chaos.run_chaos [--seconds 600] [--people N] [--seed S] [--brokers 1|3] [--json]

Rounds alternate between SQLite and PostgreSQL, and between the pool of this process and Ray; in the middle of each,
every process is killed at once. Then come the negative controls: two pipelines that commit wrongly, which must be
caught. With --people, that many check-ins go through, as tokens instead of photos. Exit codes: 0 passed, 4 an invariant
is broken or a control got away, 1 nothing could be shown.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dev.kafka.node import missing_part
from dev.postgres import programs
from hadir.app.logs import log_to
from hadir.core.errors import HadirError
from tests.chaos.run_members import ROOT
from tests.chaos.run_report import passed, write_report
from tests.chaos.run_round import Plan, Round, play
from tests.chaos.run_site import ChaosSite, build_site

__all__ = ["main"]

SELFIES = 40
MOST_PEOPLE = 20_000
"""Enrolled; more check-ins than that come from the same people again."""
PHOTOS_PER_S, TOKENS_PER_S = 25.0, 1_000.0
CONTROL_SECONDS, CONTROL_PER_S, CALM_SECONDS = 20.0, 800.0, 20.0
_DONE, _ERROR, _BROKEN = 0, 1, 4

WITH_TOKENS = "tokens stand in for decoding and for the models alone (dev/token_pack.py)"
WITH_PHOTOS = "real photos, the open pack, near copies are recorded only; tokens in the controls alone"


def main(arguments: Sequence[str]) -> int:
    """Play the rounds, then the controls; print and write the report."""
    options = _options(arguments)
    if (missing := missing_part() or (None if programs() else "no PostgreSQL: apt-get install postgresql")) is not None:
        sys.stderr.write(f"chaos: {missing}\n")
        return _ERROR
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    folder = options.folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{seed}"
    folder.mkdir(parents=True)
    sys.stderr.write(f"chaos: seed {seed}, {folder}\n")
    log_to(folder / "log.jsonl")
    try:
        return _show(options, seed, folder)
    except (HadirError, RuntimeError) as err:
        sys.stderr.write(f"chaos: {err}\n")
        return _ERROR


def _show(options: argparse.Namespace, seed: int, folder: Path) -> int:
    tokens = options.tokens or options.only_kill_everything or options.people is not None
    crowd = min(options.people or MOST_PEOPLE // 10, MOST_PEOPLE) if tokens else SELFIES
    site = build_site(folder / "site", crowd, tokens)
    rounds = [_play(plan, site, folder) for plan in _plans(options, seed, tokens)]
    controls = (
        [] if options.no_controls or options.only_kill_everything else _controls(site if tokens else None, seed, folder)
    )
    text = write_report(folder, seed, rounds, controls, WITH_TOKENS if tokens else WITH_PHOTOS)
    sys.stdout.write((folder / "report.json").read_text(encoding="utf-8") if options.json else text)
    return _DONE if passed(rounds, controls) else _BROKEN


def _plans(options: argparse.Namespace, seed: int, tokens: bool) -> list[Plan]:
    per_s = options.per_s or (TOKENS_PER_S if tokens else PHOTOS_PER_S)
    if options.only_kill_everything:
        return [Plan("all-at-once", seed, CALM_SECONDS, per_s / 5, options.brokers, "postgresql", "ray", calm=True)]
    if options.people is not None:
        seconds = options.people / per_s
        return [Plan("a-crowd", seed, seconds, per_s, options.brokers, "postgresql", "inline", options.people)]
    kinds = [("sqlite", "inline"), ("postgresql", "ray")]
    return [
        Plan(f"{database}-{pool}", seed + at, options.seconds / len(kinds), per_s, options.brokers, database, pool)
        for at, (database, pool) in enumerate(kinds)
    ]


def _controls(site: ChaosSite | None, seed: int, folder: Path) -> list[Round]:
    site = site or build_site(folder / "site-of-controls", MOST_PEOPLE // 10, tokens=True)
    return [
        _play(Plan(mutant, seed, CONTROL_SECONDS, CONTROL_PER_S, mutant=mutant), site, folder)
        for mutant in ("auto-commit", "highest-completed")
    ]


def _play(plan: Plan, site: ChaosSite, folder: Path) -> Round:
    place = folder / plan.name
    played = play(plan, site, place)
    sys.stderr.write(f"chaos: {plan.name}: broken {played.broken or 'nothing'}\n")
    if plan.mutant is None and not played.broken:
        for heavy in ("broker", "brokers", "postgres"):
            shutil.rmtree(place / heavy, ignore_errors=True)
    return played


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.run_chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="of faults, all rounds together")
    parser.add_argument("--people", type=int, help="so many check-ins, as tokens, in one round")
    parser.add_argument("--seed", type=int, help="the same faults and records again; what they meet is chance")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--per-s", type=float, help=f"check-ins sent per second: {PHOTOS_PER_S:g}, of tokens more")
    parser.add_argument("--tokens", action="store_true", help="tokens instead of photos in every round")
    parser.add_argument("--no-controls", action="store_true", help="leave the negative controls out")
    parser.add_argument("--only-kill-everything", action="store_true", help="one round with that fault alone")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "chaos")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.seconds < 10 or (options.people is not None and options.people < 1000):
        parser.error("at least 10 seconds, and 1000 people")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
