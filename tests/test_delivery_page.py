"""docs/delivery.md promises only what a test shows, and lists the permissions that were tried."""

from __future__ import annotations

import re

import pytest

from tests.pipeline.test_kafka_secured import RECONCILE, RUN, SEND, Permission
from tests.source_tree import ROOT

PAGE = (ROOT / "docs" / "delivery.md").read_text(encoding="utf-8")
CLAIMS = re.findall(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)", PAGE)


def test_every_claim_names_a_test_that_is_there() -> None:
    assert len(CLAIMS) > 25
    absent = [(name, file) for name, file in CLAIMS if f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8")]
    assert absent == []


def test_no_test_is_named_without_its_file() -> None:
    assert len(re.findall(r"`test_\w+`", PAGE)) == len(CLAIMS)


@pytest.mark.parametrize(
    ("command", "permissions"), [("`hadir run`", RUN), ("`hadir send`", SEND), ("`hadir reconcile`", RECONCILE)]
)
def test_the_permissions_of_the_page_are_those_that_were_tried(
    command: str, permissions: tuple[Permission, ...]
) -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| {command}") and "READ" in line]
    for resource, name, operation in permissions:
        parts = [part for part in row.split(";") if f"`{name}`" in part and (resource == "topic") != ("group" in part)]
        assert any(operation.upper() in part for part in parts), (command, name, operation)
