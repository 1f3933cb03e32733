"""A runbook for every alert, an alert for every runbook; every command in them parses and every metric exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from dev.watch.promql import named_in
from dev.watch.rules import alerts, recordings
from hadir.app.cli import application
from hadir.core.metrics import METRICS

RUNBOOKS = Path(__file__).resolve().parents[2] / "docs" / "runbooks"
PAGES = sorted(path for path in RUNBOOKS.glob("*.md") if path.name != "README.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
IN_TEXT = re.compile(r"`(hadir [a-z][^`]*)`")
MOST_LINES = 70


def blocks(path: Path, language: str) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [line for kind, body in BLOCK.findall(text) if kind == language for line in body.splitlines() if line]


def queries() -> Iterator[str]:
    for path in PAGES:
        yield from blocks(path, "promql")


def commands() -> Iterator[str]:
    """Whole commands, and those that a sentence only names."""
    for path in sorted(RUNBOOKS.glob("*.md")):
        yield from (line for line in blocks(path, "bash") if line.startswith("hadir "))
        yield from IN_TEXT.findall(BLOCK.sub("", path.read_text(encoding="utf-8")))


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert {path.stem for path in PAGES} == {alert.name for alert in alerts()}


def test_the_index_names_every_alert_with_its_severities() -> None:
    rows = dict(
        re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| ([a-z, ]+) \|", (RUNBOOKS / "README.md").read_text(), re.MULTILINE)
    )
    wanted: dict[str, set[str]] = {}
    for alert in alerts():
        wanted.setdefault(alert.name, set()).add(alert.severity)
    assert {name: set(text.split(", ")) for name, text in rows.items()} == wanted


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_runbook_says_how_to_confirm_what_to_do_and_when_to_stop_worrying(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.stem}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Confirm", "Do", "When to stop worrying"]
    assert blocks(path, "promql")
    assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_runbook_speaks_of_every_cause_of_its_alert(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    causes = {alert.cause for alert in alerts() if alert.name == path.stem and alert.cause}
    assert [cause for cause in causes if cause not in text] == []


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_a_query_of_a_runbook_names_only_what_exists(query: str) -> None:
    known = {"up", *METRICS, *(one.name for one in recordings())}
    stems = {re.sub(r"_(bucket|count|sum)$", "", name) for name in named_in(query).metrics}
    assert stems - {str(name) for name in known} == set()


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_a_command_of_a_runbook_parses(command: str) -> None:
    words = shlex.split(command)[1:]
    found: Any = typer.main.get_command(application())
    while children := getattr(found, "commands", None):
        name = words.pop(0)
        assert name in children, command
        found = children[name]
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {option for option in known if option.startswith("--")}
    assert [word for word in words if word.startswith("--") and word not in known] == []
