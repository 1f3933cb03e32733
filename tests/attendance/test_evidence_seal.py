"""A sealed side-table row: what was changed is named, and after erasure nothing can be guessed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.attendance.evidence_seal import SALT_BYTES, changed_parts, evidence_sha256, read_body, seal_evidence

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(st.text(min_size=1, max_size=8), JSON, max_size=5)
SALTS = st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES)


@given(BODIES, SALTS)
def test_a_stored_body_reads_back_and_keeps_its_seal(body: Mapping[str, object], salt: bytes) -> None:
    sealed = seal_evidence(body, salt)
    assert read_body(sealed.text) == body
    assert sealed.sha256 == hashlib.sha256(salt + sealed.text.encode()).hexdigest()
    assert seal_evidence(read_body(sealed.text), salt) == sealed


@given(BODIES.filter(bool), SALTS, st.data())
def test_the_changed_part_is_named(body: dict[str, object], salt: bytes, data: st.DataObject) -> None:
    sealed = seal_evidence({**body, "beside": 1}, salt)
    part = data.draw(st.sampled_from(sorted(body)).filter(lambda name: name != "beside"))
    forged = seal_evidence({**body, "beside": 1, part: ["changed", body[part]]}, salt)
    assert evidence_sha256(forged.text, salt) != sealed.sha256
    assert changed_parts(forged.text, salt, sealed.digests) == (part,)


def test_added_removed_and_unreadable_bodies_are_told_apart() -> None:
    salt = bytes(SALT_BYTES)
    sealed = seal_evidence({"face": 1, "fix": 2}, salt)
    assert changed_parts('{"face":1}', salt, sealed.digests) == ("fix",)
    assert changed_parts('{"face":1,"fix":2,"more":3}', salt, sealed.digests) == ("more",)
    assert changed_parts("{", salt, sealed.digests) == ("body",)
    assert changed_parts(sealed.text + " ", salt, sealed.digests) == ("body",)
    assert changed_parts(sealed.text, b"another sixteen.", sealed.digests) == ("salt",)


def test_equal_bodies_have_unequal_digests_under_their_own_salts() -> None:
    """After erasure a digest must not tell who else had this evidence."""
    one, other = (seal_evidence({"fix": 1}, salt) for salt in (bytes(16), bytes(15) + b"\1"))
    assert one.sha256 != other.sha256
    assert one.digests != other.digests


def test_a_short_salt_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes, not 3"):
        seal_evidence({}, b"abc")
