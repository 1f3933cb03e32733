"""What a surge sends: each check-in with the verdict that it must get, laid down before the first is sent."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from hadir.app.surge_cast import Cast, Signer, stamped
from hadir.core.check_in import Channel, CheckIn, Direction
from hadir.core.verdict import Outcome, Reason
from hadir.pipeline.codec import content_sha256, encode_check_in

__all__ = ["SHARES", "Due", "Kind", "content_of", "lay_out", "make_check_in"]

_HOUR_MS = 3_600_000

Verdict = tuple[Outcome, Reason]


class Kind(StrEnum):
    """What is played."""

    HONEST = "honest"
    COLLEAGUE = "a colleague's face"
    OUTSIDE = "outside the fence"
    WRONG_CLOCK = "a clock an hour behind"
    RESENT = "honest, sent twice"


SHARES: Mapping[Kind, float] = {
    Kind.HONEST: 0.93,
    Kind.COLLEAGUE: 0.02,
    Kind.OUTSIDE: 0.02,
    Kind.WRONG_CLOCK: 0.01,
    Kind.RESENT: 0.02,
}
"""Mostly honest people, as in a true morning, and of everything else enough that a pipeline which accepts everybody, or
counts twice, is found out. Assumed, not measured."""


@dataclass(frozen=True, slots=True)
class Due:
    """One check-in to send. `at_s` is when, from the start; `may_become` are the verdicts that are right: outcome, and
    one of its reasons."""

    id: str
    at_s: float
    kind: Kind
    signer: Signer
    photo: int
    may_become: frozenset[Verdict]

    def is_right(self, outcome: str, reasons: Sequence[str]) -> bool:
        """Whether a verdict is one of those."""
        return any(outcome == right.value and reason.value in reasons for right, reason in self.may_become)


def lay_out(cast: Cast, times_s: NDArray[np.float64], seed: int) -> list[Due]:
    """One check-in for each moment of `times_s`, (N,) seconds, ascending. Everybody comes once before anybody comes
    again. What is played follows from `seed`; ids are new every time, or a second surge would repeat the first."""
    rng = np.random.default_rng(seed)
    kinds = list(SHARES)
    drawn = rng.choice(len(kinds), len(times_s), p=list(SHARES.values()))
    order = rng.permutation(len(cast.signers))
    return [
        _due(cast.signers[order[number % len(order)]], kinds[drawn[number]], float(at_s), rng)
        for number, at_s in enumerate(times_s)
    ]


def make_check_in(due: Due, cast: Cast, now_ms: int) -> CheckIn:
    """As the phone would make it at `now_ms`: the same each time, and another file than any other check-in's."""
    place = due.signer.place
    return CheckIn(
        id=due.id,
        person=due.signer.person,
        direction=Direction.IN,
        channel=Channel.FACE,
        captured_at_ms=now_ms - (_HOUR_MS if due.kind is Kind.WRONG_CLOCK else 0),
        fix=place.away if due.kind is Kind.OUTSIDE else place.here,
        photos=(stamped(cast.photos[due.photo], due.id.encode()),),
    )


def content_of(check_in: CheckIn) -> str:
    """The digest that the pipeline will know its content by."""
    return content_sha256(msgspec.msgpack.decode(encode_check_in(check_in)))


def _due(signer: Signer, kind: Kind, at_s: float, rng: np.random.Generator) -> Due:
    if kind is Kind.COLLEAGUE and not signer.colleagues:
        kind = Kind.HONEST
    faces = signer.colleagues if kind is Kind.COLLEAGUE else signer.selfies
    photo = faces[int(rng.integers(len(faces)))]
    return Due(str(uuid.uuid4()), at_s, kind, signer, photo, _may_become(kind, signer.place.on_shift))


def _may_become(kind: Kind, on_shift: bool | None) -> frozenset[Verdict]:
    if kind is Kind.COLLEAGUE:
        # Who else it shows may stand out or not; the third time of a person a human looks at it.
        return frozenset(
            {
                (Outcome.REJECTED, Reason.IMPOSTOR_SUSPECTED),
                (Outcome.REJECTED, Reason.FACE_MISMATCH),
                (Outcome.REVIEW, Reason.FACE_MISMATCH),
            }
        )
    if kind is Kind.OUTSIDE:
        return frozenset({(Outcome.REJECTED, Reason.OUTSIDE_SITE)})
    if kind is Kind.WRONG_CLOCK:
        return frozenset({(Outcome.REVIEW, Reason.CLOCK_SKEW)})
    on_time = {(Outcome.ACCEPTED, Reason.OK), (Outcome.ACCEPTED, Reason.LATE)}
    off_shift = {(Outcome.REVIEW, Reason.OUTSIDE_SHIFT)}
    return frozenset({True: on_time, False: off_shift, None: on_time | off_shift}[on_shift])
