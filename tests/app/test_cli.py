"""What holds for every command, found by walking the command line itself."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from hadir.app.cli import application
from tests.app.command_line import hadir

COLUMNS = 100


def commands() -> Iterator[tuple[str, ...]]:
    """The path of every command that does something."""

    def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        children = getattr(command, "commands", None)
        if children is None:
            yield path
            return
        for name, child in children.items():
            yield from walk(child, (*path, name))

    yield from walk(typer.main.get_command(application()), ())


def leaf(path: tuple[str, ...]) -> Any:
    found: Any = typer.main.get_command(application())
    for name in path:
        found = found.commands[name]
    return found


every_command = pytest.mark.parametrize("path", list(commands()), ids=" ".join)


def test_every_promised_command_is_there() -> None:
    promised = "demo run send enroll verify compare evaluate explain doctor bench index ledger dead-letters"
    promised_below = {
        *(("index", name) for name in ("build", "list", "show", "diff", "verify")),
        *(("index", name) for name in ("promote", "rollback", "history", "prune")),
        *(("ledger", name) for name in ("verify", "export")),
        *(("dead-letters", name) for name in ("list", "replay")),
    }
    found = set(commands())
    assert {path[0] for path in found} >= set(promised.split())
    assert found >= promised_below


@every_command
def test_help_says_what_it_does_shows_an_example_and_offers_json(path: tuple[str, ...]) -> None:
    said = hadir(*path, "--help")
    assert said.code == 0
    assert not said.err
    assert "--json" in said.out
    assert f"Example:  hadir {' '.join(path)}" in said.out
    assert (leaf(path).help or "").strip()


@every_command
def test_the_example_of_the_help_is_a_command_that_is_understood(path: tuple[str, ...]) -> None:
    for example in re.findall(r"hadir ([^>]*)", leaf(path).epilog.replace("   or   ", " > ")):
        arguments = shlex.split(example)
        assert tuple(arguments[: len(path)]) == path
        leaf(path).make_context("hadir", arguments[len(path) :])


@every_command
def test_an_unknown_option_is_wrong_use(path: tuple[str, ...]) -> None:
    said = hadir(*path, "--no-such-option")
    assert said.code == 2
    assert "--no-such-option" in said.problem()
    assert f"hadir {' '.join(path)} --help" in said.problem()
    assert not said.out


@every_command
def test_with_json_even_wrong_use_is_one_document(path: tuple[str, ...]) -> None:
    said = hadir(*path, "--json", "--no-such-option")
    assert said.code == 2
    assert said.document().keys() == {"error", "message"}
    assert said.document()["error"] == "usage"


@pytest.mark.parametrize("arguments", [(), ("index",), ("ledger",), ("dead-letters",)], ids=" ".join)
def test_without_a_command_the_help_is_all_that_is_said(arguments: tuple[str, ...]) -> None:
    said = hadir(*arguments)
    assert said.code == 2
    assert "Commands" in said.out
    assert not said.err


def test_a_choice_is_refused_in_plain_words() -> None:
    said = hadir("run", "--pool", "threads")
    assert said.code == 2
    assert "'threads' is not one of 'inline', 'ray'" in said.problem()
    assert "Value error" not in said.err


def test_the_program_imports_nothing_heavy_before_it_knows_what_is_asked() -> None:
    """Half a second of imports in front of every --help and every usage error."""
    heavy = ("ray", "faiss", "onnxruntime", "cv2", "kafka", "sqlalchemy", "pyarrow", "matplotlib")
    code = f"import sys, hadir.app.cli as c; c.application(); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_ctrl_c_is_a_sentence_and_130_also_for_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """typer turns it into an exit code of its own, without a word."""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hadir.app.checkup.checkup", interrupted)
    said = hadir("doctor", "--json")
    assert said.code == 130
    assert said.document()["error"] == "interrupted"
    assert said.problem().startswith("hadir: stopped by you")


def test_what_nobody_foresaw_is_a_sentence_with_the_trace_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("hadir.app.checkup.checkup", broken)
    said = hadir("doctor", "--json")
    assert (said.code, said.document()["error"]) == (1, "internal")
    kept = Path(said.problem().split()[-1])
    assert "a defect" in kept.read_text(encoding="utf-8")
    kept.unlink()
