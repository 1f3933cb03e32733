"""What `make watch-test` plays, and what it says of it; that it is played at all takes twenty minutes and servers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dev.watch.rules import alerts
from tests.watch.run_watch import Row, main, table
from tests.watch.watch_faults import FAULTS

GOOD = Row("HadirDeadLetters", "ticket", "noise", 1.5, 30.0, silent_before=True)


def test_every_alert_has_a_fault_that_is_planted() -> None:
    planted = {name for fault in FAULTS for name, _ in (*fault.fires, *fault.afterwards)}
    assert planted == {alert.name for alert in alerts()}


def test_every_planted_alert_exists_with_its_severity() -> None:
    planted = {alarm for fault in FAULTS for alarm in (*fault.fires, *fault.afterwards)}
    assert planted - {(alert.name, alert.severity) for alert in alerts()} == set()


@pytest.mark.parametrize(
    "change", [{"fired_after_s": None}, {"resolved_after_s": None}, {"silent_before": False}], ids=str
)
def test_an_alert_fails_that_did_not_fire_did_not_end_or_fired_on_a_normal_morning(change: dict[str, Any]) -> None:
    bad = replace(GOOD, **change)
    assert GOOD.passed
    assert not bad.passed
    said = table([GOOD, bad], partly=True)
    assert "1 of 2 as they must be" in said
    assert "FAILED: HadirDeadLetters/ticket" in said


def test_an_alert_that_has_no_fault_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--only", "HadirNothing"])
    assert left.value.code == 2
    assert "HadirNothing" in capsys.readouterr().err
