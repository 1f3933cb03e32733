"""Kafka's clusters and topics: how to reach one, what must be set, and what its client must be kept from doing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kafka.admin import ConfigFilterType, ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import (
    AuthorizationError,
    KafkaConfigurationError,
    KafkaError,
    KafkaTimeoutError,
    TopicAlreadyExistsError,
    UnknownBrokerIdError,
)
from kafka.net.compat import KafkaNetClient
from kafka.record.util import crc32c_c

from hadir.core.clock import Clock
from hadir.core.errors import ConfigError, SetupError, StreamUnavailable
from hadir.pipeline.kafka_refusals import not_allowed, why_unreachable
from hadir.pipeline.ports import Record
from hadir.pipeline.topics import TopicSpec

__all__ = [
    "KafkaCluster",
    "SafeClient",
    "answering",
    "check_topics",
    "create_topics",
    "fewest_copies",
    "limit_kafka_logs",
    "record_of",
    "require_crc32c",
    "topic_names",
]

T = TypeVar("T")

BOOTSTRAP_MS = 8000
"""A wrong password, a wrong CA and a plaintext client all look like this time-out: kept short."""


class SafeClient(KafkaNetClient):  # type: ignore[misc]  # kafka-python has no type information
    """kafka-python 3.0.12 spins for ever when metadata names a leader that is not in the list of brokers: the error
    leaves the sender's loop before anything expires (delivery.md D2). Asking for metadata anew mends it."""

    def maybe_connect(self, node_id: int, **options: object) -> None:
        try:
            super().maybe_connect(node_id, **options)
        except UnknownBrokerIdError:
            self._manager.cluster.request_update()


@dataclass(frozen=True, slots=True)
class KafkaCluster:
    """Where the brokers are. `security` are kafka-python's own options (`security_protocol`, `ssl_cafile`,
    `sasl_mechanism`, ...); never shown."""

    bootstrap: str
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def options(self) -> dict[str, Any]:
        """What every client of this cluster is made with."""
        return {
            "bootstrap_servers": self.bootstrap.split(","),
            "bootstrap_timeout_ms": BOOTSTRAP_MS,
            # Measured: 0.4 to 0.8 s to resume after a broker's restart, against up to 17 s with the default of 30 s.
            "reconnect_backoff_max_ms": 500,
            "kafka_client": SafeClient,
            **self.security,
        }

    def open(self, make: Callable[..., T], **options: object) -> T:
        """Make a client (consumer, producer, admin) of this cluster.

        A kafka-python client that cannot bootstrap leaves its sockets and its thread behind: during an outage, a
        process that tries again and again would run out of files. They are closed here.

        Raises:
            KafkaError: as the client's; nothing is left behind.
        """
        made: list[SafeClient] = []

        def remember(*arguments: object, **settings: object) -> SafeClient:
            made.append(SafeClient(*arguments, **settings))
            return made[-1]

        try:
            return make(**(self.options() | options | {"kafka_client": remember}))
        except KafkaError:
            for client in made:
                client.close()
            raise


def require_crc32c() -> None:
    """Raise SetupError where checksums would be computed in pure Python: that is 21 times slower on a selfie."""
    if crc32c_c is None:
        raise SetupError("the package crc32c is missing, Kafka would be 21 times slower: pip install crc32c")


def topic_names(cluster: KafkaCluster, timeout_ms: int = BOOTSTRAP_MS) -> frozenset[str]:
    """The topics that exist. Raises StreamUnavailable where no broker answers in time."""
    with _admin(cluster, bootstrap_timeout_ms=timeout_ms, request_timeout_ms=timeout_ms) as admin:
        return frozenset(admin.list_topics())


def fewest_copies(cluster: KafkaCluster, topic: str) -> int:
    """How many brokers hold the least copied partition of a topic that is there, in step with its leader.

    Raises:
        StreamUnavailable: no broker answers. SetupError: this user may not see it.
    """
    with _admin(cluster, f"DESCRIBE on topic {topic}") as admin:
        [described] = admin.describe_topics([topic])
        return min(len(partition["isr_nodes"]) for partition in described["partitions"])


def create_topics(cluster: KafkaCluster, specs: Sequence[TopicSpec], replication: int = -1) -> list[str]:
    """Make the topics that are missing, and wait until each has its leaders; returns their names.

    `replication` -1 takes the broker's default.

    Raises:
        StreamUnavailable: no broker answers.
        SetupError: one is not there for this user, who may not make it.
    """
    named = ", ".join(spec.name for spec in specs)
    with _admin(cluster, f"DESCRIBE (nor CREATE) on all of the topics {named}") as admin:
        existing = frozenset(admin.list_topics())
        missing = [spec for spec in specs if spec.name not in existing]
        wanted = {
            spec.name: {
                "num_partitions": spec.partitions,
                "replication_factor": replication,
                "configs": dict(spec.settings),
            }
            for spec in missing
        }
        try:
            if wanted:
                admin.create_topics(wanted)
        except TopicAlreadyExistsError:
            pass  # somebody else made it meanwhile; its settings are checked at every start
        admin.wait_for_topics([spec.name for spec in specs])
        return list(wanted)


