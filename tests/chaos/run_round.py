"""One round: servers, members, sender and faults; then rest; then the seven invariants."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count
from operator import sub
from pathlib import Path
from typing import Any

from hadir.app.invariants import Found, InvariantResult, check_invariants
from hadir.app.options import DEFAULTS
from hadir.app.wiring import policy_of
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_heads import Head, read_heads
from hadir.core.errors import HadirError
from hadir.core.settings import load_settings
from hadir.pipeline.kafka_admin import KafkaCluster, create_topics
from hadir.pipeline.kafka_offsets import stands
from hadir.pipeline.kafka_tail import KafkaTail
from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS, VERDICTS, with_partitions
from tests.app.programs import HADIR
from tests.chaos.run_faults import Faults, Pace
from tests.chaos.run_history import History
from tests.chaos.run_members import ROOT, Member, Members
from tests.chaos.run_mix import mix
from tests.chaos.run_parts import Brokers, Database, OneBroker, PostgresDatabase, SqliteDatabase, three
from tests.chaos.run_sender import Sender
from tests.chaos.run_site import PARTITIONS, ChaosSite, World

__all__ = ["Plan", "Round", "play"]

GROUP = "hadir"
MEMBERS = 2
LOOK_S = 0.5
LEAST_RAGE_S, MOST_RAGE_S = 5.0, 60.0
PATIENCE_S = 120.0
"""Without any progress for so long a round is over, whatever is left."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a round is made of. `seconds` of faults, or until `check_ins` were sent. In the middle everything is killed
    at once; a `calm` round has no other fault. With `mutant` the pipeline is wrong on purpose, and members are killed,
    no more."""

    name: str
    seed: int
    seconds: float
    per_s: float
    brokers: int = 1
    database: str = "sqlite"
    pool: str = "inline"
    check_ins: int | None = None
    mutant: str | None = None
    calm: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """How it ended. `rested` says whether everything came to rest before the invariants were asked, `reconciled` what
    `hadir reconcile` said last, and its exit code."""

    plan: Plan
    results: tuple[InvariantResult, ...]
    rested: bool
    reconciled: tuple[int, str]
    records: int
    kinds: Mapping[str, int]
    retries: int
    faults: Mapping[str, int]
    seconds: Mapping[str, float]

    @property
    def broken(self) -> list[int]:
        """Invariants that do not hold, or that nobody looked at."""
        return [one.number for one in self.results if not one.holds]


@dataclass(frozen=True, slots=True)
class _Scene:
    """What runs in a round."""

    brokers: Brokers
    database: Database
    members: Members
    ledger: Ledger
    history: History


def play(plan: Plan, site: ChaosSite, folder: Path) -> Round:
    """Everything of the round lies in `folder`, its history in `history.jsonl`.

    Raises:
        HadirError, RuntimeError: a server or a member does not come up: nothing is proven either way.
    """
    folder.mkdir(parents=True)
    history = History(folder / "history.jsonl")
    history.note("round", **asdict(plan))
    with ExitStack() as closers:
        return _disturb(plan, site, folder, _set(plan, site, folder, history, closers))


def _set(plan: Plan, site: ChaosSite, folder: Path, history: History, closers: ExitStack) -> _Scene:
    brokers: Brokers = three(folder / "brokers") if plan.brokers == 3 else OneBroker(folder / "broker")
    closers.callback(brokers.stop)
    create_topics(brokers.cluster, with_partitions(PARTITIONS), plan.brokers)
    postgres = plan.database == "postgresql"
    database: Database = PostgresDatabase(folder / "postgres") if postgres else SqliteDatabase(folder)
    closers.callback(database.stop)
    ledger = Ledger.open(database.url)
    closers.callback(ledger.close)
    world = World(brokers.cluster.bootstrap, plan.brokers, database.url, plan.pool)
    members = Members([_member(folder / f"member-{n}", plan, site, world) for n in range(MEMBERS)], history)
    closers.callback(members.kill)
    members.start()
    return _Scene(brokers, database, members, ledger, history)


def _member(folder: Path, plan: Plan, site: ChaosSite, world: World) -> Member:
    site.settings(folder, world)
    options = ["--workers-die"] if plan.pool == "ray" else []
    options += ["--tokens", str(site.vectors)] if site.vectors is not None else []
    options += ["--mutant", plan.mutant] if plan.mutant is not None else []
    return Member(folder, options)


def _disturb(plan: Plan, site: ChaosSite, folder: Path, scene: _Scene) -> Round:
    history, cluster = scene.history, scene.brokers.cluster
    faults = Faults(scene.members, scene.brokers, scene.database, history, plan.seed)
    sender = Sender(cluster, mix(site, random.Random(plan.seed)), plan.per_s, plan.check_ins, history)
    times_s = [time.monotonic()]
    sender.start()
    _rage(plan, faults, sender)
    sent = sender.end() if plan.check_ins is None else sender.wait()
    times_s.append(time.monotonic())
    history.note("all_sent", records=sender.records)
    rested = _rest(cluster, scene.ledger)
    times_s.append(time.monotonic())
    history.note("rest" if rested else "no_rest")
    scene.members.stop()
    reconciled = _reconcile(scene.members.members[0].folder / "hadir.toml")
    history.note("reconciled", code=reconciled[0], said=reconciled[1])
    results = check_invariants(sent, _found(scene, site, folder))
    times_s.append(time.monotonic())
    for one in results:
        history.note("invariant", number=one.number, holds=one.holds, detail=one.detail)
    seconds = dict(zip(("sending", "until_rest", "checking"), map(sub, times_s[1:], times_s), strict=True))
    return Round(
        plan, results, rested, reconciled, sender.records, sender.kinds, sender.retries, history.counts, seconds
    )


def _rage(plan: Plan, faults: Faults, sender: Sender) -> None:
    if plan.mutant is not None:
        faults.rage(plan.seconds, 0, kills_only=True, pace=Pace(3.0, 6.0))
        return
    until_s = time.monotonic() + plan.seconds
    strike = time.sleep if plan.calm else partial(faults.rage, turn=0)
    strike(plan.seconds / 2)
    faults.kill_everything()
    for turn in count(1):
        left_s = until_s - time.monotonic()
        if left_s <= 0 and not (plan.check_ins is not None and sender.going_on()):
            return
        seconds = min(max(left_s, LEAST_RAGE_S), MOST_RAGE_S)
        time.sleep(seconds) if plan.calm else faults.rage(seconds, turn)


def _rest(cluster: KafkaCluster, ledger: Ledger) -> bool:
    """Whether log, group, ledger and outbox have come to the same place."""
    before: object = None
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        try:
            committed, ends = stands(cluster, CHECK_INS, GROUP)
            now = (committed, ends, ledger.positions(CHECK_INS), ledger.outbox_depth())
        except HadirError:
            now = None
        if (
            now is not None
            and now[3] == 0
            and all(committed.get(p, 0) == now[2].get(p, 0) == e for p, e in ends.items())
        ):
            return True
        if now != before:
            before, until_s = now, time.monotonic() + PATIENCE_S
        time.sleep(LOOK_S)
    return False


def _found(scene: _Scene, site: ChaosSite, folder: Path) -> Found:
    cluster, members = scene.brokers.cluster, scene.members.members
    committed, ends = stands(cluster, CHECK_INS, GROUP)
    tail = KafkaTail(cluster)
    config = members[0].folder / "hadir.toml"
    return Found(
        scene.ledger,
        CHECK_INS,
        policy_of(load_settings(DEFAULTS, config)),
        {site.snapshot},
        verdicts=tail.read(VERDICTS),
        dead_letters=tail.read(DEAD_LETTERS),
        committed=committed,
        ends=ends,
        undecided=_undecided(members),
        heads=list(_heads(members)),
        exported=_exported(config, folder / "export.jsonl"),
        logs=_logs(members),
        private=site.private_words(),
    )


def _undecided(members: Sequence[Member]) -> list[str] | None:
    """None where a member was not watched."""
    if not all(member.watch.exists() for member in members):
        return None
    return [line for member in members for line in member.watch.read_text(encoding="utf-8").splitlines()]


def _heads(members: Sequence[Member]) -> Iterator[Head]:
    for member in members:
        if (path := member.folder / "heads.jsonl").exists():
            yield from read_heads(path)


def _reconcile(config: Path) -> tuple[int, str]:
    """Exit code and last line of the product's own account."""
    command: list[str | Path] = [HADIR, "reconcile", "--hours", "24", "--config", config]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return done.returncode, (done.stdout.strip() or done.stderr.strip()).rsplit("\n", 1)[-1]


def _exported(config: Path, to: Path) -> Iterator[Mapping[str, Any]]:
    """What the product's own command says."""
    with to.open("wb") as out:
        subprocess.run([HADIR, "ledger", "export", "--config", config], stdout=out, check=True, cwd=ROOT)
    with to.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _logs(members: Sequence[Member]) -> Iterator[str]:
    for member in members:
        for path in sorted(member.folder.glob("log-*.jsonl")):
            with path.open(encoding="utf-8", errors="replace") as file:
                yield from file
