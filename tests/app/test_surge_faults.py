"""Faults of a surge: read from a file, injected by the clock, always mended."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from textwrap import dedent

import pytest

from hadir.app.options import DEFAULTS
from hadir.app.surge_faults import FAULTS, Breaker, Fault, FaultKind, read_faults
from hadir.core.errors import InputError, SetupError
from hadir.core.settings import load_settings


def faults_file(folder: Path, text: str) -> Path:
    path = folder / "faults.toml"
    path.write_text(text, encoding="utf-8")
    return path


class Parts:
    """Notes what is broken and mended; the first mending of all rings."""

    def __init__(self, can: Collection[FaultKind] = FAULTS) -> None:
        self.notes: list[str] = []
        self.mended = threading.Event()
        self.broken = threading.Event()
        self._can = can

    def can_break(self) -> Collection[FaultKind]:
        return self._can

    def break_it(self, what: FaultKind) -> Callable[[], None]:
        self.notes.append(what)
        self.broken.set()

        def mend() -> None:
            self.notes.append(f"{what} mended")
            self.mended.set()

        return mend


def test_faults_come_in_the_order_of_their_time(tmp_path: Path) -> None:
    text = '[[fault]]\nat_s = 60\nwhat = "kill-broker"\nfor_s = 10\n[[fault]]\nat_s = 5.5\nwhat = "kill-worker"\n'
    first, second = read_faults(faults_file(tmp_path, text))
    assert (first.at_s, first.what) == (5.5, "kill-worker")
    assert (second.at_s, second.what, second.for_s) == (60, "kill-broker", 10)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[fault]]\nat_s = 1\nwhat = "melt-cpu"\n', "melt-cpu"),
        ('[[fault]]\nat_s = 1\nwhat = "kill-worker"\nfro_s = 3\n', "fro_s"),
        ('[[fault]]\nat_s = -1\nwhat = "kill-worker"\n', "-1.0 s"),
        ('[[fault]]\nat_s = nan\nwhat = "kill-worker"\n', "nan s"),
        ('[[fault]]\nat_s = 1\nwhat = "kill-worker"\nfor_s = 9999\n', "600 s"),
        ("fault = 3\n", r"\[\[fault\]\] tables"),
        ("[[fault\n", "not valid TOML"),
    ],
)
def test_what_is_no_fault_is_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_faults(faults_file(tmp_path, text))


def test_a_missing_file_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_faults(tmp_path / "nowhere.toml")


def test_what_was_not_started_here_is_not_broken() -> None:
    with pytest.raises(InputError, match="kill-broker: nothing of that kind"):
        Breaker([Fault(0, "kill-broker")], Parts(["kill-worker"]), lambda: 0.0, lambda _: None)


def test_each_fault_is_injected_and_mended_at_its_time() -> None:
    parts, moments = Parts(), list[str]()
    now_s = iter([0.0, 0.1, 0.1, 0.2, 0.2, 0.3])
    breaker = Breaker([Fault(0.1, "pause-broker", 0.1)], parts, lambda: next(now_s, 99.0), moments.append)
    breaker.start()
    assert parts.mended.wait(30)
    breaker.end()
    assert parts.notes == ["pause-broker", "pause-broker mended"]
    assert moments == ["pause-broker", "pause-broker: mended"]
    assert breaker.done == 1


def test_what_is_broken_when_it_ends_is_mended_and_what_was_to_come_is_left() -> None:
    parts = Parts()
    breaker = Breaker([Fault(0, "stop-database", 500), Fault(400, "kill-worker")], parts, lambda: 1.0, lambda _: None)
    breaker.start()
    assert parts.broken.wait(30)
    breaker.end()
    assert parts.notes == ["stop-database", "stop-database mended"]
    assert breaker.done == 1


def test_what_cannot_be_broken_fails_the_surge() -> None:
    class Stubborn(Parts):
        def break_it(self, what: FaultKind) -> Callable[[], None]:
            self.broken.set()
            raise SetupError(f"no {what} runs")

    parts = Stubborn()
    breaker = Breaker([Fault(0, "kill-worker")], parts, lambda: 1.0, lambda _: None)
    breaker.start()
    assert parts.broken.wait(30)
    with pytest.raises(SetupError, match="kill-worker runs"):
        breaker.end()


def blocks_of(page: str) -> list[str]:
    """Its TOML."""
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    return [dedent(block) for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]


def test_what_the_page_shows_is_what_is_read(tmp_path: Path) -> None:
    settings, faults = blocks_of("surge.md")
    override = tmp_path / "rehearsal.toml"
    override.write_text(settings, encoding="utf-8")
    assert load_settings(DEFAULTS, override).kafka.group == "hadir-rehearsal"
    assert [one.what for one in read_faults(faults_file(tmp_path, faults))] == [
        "kill-worker",
        "pause-broker",
        "kill-station",
        "stop-database",
    ]