def check_topics(cluster: KafkaCluster, specs: Sequence[TopicSpec]) -> None:
    """Make sure that topics exist and are set as they must be; the number of partitions is the operator's.

    Raises:
        SetupError: one is missing or wrongly set; the message is the command that makes it right.
        StreamUnavailable: no broker answers.
    """
    with _admin(cluster) as admin:
        existing = frozenset(admin.list_topics())
        for spec in specs:
            if spec.name not in existing:
                raise SetupError(
                    f"topic {spec.name} does not exist, or this user may not see it (DESCRIBE): {_creation(spec)}"
                )
        resources = [ConfigResource(ConfigResourceType.TOPIC, spec.name) for spec in specs]
        found = admin.describe_configs(resources, config_filter=ConfigFilterType.ALL)
        for spec in specs:
            settings = _one_topic(found, spec.name)
            if spec.settings and not settings:
                raise not_allowed(cluster.bootstrap, f"DESCRIBE_CONFIGS on topic {spec.name}")
            for name, wanted in spec.settings.items():
                actual = settings.get(name, {}).get("value")
                if actual != wanted:
                    raise SetupError(
                        f"topic {spec.name} has {name}={actual}, expected {wanted}: kafka-configs.sh --alter "
                        f"--entity-type topics --entity-name {spec.name} --add-config {name}={wanted}"
                    )


def limit_kafka_logs(clock: Clock, most: int = 20, per_s: float = 10.0) -> None:
    """Pass on warnings of the Kafka client, at most `most` in `per_s` seconds: one fault once wrote 100 MB in 40 s.

    Nothing below a warning is passed on: at debug level the client logs keys.
    """
    logger = logging.getLogger("kafka")
    if not any(isinstance(handler, _Limited) for handler in logger.handlers):
        logger.addHandler(_Limited(clock, most, per_s))
        logger.setLevel(logging.WARNING)
        logger.propagate = False


_EVERY_START = "No partition metadata for topic"
"""What the client says at every first join, before it has asked: a newcomer would worry about nothing."""


class _Limited(logging.Handler):
    """Hands records on to `hadir.kafka`, and counts those that it keeps back."""

    def __init__(self, clock: Clock, most: int, per_s: float) -> None:
        super().__init__(logging.WARNING)
        self._clock, self._most, self._per_s = clock, most, per_s
        self._window_s = float("-inf")
        self._passed = self._kept_back = 0

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith(_EVERY_START):
            return
        now_s = self._clock.monotonic_s()
        if now_s - self._window_s >= self._per_s:
            if self._kept_back:
                logging.getLogger("hadir.kafka").warning("kept back %d more log lines of kafka", self._kept_back)
            self._window_s, self._passed, self._kept_back = now_s, 0, 0
        if self._passed < self._most:
            self._passed += 1
            logging.getLogger("hadir.kafka").handle(record)
        else:
            self._kept_back += 1


def record_of(record: ConsumerRecord) -> Record:
    """A record as the ports know it. A tombstone has the empty value: no message of Hadir's is one."""
    headers = tuple((name, value or b"") for name, value in record.headers)
    return Record(record.partition, record.offset, record.timestamp, record.key, record.value or b"", headers)


@contextmanager
def _admin(cluster: KafkaCluster, needs: str = "DESCRIBE", **options: object) -> Iterator[KafkaAdminClient]:
    with answering(cluster, needs), closing(cluster.open(KafkaAdminClient, **options)) as admin:
        yield admin


@contextmanager
def answering(cluster: KafkaCluster, needs: str = "DESCRIBE") -> Iterator[None]:
    """Turn any of the client's errors into one of ours that names the cluster and what to do.

    `needs` is the operation, with its resource, that is asked of the cluster inside.

    Raises:
        SetupError: this user is not let in, or may not do it. ConfigError: the client does not know an option.
        StreamUnavailable: no broker answers.
    """
    try:
        yield
    except AuthorizationError as err:
        raise not_allowed(cluster.bootstrap, needs) from err
    except KafkaConfigurationError as err:
        raise ConfigError(f"[kafka] security is not what the client takes ({err}): see docs/delivery.md") from err
    except KafkaError as err:
        if isinstance(err, KafkaTimeoutError) and "bootstrap" in str(err):
            raise why_unreachable(cluster.bootstrap, cluster.security, type(err).__name__) from err
        raise StreamUnavailable(
            f"Kafka at {cluster.bootstrap} does not answer ({type(err).__name__}): is it up (make kafka-up "
            "starts one), and are address, certificates and password right?"
        ) from err


def _one_topic(found: Mapping[str, Mapping[str, Any]] | Iterable[Any], name: str) -> Mapping[str, Any]:
    by_type = found if isinstance(found, Mapping) else {}
    return next((topics[name] for topics in by_type.values() if name in topics), {})


def _creation(spec: TopicSpec) -> str:
    configs = " ".join(f"--config {name}={value}" for name, value in spec.settings.items())
    return f"kafka-topics.sh --create --topic {spec.name} --partitions {spec.partitions} {configs}"
