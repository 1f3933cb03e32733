"""Three brokers of one Apache Kafka on loopback (replication factor 3), of which a test may lose one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.kafka.node import Node, free_port, fresh_identity, launch, stop, wait_until_ready
from hadir.pipeline.kafka_admin import KafkaCluster, topic_names

__all__ = ["ThreeBrokers", "three_brokers"]

COUNT = 3


class ThreeBrokers:
    """Brokers 1 to 3, each also a controller. A write needs two of them (`min.insync.replicas`)."""

    def __init__(self, folder: Path) -> None:
        """Raises SetupError where a part is missing or one of them does not come up; then none is left running."""
        self._folder, self._identity = folder, fresh_identity()
        ids = range(1, COUNT + 1)
        self._ports = {one: free_port() for one in ids}
        self._controllers = {one: free_port() for one in ids}
        self.nodes: dict[int, Node] = {}
        try:
            for one in ids:
                self.nodes[one] = self._launch(one)
            for node in self.nodes.values():
                wait_until_ready(node)
        except BaseException:
            self.stop()
            raise

    @property
    def cluster(self) -> KafkaCluster:
        return KafkaCluster(",".join(f"127.0.0.1:{port}" for port in self._ports.values()))

    def kill(self, broker: int) -> None:
        """SIGKILL, as a power cut does."""
        process = self.nodes[broker].process()
        if process is not None:
            process.kill()
            process.wait(5)

    def start_again(self, broker: int) -> None:
        """With its data and on its port."""
        stop(self.nodes[broker])
        self.nodes[broker] = self._launch(broker)
        wait_until_ready(self.nodes[broker])

    def stop(self) -> None:
        """End exactly these."""
        for node in self.nodes.values():
            # Two of three can still hand over to each other; the last waits for nobody.
            stop(node, patience_s=3.0)

    def _launch(self, one: int) -> Node:
        port, controller = self._ports[one], self._controllers[one]
        listeners = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"
        settings: dict[str, object] = {
            "node.id": one,
            "controller.quorum.voters": ",".join(f"{i}@127.0.0.1:{c}" for i, c in self._controllers.items()),
            "listeners": listeners,
            "default.replication.factor": COUNT,
            "min.insync.replicas": 2,
            "offsets.topic.replication.factor": COUNT,
            "transaction.state.log.replication.factor": COUNT,
            "transaction.state.log.min.isr": 2,
            "share.coordinator.state.topic.replication.factor": COUNT,
            "share.coordinator.state.topic.min.isr": 2,
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "controller.quorum.election.timeout.ms": 500,
            "controller.quorum.fetch.timeout.ms": 1000,
        }
        return launch(self._folder / str(one), port, settings=settings, identity=self._identity)


@contextmanager
def three_brokers(folder: Path) -> Iterator[ThreeBrokers]:
    """Up and answering; ended by their pids."""
    brokers = ThreeBrokers(folder)
    try:
        topic_names(brokers.cluster)
        yield brokers
    finally:
        brokers.stop()
