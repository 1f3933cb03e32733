"""The live view: whole at narrow and wide terminals, silent where there is none."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from hadir.app.board import Board, Sheet
from hadir.app.live import LiveView, render

LONG = "Presensi Anda belum dapat diterima. Wajah menoleh dari kamera: hadap lurus ke kamera, lalu ulangi. " * 2


@pytest.fixture
def board() -> Board:
    board = Board()
    board.received(140, 1.0)
    for outcome, count in (("accepted", 70), ("review", 20), ("rejected", 40)):
        for _ in range(count):
            board.decided(outcome, ["ok"], LONG, 0.12, 1.5)
    board.dead_letter("undecodable", 2.0)
    board.moment("face actor 0 (pid 4711) killed by the demo", 3.2)
    return board


def drawn(sheet: Sheet, columns: int) -> str:
    console = Console(file=io.StringIO(), width=columns, height=40, force_terminal=False)
    workers = ["actor 0  pid 4711  restarts 1  210 MB", "actor 1  pid 4712  restarts 0  211 MB"]
    console.print(render(sheet, "Hadir · memory · ray", 282, workers, 0.4))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize("columns", [80, 120])
def test_it_fits_and_shows_what_matters(board: Board, columns: int) -> None:
    text = drawn(board.sheet(), columns)
    assert max(map(len, text.splitlines())) <= columns
    for word in ("140", "130", "0.12/0.12/0.12 s", "70", "20", "40", "4711", "restarts 1", "killed by the demo"):
        assert word in text
    for name in ("received", "decided", "oldest open", "duplicates", "dead letters", "accepted", "review", "rejected"):
        assert name in text


def test_before_the_first_record_it_is_there_already() -> None:
    text = drawn(Board().sheet(), 80)
    assert "received" in text
    assert "–" in text


def test_where_there_is_no_terminal_nothing_is_drawn(board: Board) -> None:
    file = io.StringIO()
    with LiveView(lambda: render(board.sheet(), "", None, [], 0.0), Console(file=file)):
        pass
    assert file.getvalue() == ""


def test_on_a_terminal_the_last_picture_stays(board: Board) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, height=40)
    with LiveView(lambda: render(board.sheet(), "Hadir", 282, [], 0.0), console):
        pass
    assert "130" in file.getvalue()
