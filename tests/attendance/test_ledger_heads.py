"""The file of chain heads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hadir.attendance.ledger_heads import Head, read_heads, write_heads
from hadir.core.errors import InputError

ONE, OTHER = Head("topic/0", 7, "a" * 64), Head("human", 1, "b" * 64)


def test_heads_are_appended_and_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    write_heads(path, [ONE], at_ms=1)
    write_heads(path, [OTHER], at_ms=2)
    assert read_heads(path) == [ONE, OTHER]


def test_a_head_is_one_line_of_json(tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    write_heads(path, [ONE], at_ms=5)
    assert json.loads(path.read_text()) == {"chain": "topic/0", "seq": 7, "hash": "a" * 64, "at_ms": 5}


@pytest.mark.parametrize("line", ["{", "[]", '{"chain":"a","seq":"7","hash":"h","at_ms":1}', '{"chain":"a"}'])
def test_an_unreadable_line_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "heads.jsonl"
    write_heads(path, [ONE], at_ms=1)
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=r"heads\.jsonl, line 2"):
        read_heads(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl cannot be read"):
        read_heads(tmp_path / "none.jsonl")
