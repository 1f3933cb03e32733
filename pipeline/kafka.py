"""The source as a real Apache Kafka: a member of a consumer group, polling on a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import (
    AuthorizationError,
    CorruptRecordError,
    GroupAuthorizationFailedError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from kafka.structs import MemberState, OffsetAndMetadata

from hadir.core.clock import SystemClock
from hadir.core.errors import LedgerUnavailable, OffsetLost, StreamError
from hadir.pipeline.assignment import Assignment
from hadir.pipeline.kafka_admin import (
    KafkaCluster,
    answering,
    check_topics,
    limit_kafka_logs,
    record_of,
    require_crc32c,
)
from hadir.pipeline.kafka_reads import read_widely
from hadir.pipeline.kafka_refusals import not_allowed
from hadir.pipeline.log_reads import Stretch
from hadir.pipeline.membership import Membership
from hadir.pipeline.offsets_held import require_held
from hadir.pipeline.ports import Record, Wake
from hadir.pipeline.topics import TopicSpec
from hadir.pipeline.watermarks import Watermarks

__all__ = ["KafkaSource"]

_log = structlog.get_logger(__name__)

POLL_MS = 100
"""Shorter polls starve the group's join in kafka-python 3.0.12 (path-speed.md, traps)."""
RETRY_S = 0.5
REQUEST_MS = 3000


