"""What `make chaos` rests on: an account that is true, controls that are caught, faults that a seed repeats."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import pytest

from dev.kafka.node import missing_part
from dev.token_pack import MOST_TOKEN_BYTES
from hadir.app.commit_watch import CommitWatch
from hadir.app.invariants import InvariantResult
from hadir.core.check_in import Channel, CheckIn, Direction
from hadir.core.errors import Undecodable
from hadir.core.evidence import FaceFinding
from hadir.pipeline.codec import decode
from hadir.pipeline.inline import InlinePool
from hadir.pipeline.memory import MemorySource
from hadir.pipeline.ports import FaceJob, Record, Source
from hadir.pipeline.topics import CHECK_INS
from tests.chaos.run_mix import PER_10_000, Parcel, mix
from tests.chaos.run_mutants import MUTANTS, mutate
from tests.chaos.run_report import caught, passed, write_report
from tests.chaos.run_round import Plan, Round, play
from tests.chaos.run_site import ChaosSite, build_site
from tests.pipeline.world import START_MS, PhotoStage, World, a_check_in, check_in_message

COUNTED = ("received", "decided", "missing", "doubled", "repeated", "dead letters")
CROWD = ChaosSite(Path("nowhere"), ("clerk-000000", "clerk-000001", "clerk-000002"), (), "")


def drawn(seed: int, count: int) -> list[Parcel]:
    with patch("tests.chaos.run_mix.time.time_ns", lambda: START_MS * 1_000_000):
        return list(islice(mix(CROWD, random.Random(seed)), count))


def test_the_senders_account_is_what_the_pipeline_reads() -> None:
    parcels = drawn(1, 3000)
    for parcel in parcels:
        record = Record(0, 0, 0, parcel.message.key, parcel.message.value)
        if parcel.id is None:
            with pytest.raises(Undecodable):
                decode(record)
        else:
            received = decode(record)
            assert (received.id, received.content_sha256) == (parcel.id, parcel.digest)
    assert {parcel.kind for parcel in parcels} == PER_10_000.keys()


def test_repetitions_say_the_same_and_conflicts_something_else_under_an_id_that_was_sent() -> None:
    contents: dict[str, set[str]] = {}
    for parcel in drawn(2, 3000):
        if parcel.id is None:
            continue
        before = contents.setdefault(parcel.id, set())
        if parcel.kind == "sent_again":
            assert parcel.digest in before
        if parcel.kind == "other_content":
            assert before
            assert parcel.digest not in before
        before.add(parcel.digest)


def test_a_seed_draws_the_same_again() -> None:
    assert drawn(3, 200) == drawn(3, 200) != drawn(4, 200)


def test_a_token_is_small_and_never_the_same_twice() -> None:
    photos = [CROWD.photo(1, random.Random(seed).randbytes(16)) for seed in range(10)]
    assert len(set(photos)) == 10
    assert max(map(len, photos)) <= MOST_TOKEN_BYTES


class Gated(PhotoStage):
    """A worker that finishes nothing until the test says so."""

    def __init__(self, gate: threading.Event) -> None:
        object.__setattr__(self, "gate", gate)

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        self.gate.wait()  # type: ignore[attr-defined]  # set above: the stage is frozen
        return super().process(jobs)


@pytest.fixture
def unpatched() -> Iterator[None]:
    yield
    patch.stopall()


@pytest.mark.usefixtures("unpatched")
@pytest.mark.parametrize("name", [None, *MUTANTS])
def test_the_watch_sees_a_wrong_commit_while_a_finding_is_out(tmp_path: Path, name: str | None) -> None:
    """A face that nobody has looked at yet, then a fingerprint, which needs no look."""
    world, gate, said = World(tmp_path), threading.Event(), list[str]()
    face = a_check_in("p-1")
    finger = CheckIn(a_check_in().id, "p-1", Direction.IN, Channel.FINGERPRINT, START_MS)
    world.send(check_in_message(face), check_in_message(finger))
    source: Source = CommitWatch(MemorySource(world.log, CHECK_INS), world.ledger, CHECK_INS, said.append)
    source = mutate(name, source) if name else source
    intake = world.intake(source=source, pool=InlinePool(lambda: Gated(gate)))
    intake.start()
    intake.step()
    assert bool(said) == (name is not None)
    assert all(face.id in line or "stands at" in line or finger.id in line for line in said)
    gate.set()
    intake.run_until_idle()
    world.ledger.close()


def a_round(mutant: str | None = None, *, broken: Sequence[int] = (), rested: bool = True, code: int = 0) -> Round:
    counts = {name: 10 * (name in {"received", "decided"}) for name in COUNTED}
    results = tuple(InvariantResult(n, f"i{n}", n not in broken, "said", counts) for n in range(1, 8))
    plan = Plan("a", 1, 10.0, 5.0, mutant=mutant)
    return Round(plan, results, rested, (code, "received 10"), 12, {}, 0, {"member_killed": 2}, {"sending": 1.0})


@pytest.mark.parametrize(
    ("one", "good"),
    [
        (a_round(), True),
        (a_round(broken=[4]), False),
        (a_round(rested=False), False),
        (a_round(code=4), False),
    ],
    ids=["right", "an invariant is broken", "no rest", "reconcile finds something"],
)
def test_a_run_passes_only_if_everything_agrees(one: Round, good: bool) -> None:
    assert passed([a_round(), one], []) is good


def test_a_control_that_gets_away_fails_the_run(tmp_path: Path) -> None:
    seen, unseen = a_round("highest-completed", broken=[5]), a_round("auto-commit", broken=[7])
    assert caught(seen)
    assert not caught(unseen), "by another invariant than that which it is there for"
    assert passed([a_round()], [seen])
    assert not passed([a_round()], [seen, unseen])
    text = write_report(tmp_path, 5, [a_round()], [seen, unseen], "tokens")
    assert "control auto-commit: NOT CAUGHT" in text
    assert text.splitlines()[-1].startswith("FAILED")
    assert (tmp_path / "report.json").exists()


@pytest.mark.kafka
@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_a_small_morning_survives_everything_being_killed_at_once(tmp_path: Path) -> None:
    """Two members, a real broker, SQLite: what `make kill-everything` does with Ray and PostgreSQL."""
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    site = build_site(tmp_path / "site", 200, tokens=True)
    played = play(Plan("small", 1, 4.0, 100.0, calm=True), site, tmp_path / "round")
    assert played.broken == []
    assert played.reconciled[0] == 0, played.reconciled[1]
    assert played.faults["everything_killed"] == 1
    assert passed([played], [])
