"""The doctor agrees with `hadir run`: what stops a start is bad, with what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hadir.app.checkup import Finding, checkup
from hadir.app.demo_people import RealPerson
from hadir.app.options import settings_of
from hadir.app.wiring import assembler, policy_of, serving
from hadir.attendance.yardsticks import Yardsticks
from hadir.core.clock import SystemClock
from hadir.core.errors import CalibrationError, ConfigError
from hadir.core.settings import Settings
from hadir.index.pointers import read_pointers
from tests.app.command_line import hadir
from tests.app.site import Site, make_site

SHIPPED = Path(__file__).parents[2] / "app" / "policy.toml"


def thresholds_by_rates(site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch, **rates: str) -> list[Finding]:
    """What the doctor says of this site's thresholds under another policy, and that `run` agrees."""
    text = SHIPPED.read_text(encoding="utf-8")
    for name, rate in {"accept_fmr": "1e-3", "review_fmr": "1e-2", "identify_fmr": "1e-4", **rates}.items():
        text = "\n".join(f"{name} = {rate}" if line.startswith(name) else line for line in text.splitlines())
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("HADIR_ATTENDANCE__POLICY", str(folder / "policy.toml"))
    settings = settings_of(site.config)
    found = [one for one in checkup(settings) if one.part == "thresholds"]
    try:
        Yardsticks(policy_of(settings)).register("s", serving(settings).yardstick)
    except CalibrationError:
        assert any(one.state == "bad" for one in found)
    else:
        assert all(one.state != "bad" for one in found)
    return found


@pytest.mark.slow  # it waits for a Kafka that is not there
@pytest.mark.parametrize(
    ("rates", "states"),
    [
        ({"accept_fmr": "1e-6", "identify_fmr": "1e-6"}, ["bad", "ok", "note"]),
        ({"accept_fmr": "1e-6", "review_fmr": "1e-6", "identify_fmr": "1e-6"}, ["bad", "bad", "note"]),
        ({"identify_fmr": "1e-6"}, ["ok", "ok", "note"]),
    ],
    ids=["accept", "review", "identify"],
)
def test_a_rate_that_nothing_supports_is_as_bad_as_run_finds_it(
    served_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rates: dict[str, str], states: list[str]
) -> None:
    found = thresholds_by_rates(served_site, tmp_path, monkeypatch, **rates)
    assert [one.state for one in found] == states
    assert all(one.do for one in found if one.state != "ok")


def found_of(settings: Settings, part: str) -> list[Finding]:
    return [one for one in checkup(settings) if one.part == part]


@pytest.mark.slow
def test_placements_that_no_run_takes_are_bad(
    served_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Path(settings_of(served_site.config).attendance.placements)
    head, first, *others = before.read_text(encoding="utf-8").splitlines()
    cells = dict(zip(head.split(","), first.split(","), strict=True)) | {"person": "P99999", "unit": ""}
    strange = ",".join(cells.values())
    (tmp_path / "placements.csv").write_text("\n".join([head, first, *others, strange]), encoding="utf-8")
    monkeypatch.setenv("HADIR_ATTENDANCE__PLACEMENTS", str(tmp_path / "placements.csv"))
    settings = settings_of(served_site.config)
    with pytest.raises(ConfigError):
        assembler(settings, policy_of(settings), Yardsticks(policy_of(settings)), SystemClock().now_ms())
    assert [one.state for one in found_of(settings, "rules")] == ["bad"]


@pytest.mark.slow
def test_what_is_not_there_yet_is_missing_and_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = hadir("doctor", "--json")
    states = {one["part"]: one["state"] for one in said.document()["parts"]}
    assert said.code == 3
    assert said.document()["healthy"] is False
    assert [states[part] for part in ("snapshot", "roster", "kafka")] == ["missing"] * 3


@pytest.mark.slow
def test_damaged_refusals_and_a_previous_snapshot_that_cannot_serve_are_bad(
    people: list[RealPerson], tmp_path: Path
) -> None:
    site = make_site(tmp_path, people, SystemClock().now_ms())
    site.serve()
    assert site("index", "build", "--synthetic", "3").code == 0
    assert site("index", "promote", "--reason", "more", "--force").code == 0
    settings = settings_of(site.config)
    assert [one.state for part in ("gallery", "previous") for one in found_of(settings, part)] == ["ok", "ok"]
    root = Path(settings.stores.snapshots)
    (root / str(read_pointers(root).previous) / "people.json").write_bytes(b"[]")
    [gallery] = Path(settings.stores.gallery).glob("*/gallery.json")
    gallery.with_name("refusals.json").write_bytes(b"[]")
    assert [one.state for part in ("gallery", "previous") for one in found_of(settings, part)] == ["bad", "bad"]


@pytest.mark.slow
def test_a_snapshot_of_nobody_is_not_ready(people: list[RealPerson], tmp_path: Path) -> None:
    site = make_site(tmp_path, people[:1], SystemClock().now_ms())
    site.serve()
    assert site("gallery", "erase", people[0].person, "--reason", "last").code == 0
    assert [one.state for one in found_of(settings_of(site.config), "snapshot")] == ["missing"]
