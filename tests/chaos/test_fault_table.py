"""The page of faults names tests that exist, for every one of the 46 faults, or says why there is none."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAULTS = 46
NODE = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@cache
def rows() -> dict[int, list[str]]:
    """The cells of each numbered row."""
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if re.match(r"\| \d+ \|", line)]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len(cells) == len({int(row[0]) for row in cells}), "a fault stands there twice"
    return {int(row[0]): row[1:] for row in cells}


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_fault_has_a_row() -> None:
    assert sorted(rows()) == list(range(1, FAULTS + 1))


@pytest.mark.parametrize("number", range(1, FAULTS + 1))
def test_a_row_names_tests_that_exist_or_says_why_there_is_none(number: int) -> None:
    fault, expected, seen, command = rows()[number]
    assert all((fault, expected, seen))
    named = NODE.findall(command)
    assert named or command.startswith("none: ")
    assert NODE.sub("", command).strip() == ("" if named else command)
    for path, name in named:
        assert name in names_in(path), f"{path} has no {name}"
