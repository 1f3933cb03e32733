"""A real one-node Apache Kafka (KRaft) on loopback: `python -m dev.kafka.node up|down|status|address`, and for tests.

The jars come from `make setup`. State of `make kafka-up` lies in `.cache/kafka-node`.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from hadir.core.errors import HadirError, SetupError
from hadir.pipeline.kafka_admin import KafkaCluster, create_topics, topic_names
from hadir.pipeline.topics import with_partitions

__all__ = ["Node", "free_port", "fresh_identity", "launch", "missing_part", "start", "stop", "wait_until_ready"]

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
LIBS = CACHE / "kafka" / "libs"
ARCHIVE = CACHE / "kafka" / "kafka.jsa"
"""Shared class data of the JVM: ready in 0.6 s instead of 1.1 s."""
HOME = CACHE / "kafka-node"
PORT = 9092
PARTITIONS = 4
READY_S = 60.0

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Brokers that this process started: kept until they are waited for, so that none stays behind as a zombie."""


@dataclass(frozen=True, slots=True)
class Node:
    """A broker that was started. `started_s` tells it from another process that got the same pid later."""

    folder: str
    pid: int
    started_s: float
    port: int

    @property
    def cluster(self) -> KafkaCluster:
        return KafkaCluster(f"127.0.0.1:{self.port}")

    def process(self) -> psutil.Process | None:
        """The broker's process, None where it has ended."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_s) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if same else None


def missing_part() -> str | None:
    """What is missing for a real Kafka, in one sentence; None: nothing."""
    if shutil.which("java") is None:
        return "no Java found: install openjdk-17-jre-headless and maven, then make setup"
    if not any(LIBS.glob("kafka_2.13-*.jar")):
        return "Kafka's jars are not in .cache/kafka/libs: install maven (apt-get install maven), then make kafka-up"
    return None


def start(folder: Path, port: int | None = None, *, archive: bool = False) -> Node:
    """Start a broker whose data lies in `folder`, and wait until it answers.

    Args:
        port: None takes a free one.
        archive: Write the JVM's class archive when this broker ends, where there is none yet.

    Raises:
        SetupError: a part is missing, or the broker does not come up; the message names its log.
    """
    node = launch(folder, port, archive=archive)
    wait_until_ready(node)
    return node


def launch(
    folder: Path,
    port: int | None = None,
    *,
    archive: bool = False,
    settings: Mapping[str, object] | None = None,
    identity: str = "",
    format_with: Sequence[str] = (),
) -> Node:
    """As `start`, without waiting. `settings` go over the broker's own, `identity` is the cluster's id where several
    brokers share one, `format_with` are further arguments for formatting its storage."""
    if (missing := missing_part()) is not None:
        raise SetupError(missing)
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    properties = folder / "server.properties"
    lines = {**_settings(folder, port, free_port()), **(settings or {})}
    properties.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
    if not (folder / "data" / "meta.properties").exists():
        _format(properties, identity or fresh_identity(), format_with)
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*_java("256m", archive), "kafka.Kafka", str(properties)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    node = Node(str(folder), process.pid, psutil.Process(process.pid).create_time(), port)
    (folder / "node.json").write_text(json.dumps(asdict(node)), encoding="utf-8")
    return node


def stop(node: Node, patience_s: float = 20.0) -> None:
    """End exactly this broker: SIGTERM, then SIGKILL where it does not end in time."""
    process = node.process()
    if process is not None:
        process.terminate()
        try:
            process.wait(patience_s)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(5)
    if (child := _children.pop(node.pid, None)) is not None:
        child.wait(5)
    (Path(node.folder) / "node.json").unlink(missing_ok=True)


def running(folder: Path) -> Node | None:
    """The broker that was started in this folder, None where it has ended."""
    try:
        node = Node(**json.loads((folder / "node.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return node if node.process() is not None else None


def wait_until_ready(node: Node, cluster: KafkaCluster | None = None) -> None:
    """Until it answers, asked as `cluster` says where it asks who we are. Raises SetupError where it ends before or a
    minute passes; the message names its log."""
    until_s = time.monotonic() + READY_S
    # An admin client that is made before the port is open waits out a back-off of seconds: look at the port first.
    while not _open(node.port):
        if node.process() is None or time.monotonic() > until_s:
            stop(node)
            raise SetupError(f"the broker did not come up: see {node.folder}/log")
        time.sleep(0.05)
    topic_names(cluster or node.cluster)


def _java(heap: str, archive: bool = False) -> list[str]:
    sharing = []
    if ARCHIVE.exists():
        sharing = [f"-XX:SharedArchiveFile={ARCHIVE}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
    elif archive:
        sharing = [f"-XX:ArchiveClassesAtExit={ARCHIVE}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
    return [
        "java",
        f"-Xms{heap}",
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={ROOT / 'dev' / 'kafka' / 'log4j2.properties'}",
        *sharing,
        "-cp",
        f"{LIBS}/*",
    ]


def fresh_identity() -> str:
    """A cluster id. Its first byte keeps it from beginning with "-", which the tool takes for an option."""
    return base64.urlsafe_b64encode(b"\x10" + uuid.uuid4().bytes[1:]).decode().rstrip("=")


def _format(properties: Path, identity: str, further: Sequence[str]) -> None:
    command = [*_java("128m"), "kafka.tools.StorageTool", "format", "-t", identity, "-c", str(properties), *further]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"Kafka's storage cannot be formatted: {(done.stderr or done.stdout).strip()[-300:]}")


def _settings(folder: Path, port: int, controller: int) -> dict[str, object]:
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": folder / "data",
        "auto.create.topics.enable": "false",
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        "num.network.threads": 2,
        "num.io.threads": 2,
        "background.threads": 2,
        "num.recovery.threads.per.data.dir": 1,
        "log.cleaner.dedupe.buffer.size": 2097152,
        "log.segment.bytes": 67108864,
    }


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _up() -> int:
    node = running(HOME)
    fresh = node is None
    if node is None:
        node = start(HOME, None if _open(PORT) else PORT, archive=True)
    create_topics(node.cluster, with_partitions(PARTITIONS))
    print(
        f"Kafka {'is up' if fresh else 'was up already'} at {node.cluster.bootstrap} (pid {node.pid}){_elsewhere(node)}"
    )
    return 0


def _down() -> int:
    node = running(HOME)
    if node is not None:
        stop(node)
    print("Kafka is not running" if node is None else f"Kafka has ended (pid {node.pid})")
    return 0


def _status() -> int:
    node = running(HOME)
    if node is None:
        print("Kafka is not running: make kafka-up")
        return 1
    names = topic_names(node.cluster)
    ours = ", ".join(sorted(name for name in names if name.startswith("hadir.")))
    where = f"Kafka runs at {node.cluster.bootstrap} (pid {node.pid})"
    print(f"{where}; topics: {ours} ({len(names)} in all){_elsewhere(node)}")
    return 0


def _address() -> int:
    """For recipes: nothing is printed where no broker of ours runs, then the settings say where one is."""
    if (node := running(HOME)) is not None:
        print(node.cluster.bootstrap)
    return 0


def _elsewhere(node: Node) -> str:
    """What to do about a port that no settings name."""
    if node.port == PORT:
        return ""
    return (
        f"\nPORT {PORT} WAS TAKEN by another program, so this Kafka has port {node.port}. Tell every hadir command:\n"
        f"    export HADIR_KAFKA__BOOTSTRAP={node.cluster.bootstrap}\n(make demo BROKER=kafka finds it by itself.)"
    )


def main(arguments: list[str]) -> int:
    """The four commands; says in one sentence what is missing. `status` is 1 where no broker runs."""
    commands = {"up": _up, "down": _down, "status": _status, "address": _address}
    if len(arguments) != 1 or arguments[0] not in commands:
        print("usage: python -m dev.kafka.node up|down|status|address", file=sys.stderr)
        return 2
    try:
        return commands[arguments[0]]()
    except HadirError as err:
        print(f"kafka-{arguments[0]}: {err}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
