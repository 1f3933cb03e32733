"""Upgrading from the chart before: what cannot change does not, no data is left, nothing new is asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.chart.keep import keep, previous
from dev.chart.values_file import CHART
from tests.helm.policy import breaches
from tests.helm.rendering import PROFILES, Document, rendered
from tests.helm.test_profiles import references
from tests.helm.upgrade import breaks, changes, previous_values, upgraded

profiles = pytest.mark.parametrize("profile", PROFILES)


@profiles
def test_an_upgrade_with_the_values_of_then_goes_through(profile: str) -> None:
    before, after = upgraded(profile)
    assert breaks(before, after) == []
    assert breaches(after) == []


@profiles
def test_a_rollback_goes_through_as_well(profile: str) -> None:
    before, after = upgraded(profile)
    assert breaks(after, before) == []


@profiles
def test_an_upgrade_asks_for_no_secret_that_was_not_there(profile: str) -> None:
    before, after = upgraded(profile)
    made = {(one["kind"], one["metadata"]["name"]) for one in after}
    clusters = {("Secret", name) for kind, name in made if kind == "RayCluster"}
    assert set(references(after)) - set(references(before)) - made - clusters == set()


@profiles
def test_what_an_upgrade_changes_can_be_read(profile: str) -> None:
    lines = changes(profile)
    assert all(line[:2] in ("+ ", "- ", "~ ") for line in lines)
    assert not [line for line in lines if "helm.sh/chart" in line], "the version alone is no change"


def test_it_is_an_earlier_version() -> None:
    now = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))["version"]
    assert _numbers(previous().stem.removeprefix("hadir-")) < _numbers(now)


def _selector(documents: list[Document]) -> None:
    [members] = [one for one in documents if (one["kind"], one["metadata"]["name"]) == ("Deployment", "hadir")]
    members["spec"]["selector"]["matchLabels"]["app"] = "hadir"


def _claim_gone(documents: list[Document]) -> None:
    documents[:] = [one for one in documents if one["kind"] != "PersistentVolumeClaim"]


def _partitions(documents: list[Document]) -> None:
    next(one for one in documents if one["kind"] == "KafkaTopic")["spec"]["partitions"] = 24


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_selector, "Deployment hadir: spec.selector cannot change"),
        (_claim_gone, "PersistentVolumeClaim hadir-data: holds data"),
        (_partitions, "spec.partitions cannot change: 12 -> 24"),
    ],
)
def test_what_would_break_an_upgrade_is_named(spoil: Callable[[list[Document]], Any], said: str) -> None:
    before = rendered(previous_values("cpu"), chart=previous())
    after = copy.deepcopy(before)
    spoil(after)
    assert [line for line in breaks(before, after) if said in line]


def test_a_version_is_kept_in_the_same_bytes_each_time(tmp_path: Path) -> None:
    first = keep(CHART, tmp_path).read_bytes()
    assert keep(CHART, tmp_path).read_bytes() == first
    assert len(list(tmp_path.iterdir())) == 1


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
