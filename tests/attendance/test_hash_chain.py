"""The chain as anyone can recompute it, and the flaw that each kind of change leaves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.attendance.hash_chain import FIELDS, FORMAT, GENESIS, Link, Value, changed_fields, examine, seal

NAMES = FIELDS[FORMAT]
VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Value]:
    values: dict[str, Value] = {name: draw(VALUES) for name in NAMES}
    return values | {"chain_format": FORMAT}


def chain_of(values: Sequence[dict[str, Value]]) -> list[Link]:
    links: list[Link] = []
    for one in values:
        links.append(seal(one, links[-1].hash if links else GENESIS))
    return links


def flaws_of(links: Sequence[Link]) -> list[tuple[int, str]]:
    """(place, field) of every flaw, walking as verification does."""
    found, before = [], GENESIS
    for place, link in enumerate(links):
        after = links[place + 1].prev_hash if place + 1 < len(links) else None
        flaws, before = examine(before, link, after)
        found += [(place, flaw.field) for flaw in flaws]
    return found


@given(rows(), st.text("0123456789abcdef", min_size=64, max_size=64))
def test_the_standard_library_alone_gives_the_same_hash(values: dict[str, Value], prev_hash: str) -> None:
    def canonical(value: object) -> bytes:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    digests = "".join(
        hashlib.sha256(name.encode() + b"\0" + canonical(values[name])).hexdigest()[:16] for name in NAMES
    )
    payload = {"prev_hash": prev_hash, "field_digests": digests} | {name: values[name] for name in NAMES}
    link = seal(values, prev_hash)
    assert (link.field_digests, link.hash) == (digests, hashlib.sha256(canonical(payload)).hexdigest())


@given(st.lists(rows(), max_size=5))
def test_an_untouched_chain_has_no_flaw(values: list[dict[str, Value]]) -> None:
    assert flaws_of(chain_of(values)) == []


@given(st.lists(rows(), min_size=1, max_size=4), st.data())
def test_any_changed_value_is_found_and_named(values: list[dict[str, Value]], data: st.DataObject) -> None:
    links = chain_of(values)
    place = data.draw(st.integers(0, len(links) - 1))
    name = data.draw(st.sampled_from([name for name in NAMES if name != "chain_format"]))
    other = data.draw(VALUES.filter(lambda value: value != links[place].values[name]))
    links[place] = replace(links[place], values={**links[place].values, name: other})
    assert flaws_of(links) == [(place, name)]


@pytest.mark.parametrize("column", ["field_digests", "prev_hash", "hash"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_changed_seal_is_named_and_blames_no_other_row(column: str, place: int) -> None:
    links = chain_of([dict.fromkeys(NAMES, "x") | {"chain_format": FORMAT, "seq": seq} for seq in range(3)])
    turned = "".join(format(15 - int(digit, 16), "x") for digit in getattr(links[place], column))
    links[place] = Link(**{**asdict(links[place]), column: turned})
    assert flaws_of(links) == [(place, column)]


def test_a_value_changed_together_with_its_digest_is_found_in_its_row() -> None:
    links = chain_of([dict.fromkeys(NAMES, "x") | {"chain_format": FORMAT, "seq": seq} for seq in range(3)])
    forged = seal({**links[1].values, "outcome": "accepted"}, links[1].prev_hash)
    links[1] = replace(links[1], values=forged.values, field_digests=forged.field_digests)
    assert changed_fields(links[1]) == ()
    assert flaws_of(links) == [(1, "field_digests")]


def test_a_row_sealed_anew_breaks_the_link_of_the_next() -> None:
    links = chain_of([dict.fromkeys(NAMES, "x") | {"chain_format": FORMAT, "seq": seq} for seq in range(3)])
    links[1] = seal({**links[1].values, "outcome": "accepted"}, links[1].prev_hash)
    assert flaws_of(links) == [(2, "prev_hash")]


def test_two_rows_that_changed_places_are_found() -> None:
    links = chain_of([dict.fromkeys(NAMES, "x") | {"chain_format": FORMAT, "seq": seq} for seq in range(3)])
    assert flaws_of([links[1], links[0], links[2]])


def test_the_digest_covers_the_name_of_the_field() -> None:
    """Two fields of equal value must not be exchangeable."""
    values: dict[str, Value] = dict.fromkeys(NAMES, "x")
    digests = seal(values | {"chain_format": FORMAT}, GENESIS).field_digests
    assert digests[:16] != digests[16:32]
