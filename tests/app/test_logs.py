"""What a log line may hold: JSON, the error and where it was; never the values of variables."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from hadir.app.logs import log_to


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A log of this test's own; the handlers of before come back."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    log_to(tmp_path / "log.jsonl")
    yield tmp_path / "log.jsonl"
    for handler in list(root.handlers):
        handler.close()
        root.removeHandler(handler)
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


def test_an_exception_is_told_with_its_place_and_without_the_values_around_it(log: Path) -> None:
    def fails(photo: str) -> None:
        raise ValueError(f"{len(photo)} bytes are no photo")

    try:
        fails("somebody's face")
    except ValueError:
        structlog.get_logger("hadir.test").exception("it_failed")
    [line] = log.read_text(encoding="utf-8").splitlines()
    told = json.loads(line)
    assert told["exception"][0]["exc_type"] == "ValueError"
    assert [frame["name"] for frame in told["exception"][0]["frames"]][-1] == "fails"
    assert "somebody" not in line
