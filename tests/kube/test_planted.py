"""Planted mistakes: a server that takes one, or refuses it for another reason, is found out."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from dev.kube.api_server import Answer
from dev.kube.planted import PLANTED, refusals
from hadir.core.errors import InputError
from tests.helm.rendering import missing_helm, render
from tests.kube.run_cluster import pod_documents

pytestmark = pytest.mark.skipif(missing_helm() is not None, reason=str(missing_helm()))


def documents() -> list[dict[str, Any]]:
    rendered = render("cpu")
    return [*pod_documents(rendered), *rendered]


def says(status: int, out: str, err: str) -> Answer:
    return Answer(subprocess.CompletedProcess([], status, out, err))


def test_a_server_that_takes_everything_is_found_out() -> None:
    assert not any(one.good for one in refusals(documents(), lambda _: says(0, "deployment.apps/hadir\n", "")))


def test_a_refusal_for_another_reason_does_not_count() -> None:
    assert not any(one.good for one in refusals(documents(), lambda _: says(1, "", "connection refused")))


def test_a_refusal_that_names_the_mistake_counts() -> None:
    every_name = " ".join(word for one in PLANTED for word in one.named)
    assert all(one.good for one in refusals(documents(), lambda _: says(1, "", every_name)))


def test_each_mistake_is_planted_alone_into_a_copy() -> None:
    given = documents()
    before = repr(given)
    asked: list[int] = []

    def take(wrong: Sequence[dict[str, Any]]) -> Answer:
        asked.append(len(wrong))
        assert [one for one in wrong if one in given] == []
        return says(1, "", "")

    assert len(list(refusals(given, take))) == len(PLANTED)
    assert asked == [1] * len(PLANTED)
    assert repr(given) == before


def test_a_kind_that_is_missing_is_named() -> None:
    without = [one for one in documents() if one["kind"] != "KafkaTopic"]
    with pytest.raises(InputError, match="no KafkaTopic to plant"):
        list(refusals(without, lambda _: says(1, "", "")))