class KafkaSource:
    """A member of a consumer group. The client is touched by the polling thread alone, once that has started."""

    def __init__(
        self, cluster: KafkaCluster, topic: TopicSpec, group: str = "hadir", *, session_timeout_ms: int = 15_000
    ) -> None:
        self._cluster, self._topic, self._group = cluster, topic, group
        self._session_timeout_ms = session_timeout_ms
        self._held = Assignment(Watermarks())
        self._closing = threading.Event()
        self._commit_at_s = 0.0
        self._refused: AuthorizationError | None = None
        self._thread: threading.Thread | None = None
        self._wake: Wake = lambda: None
        self._positions: Callable[[Collection[int]], Mapping[int, int]] = lambda _: {}

    def start(self, wake: Wake, positions: Callable[[Collection[int]], Mapping[int, int]]) -> None:
        require_crc32c()
        limit_kafka_logs(SystemClock())
        if not read_widely():
            _log.warning("reads_of_4_kib", note="kafka-python has changed: see kafka_reads.py; slower, nothing else")
        check_topics(self._cluster, [self._topic])
        self._wake, self._positions = wake, positions
        with answering(self._cluster):
            self._consumer = self._cluster.open(
                KafkaConsumer,
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                max_poll_records=64,
                max_partition_fetch_bytes=4 * 1_048_576,
                fetch_max_bytes=16 * 1_048_576,
                check_crcs=True,
                session_timeout_ms=self._session_timeout_ms,
                heartbeat_interval_ms=min(3000, self._session_timeout_ms // 3),
                partition_assignment_strategy=[CooperativeStickyAssignor],
            )
        self._consumer.subscribe([self._topic.name], listener=_Listener(self._held, self._wake))
        self._thread = threading.Thread(target=self._serve, name="hadir-kafka", daemon=True)
        self._thread.start()

    def take(self, limit: int) -> list[Record]:
        return self._held.take(limit)

    def lost(self) -> frozenset[int]:
        return self._held.lost()

    def membership(self) -> Membership:
        return self._held.membership()

    def seek(self, offsets: Mapping[int, int]) -> None:
        self._held.seek(offsets)

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        self._held.commit(next_offsets)

    def pause(self) -> None:
        self._held.pause(True)

    def resume(self) -> None:
        self._held.pause(False)

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _serve(self) -> None:
        try:
            while not self._closing.is_set():
                self._round()
        except StreamError as err:
            self._fail(err)
        except Exception as err:  # noqa: BLE001 - whatever the client does, the loop must hear of it
            self._fail(StreamError(f"the Kafka client failed ({type(err).__name__}: {err}): start again"))
        finally:
            self._leave()

    def _round(self) -> None:
        try:
            if self._refused is not None:
                raise self._refused
            self._seek_and_pause()
            self._send_commits()
            polled = self._consumer.poll(timeout_ms=POLL_MS)
            if self._held.keep([record_of(record) for records in polled.values() for record in records]):
                self._wake()
            self._note_state()
            self._mend_join()
            self._place()
        except NoOffsetForPartitionError:
            self._place()
        except OffsetOutOfRangeError as err:
            # The committed offset of a new partition may be gone while the ledger's is not: placing it decides.
            if not self._held.unplaced():
                raise OffsetLost(
                    f"{self._topic.name}: the next record is not in the log any more ({err}): start again, that says "
                    "which are gone and what to do"
                ) from err
            self._place()
        except AuthorizationError as err:
            needs = (
                f"group {self._group}"
                if isinstance(err, GroupAuthorizationFailedError)
                else f"topic {self._topic.name}"
            )
            raise StreamError(str(not_allowed(self._cluster.bootstrap, f"READ on {needs}"))) from err
        except CorruptRecordError as err:
            raise StreamError(
                f"{self._topic.name} holds a record that fails its checksum: see the brokers' disks"
            ) from err
        except (KafkaError, LedgerUnavailable) as err:
            _log.warning("poll_failed", error=type(err).__name__)
            self._closing.wait(RETRY_S)

    def _note_state(self) -> None:
        """In between, while the group is shared out anew, a member is what it was before."""
        state = self._consumer._coordinator.state
        if state is not MemberState.REBALANCING:
            self._held.joined(state is MemberState.STABLE)

    def _mend_join(self) -> None:
        """Finish a join that the client has forgotten: found on a real broker, one start in about sixty.

        kafka-python 3.0.12 rejoins when the topic's metadata has changed. When a poll times out while that join is
        under way, and the join's own step marks the metadata as seen, then nothing asks for the join any more: it is
        never completed, heartbeats stay off, and the member drops out of the group for ever without a word.
        """
        coordinator = self._consumer._coordinator
        if coordinator.rejoining and not coordinator.need_rejoin():
            _log.info("join_resumed")
            coordinator.request_rejoin()

    def _place(self) -> None:
        """Seek new partitions to the ledger's position, else the committed offset; the first start takes the first."""
        new = self._places(self._held.unplaced())
        if not new:
            return
        try:
            self._consumer.pause(*new)
            stored = self._positions([place.partition for place in new])
            first = self._consumer.beginning_offsets(new, timeout_ms=REQUEST_MS)
            end = self._consumer.end_offsets(new, timeout_ms=REQUEST_MS)
            for place in new:
                committed = self._consumer.committed(place, timeout_ms=REQUEST_MS)
                known = stored.get(place.partition, committed)
                at = first[place] if known is None else known
                require_held(self._topic.name, Stretch(place.partition, first[place], end[place]), at)
                self._consumer.seek(place, at)
                if self._held.place(place.partition) and committed != at:
                    self._held.commit({place.partition: at})
            self._consumer.resume(*new)
        except (KeyError, ValueError):
            # kafka-python's word for a partition that was taken away between two of these calls.
            _log.info("assignment_changed_while_placing")

    def _seek_and_pause(self) -> None:
        for partition, offset in self._held.due_seeks().items():
            with suppress(ValueError):  # taken away meanwhile
                self._consumer.seek(TopicPartition(self._topic.name, partition), offset)
        placed = set(self._places(self._held.placed()))
        paused = placed & self._consumer.paused()
        with suppress(KeyError):  # taken away meanwhile
            if self._held.wants_pause():
                self._consumer.pause(*(placed - paused))
            else:
                self._consumer.resume(*paused)

    def _send_commits(self) -> None:
        if time.monotonic() < self._commit_at_s:
            return
        if due := self._held.due_commits():
            self._consumer.commit_async(self._as_kafkas(due), callback=self._note_answer)

    def _note_answer(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], outcome: object) -> None:
        """Called by the client from within the polling thread."""
        failed = isinstance(outcome, Exception)
        self._held.answered({place.partition: said.offset for place, said in offsets.items()}, taken=not failed)
        if isinstance(outcome, AuthorizationError):
            # A client that reads nothing at the moment hears of it here alone; asking again would not help.
            self._refused = outcome
        if failed:
            # Harmless: the ledger's position rules. It is said again, lest lag be seen where nothing waits.
            self._commit_at_s = time.monotonic() + RETRY_S
            _log.info("commit_not_taken", error=type(outcome).__name__)

    def _as_kafkas(self, offsets: Mapping[int, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        return {TopicPartition(self._topic.name, p): OffsetAndMetadata(offset, "", -1) for p, offset in offsets.items()}

    def _places(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic.name, partition) for partition in partitions]

    def _fail(self, failure: StreamError) -> None:
        self._held.fail(failure)
        self._wake()

    def _leave(self) -> None:
        with suppress(KafkaError):
            if last := self._held.last_commits():
                self._consumer.commit(self._as_kafkas(last), timeout_ms=REQUEST_MS)
        with suppress(KafkaError):
            self._consumer.close(autocommit=False, timeout_ms=REQUEST_MS)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no type information
    """Runs on the client's own thread: only notes, never calls the client (a commit here raises in 3.0.12)."""

    def __init__(self, held: Assignment, wake: Wake) -> None:
        self._held = held
        self._wake = wake

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._held.assigned([place.partition for place in assigned])

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self._held.revoked([place.partition for place in revoked])
        self._wake()

    def on_partitions_lost(self, lost: Collection[TopicPartition]) -> None:
        self.on_partitions_revoked(lost)
