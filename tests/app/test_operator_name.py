"""A record names who gave the command, also where the system has no name for them."""

from __future__ import annotations

import os

import pytest

from hadir.app.operator_name import operator_name


def test_the_user_of_the_process_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "siti")
    assert operator_name() == "siti"


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert operator_name() == f"uid {os.getuid()}"
