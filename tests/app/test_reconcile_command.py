"""`hadir reconcile` on a real Kafka: what it prints, exports and ends with."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.kafka.node import Node, missing_part, start, stop
from hadir.core.check_in import CheckIn
from hadir.core.clock import SystemClock
from hadir.core.message import Message
from hadir.pipeline.kafka import KafkaSource
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.kafka_reader import KafkaReader
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.outbox import Relay
from hadir.pipeline.topics import CHECK_INS, with_partitions
from tests.app.command_line import Said, hadir
from tests.pipeline.world import World, a_check_in, check_in_message

pytestmark = pytest.mark.kafka

UNITS = "unit,name,time_zone\nschool,School,Asia/Jakarta\n"
ROSTER = "person,nip,name,unit\n" + "".join(f"p-{n},19800101200501100{n},Somebody,school\n" for n in range(1, 4))


@dataclass(slots=True)
class Place:
    """A broker of its own, a ledger, and settings that name both."""

    folder: Path
    node: Node
    world: World

    def decide(self, *messages: Message) -> None:
        """Send these, decide everything that the log holds, and publish."""
        with closing(KafkaSink(self.node.cluster)) as sink:
            sink.send(list(messages))
            wanted = self.world.seen.received + len(messages)
            source = KafkaSource(self.node.cluster, with_partitions(2)[0], session_timeout_ms=6000)
            self.world.intake(source=source).run(finished=lambda: self.world.seen.received >= wanted)
            Relay(self.world.ledger, sink, self.world.clock).drain()

    def send(self, *check_ins: CheckIn) -> None:
        with closing(KafkaSink(self.node.cluster)) as sink:
            sink.send([check_in_message(one) for one in check_ins])

    def reconcile(self, *arguments: object) -> Said:
        return hadir("reconcile", "--hours", 1, *arguments, "--config", self.folder / "hadir.toml")

    def change(self, statement: str) -> None:
        with closing(sqlite3.connect(self.folder / "ledger.db")) as connection, connection:
            connection.execute(statement)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    node = start(tmp_path / "kafka")
    create_topics(node.cluster, with_partitions(2))
    for name, text in (("units", UNITS), ("roster", ROSTER)):
        (tmp_path / f"{name}.csv").write_text(text)
    (tmp_path / "hadir.toml").write_text(
        f'[kafka]\nbootstrap = "{node.cluster.bootstrap}"\n[ledger]\nurl = "sqlite:///{tmp_path}/ledger.db"\n'
        f'[attendance]\nunits = "{tmp_path}/units.csv"\nroster = "{tmp_path}/roster.csv"\n'
    )
    world = World(tmp_path, SystemClock())
    yield Place(tmp_path, node, world)
    world.ledger.close()
    stop(node)


def test_a_morning_that_agrees_ends_with_one_line_and_zero(place: Place) -> None:
    first = a_check_in("p-1")
    again, bad = check_in_message(first), Message(CHECK_INS, b"p-1", b"\xc1")
    other = check_in_message(a_check_in("p-1", (b"other",), first.id))
    place.decide(check_in_message(first), again, other, bad, *(check_in_message(a_check_in(f"p-{n}")) for n in (2, 3)))
    said = place.reconcile()
    assert said.code == 0
    assert said.out.splitlines()[-1] == "received 3, decided 3, missing 0, doubled 0"
    assert "diulang · repeated 1, disisihkan · set aside 2" in said.out
    document = place.reconcile("--json").document()
    assert (document["records"], document["duplicates"], document["dead_letters"]) == (6, 1, 2)
    assert {one["unit"] for one in document["hours"]} == {"school", "-"}


def test_a_planted_loss_is_named_where_lag_is_zero_and_can_be_exported(place: Place) -> None:
    """An automatic commit before a crash, and a ledger whose position is gone: the restart goes on behind the loss."""
    lost = a_check_in("p-1")
    place.decide(check_in_message(a_check_in("p-1")))
    place.send(lost)
    [(partition, at)] = place.world.ledger.positions(CHECK_INS).items()
    thief = KafkaSource(place.node.cluster, with_partitions(2)[0], session_timeout_ms=6000)
    thief.start(lambda: None, lambda _: {})
    while not thief.take(1):
        pass
    thief.commit({partition: at + 1})
    thief.close()
    place.change("DELETE FROM positions")
    place.decide(check_in_message(a_check_in("p-1")))
    assert KafkaReader(place.node.cluster).committed(CHECK_INS, "hadir")[partition] == at + 2, "lag is 0"
    exported = place.folder / "morning.csv"
    said = place.reconcile("--export", exported)
    assert said.code == 4
    assert f"{lost.id}  {partition}@{at}" in said.out
    assert said.out.splitlines()[-1] == "received 3, decided 2, missing 1, doubled 0"
    with exported.open(encoding="utf-8-sig") as file:
        [line] = csv.DictReader(file)
    assert (line["unit"], line["received"], line["missing"]) == ("school", "3", "1")
    with exported.with_name("morning-faults.csv").open(encoding="utf-8-sig") as file:
        [fault] = csv.DictReader(file)
    assert (fault["kind"], fault["id"]) == ("missing", lost.id)


def test_what_waits_is_said_apart_and_ends_with_three(place: Place) -> None:
    place.decide(check_in_message(a_check_in("p-1")))
    place.send(a_check_in("p-1"))
    said = place.reconcile()
    assert said.code == 3
    assert "not decided yet (waiting, not missing)" in said.out
    assert said.out.splitlines()[-1] == "received 2, decided 1, missing 0, doubled 0"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--from", "2026-01-01", "--hours", "1"), "give one of them"),
        (("--from", "yesterday"), "expected ISO 8601"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "--from must lie before --to"),
    ],
)
def test_times_that_mean_nothing_are_wrong_use(arguments: tuple[str, ...], says: str) -> None:
    said = hadir("reconcile", *arguments)
    assert said.code == 2
    assert says in said.problem()


def test_without_a_ledger_there_is_one_sentence(tmp_path: Path) -> None:
    said = hadir("reconcile", "--ledger", f"sqlite:///{tmp_path}/none.db")
    assert said.code == 1
    assert "there is no ledger" in said.problem()
