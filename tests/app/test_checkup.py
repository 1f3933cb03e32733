"""The doctor agrees with `hadir run`: what stops a start is bad, with what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hadir.app.checkup import Finding, checkup
from hadir.app.options import settings_of
from hadir.app.wiring import policy_of, serving
from hadir.attendance.yardsticks import Yardsticks
from hadir.core.errors import CalibrationError
from tests.app.site import Site

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
