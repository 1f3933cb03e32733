"""Writing to a real Apache Kafka: a guarded producer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

from kafka import KafkaProducer
from kafka.errors import (
    AuthorizationError,
    InvalidTopicError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from kafka.producer.future import FutureRecordMetadata

from hadir.core.clock import SystemClock
from hadir.core.errors import StreamError, StreamUnavailable
from hadir.core.message import Message
from hadir.pipeline.kafka_admin import KafkaCluster, limit_kafka_logs, require_crc32c, topic_names
from hadir.pipeline.kafka_refusals import not_allowed
from hadir.pipeline.partitioner import partition_of

__all__ = ["KafkaSink"]

SEND_S = 9.5
"""The deadline of one `send`: above the delivery time-out, below the ten seconds that the port allows."""

ASK_MS = 2000

LARGEST_REQUEST = 6 * 1_048_576 + 65_536
"""A dead letter of the largest size; the client's default of 1 MiB refuses a legal check-in."""

_REFUSED = (InvalidTopicError, MessageSizeTooLargeError, RecordListTooLargeError)


class KafkaSink:
    """One producer, made at the first send and replaced whenever a send fails or hangs.

    Not idempotent, one request in flight: kafka-python 3.0.12's idempotent producer can hang for ever without a word
    (delivery.md D1), while this one keeps order and at worst doubles, which the check-in's id makes harmless.
    """

    def __init__(self, cluster: KafkaCluster) -> None:
        require_crc32c()
        limit_kafka_logs(SystemClock())
        self._cluster = cluster
        self._producer: KafkaProducer | None = None

    def send(self, messages: Sequence[Message]) -> None:
        until_s = time.monotonic() + SEND_S
        try:
            futures = self._hand_over(messages)
            for future in futures:
                future.get(timeout=max(0.0, until_s - time.monotonic()))
        except AuthorizationError as err:
            self._replace()
            raise StreamError(str(not_allowed(self._cluster.bootstrap, f"WRITE on topic {_topics(messages)}"))) from err
        except _REFUSED as err:
            self._replace()
            raise StreamError(f"{_topics(messages)}: a message is refused ({type(err).__name__}): see sizes") from err
        except KafkaError as err:
            self._replace()
            raise StreamUnavailable(
                f"Kafka at {self._cluster.bootstrap} did not acknowledge ({type(err).__name__}): what was sent may be "
                "in the log, send it again"
            ) from err

    def close(self) -> None:
        if self._producer is not None:
            self._replace()

    def _hand_over(self, messages: Sequence[Message]) -> list[FutureRecordMetadata]:
        producer = self._open()
        try:
            # The client would hash a person's key anew for every verdict; `partition_of` remembers it.
            counts = {topic: len(producer.partitions_for(topic)) for topic in {message.topic for message in messages}}
            return [
                producer.send(
                    message.topic,
                    message.value,
                    message.key,
                    list(message.headers),
                    partition=None if message.key is None else partition_of(message.key, counts[message.topic]),
                )
                for message in messages
            ]
        except KafkaTimeoutError:
            self._require_topics(messages)
            raise

    def _open(self) -> KafkaProducer:
        if self._producer is None:
            self._producer = self._cluster.open(
                KafkaProducer,
                acks="all",
                enable_idempotence=False,
                max_in_flight_requests_per_connection=1,
                linger_ms=5,
                batch_size=262_144,
                request_timeout_ms=3000,
                delivery_timeout_ms=8000,
                max_block_ms=2000,
                max_request_size=LARGEST_REQUEST,
                allow_auto_create_topics=False,
            )
        return self._producer

    def _replace(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=1.0)
        except KafkaError:
            # `close` gives up at the flush and would leave its thread running for ever.
            producer._sender.force_close()

    def _require_topics(self, messages: Sequence[Message]) -> None:
        """The client says "time-out" for a topic that does not exist: ask, and say it."""
        with suppress(StreamUnavailable):
            missing = {message.topic for message in messages} - topic_names(self._cluster, ASK_MS)
            if missing:
                raise StreamError(f"topic {min(missing)} does not exist: make it as docs/wire-format.md says")


def _topics(messages: Sequence[Message]) -> str:
    return ", ".join(sorted({message.topic for message in messages}))
