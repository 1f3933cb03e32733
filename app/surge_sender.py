"""Sends check-ins at their moments, whatever the pipeline does: what is late goes at once, and counts as late."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from hadir.app.surge_cast import Cast
from hadir.app.surge_plan import Due, Kind, make_check_in
from hadir.app.surge_watch import SurgeWatch
from hadir.core.check_in import CheckIn
from hadir.core.clock import Clock
from hadir.core.errors import StreamUnavailable
from hadir.core.message import Message
from hadir.pipeline.codec import encode_check_in
from hadir.pipeline.ports import Sink

__all__ = ["Sender"]

_MOST_TOGETHER = 64
_AGAIN_S = 0.2


class Sender:
    """An open loop on a thread of its own. An outage of the log holds it up, as it holds up phones: what was not
    acknowledged is sent again, under the same id and with the same bytes, until it is, or until `stop`."""

    def __init__(
        self, sink: Sink, topic: str, cast: Cast, plan: Sequence[Due], *, watch: SurgeWatch, clock: Clock
    ) -> None:
        self._sink, self._topic, self._cast, self._plan = sink, topic, cast, plan
        self._watch, self._clock = watch, clock
        self._end = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="sender")
        self.sent: dict[str, int] = {}
        """Id to the time at which it was made, UTC ms, of every check-in that the log has acknowledged."""
        self.unsure: dict[str, int] = {}
        """The same of what was stopped before an acknowledgement: it may be in the log."""
        self.again = 0
        """Records sent once more because the log did not acknowledge."""
        self.cpu_s = 0.0
        """Processor time of the sending thread."""
        self.behind_s = 0.0
        """The longest that a check-in waited for its turn to be sent."""

    def start(self) -> None:
        """The plan's moments count from the watch's start."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more. Idempotent, from any thread."""
        self._end.set()

    def alive(self) -> bool:
        """Whether anything is left to send."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Until the last is sent. Raises what has ended it: StreamError where the log refuses for good."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        began_s = time.thread_time()
        try:
            for dues in self._groups():
                self._send(dues)
        except BaseException as error:  # noqa: BLE001 - handed to `join`, which raises it
            self._error = error
        finally:
            self.cpu_s = time.thread_time() - began_s
            self._sink.close()

    def _groups(self) -> Iterator[list[Due]]:
        """What is due together, as soon as the first of it is."""
        at = 0
        while at < len(self._plan) and not self._end.is_set():
            if (early_s := self._plan[at].at_s - self._watch.now_s()) > 0:
                self._end.wait(early_s)
                continue
            now_s, end = self._watch.now_s(), at
            while end < min(len(self._plan), at + _MOST_TOGETHER) and self._plan[end].at_s <= now_s:
                end += 1
            self.behind_s = max(self.behind_s, now_s - self._plan[at].at_s)
            yield list(self._plan[at:end])
            at = end

    def _send(self, dues: Sequence[Due]) -> None:
        now_ms = self._clock.now_ms()
        made = [make_check_in(due, self._cast, now_ms) for due in dues]
        messages = [self._message(one) for one in made]
        twice = [message for due, message in zip(dues, messages, strict=True) if due.kind is Kind.RESENT]
        self._watch.sending(dues)
        told = self._deliver(messages) and (not twice or self._deliver(twice))
        account = self.sent if told else self.unsure
        account.update((due.id, now_ms) for due in dues)

    def _deliver(self, messages: Sequence[Message]) -> bool:
        """False where it was stopped before the log has acknowledged all."""
        while True:
            try:
                self._sink.send(messages)
            except StreamUnavailable:
                self.again += len(messages)
                if self._end.wait(_AGAIN_S):
                    return False
            else:
                return True

    def _message(self, check_in: CheckIn) -> Message:
        return Message(self._topic, check_in.person.encode(), encode_check_in(check_in))
