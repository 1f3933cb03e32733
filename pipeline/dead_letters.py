"""Records that were set aside: read them, and give them back to the topic they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from hadir.core.message import Message
from hadir.pipeline.ports import Record, Sink
from hadir.pipeline.topics import CHECK_INS

__all__ = ["DeadLetter", "read_dead_letters", "replay"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record of `hadir.dead-letters.v1`. `id` is None where none could be read."""

    id: str | None
    code: str
    source_topic: str
    partition: int
    offset: int
    attempts: int
    record: Record


def read_dead_letters(records: Iterable[Record]) -> Iterator[DeadLetter]:
    """Records of the dead-letter topic, in order. A record there that Hadir did not write has code `unknown`."""
    for record in records:
        headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
        yield DeadLetter(
            id=headers.get("id") or None,
            code=headers.get("code", "unknown"),
            source_topic=headers.get("source_topic", ""),
            partition=_number(headers.get("partition")),
            offset=_number(headers.get("offset")),
            attempts=_number(headers.get("attempts")),
            record=record,
        )


def replay(letters: Iterable[DeadLetter], sink: Sink, codes: Collection[str] = ("undecodable",)) -> int:
    """Send the original bytes under the original key back to the check-in topic; returns how many.

    Each content once, however many letters hold it: one that fails again becomes a letter again, and would otherwise be
    sent twice as often the next time. Only letters of the given codes that came from the check-in topic: nobody may use
    a header to write elsewhere. It serves after a fault was mended. An id that has a row is answered with that row's
    verdict again, never decided anew.

    Raises:
        StreamUnavailable, StreamError: as the sink; what was sent before may be in the log, and may be sent again.
    """
    sent: set[tuple[bytes | None, bytes]] = set()
    for letter in letters:
        content = (letter.record.key, hashlib.sha256(letter.record.value).digest())
        if letter.code in codes and letter.source_topic == CHECK_INS and content not in sent:
            sink.send([Message(CHECK_INS, letter.record.key, letter.record.value)])
            sent.add(content)
    return len(sent)


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() else -1
