"""A demo deletes what a demo made, and nothing else of anybody's."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hadir.app.demo_folder import MARK, demo_folder, forget_earlier_demo
from hadir.core.errors import InputError, SetupError
from tests.app.command_line import hadir


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def a_site(tmp_path: Path) -> Path:
    """A site of somebody's own: settings, faces, a ledger, under the very names that a demo uses."""
    site = tmp_path / "site"
    (site / "photos").mkdir(parents=True)
    (site / "photos" / "a-0001.jpg").write_bytes(b"a face")
    (site / "hadir.toml").write_text("[run]\npool = 'ray'\n", encoding="utf-8")
    (site / "ledger.db").write_bytes(b"verdicts of a year")
    return site


@pytest.fixture
def an_earlier_demo(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    with demo_folder(folder):
        (folder / "hadir.toml").write_text("[run]\n", encoding="utf-8")
        (folder / "snapshots" / "s").mkdir(parents=True)
        (folder / "ledger.db").write_bytes(b"verdicts of a demo")
    return folder


def test_a_site_is_no_demo_though_it_has_settings_and_a_ledger(a_site: Path) -> None:
    before = contents(a_site)
    said = hadir("demo", "--folder", a_site, "--pool", "inline")
    assert said.code == 1
    assert "stays as it is" in said.problem()
    assert contents(a_site) == before


@pytest.mark.parametrize("mark", [b"", b"{}", b"[]", b'{"format": "hadir-demo/0"}', b"\xff"])
def test_a_file_of_the_marks_name_is_not_the_mark(a_site: Path, mark: bytes) -> None:
    (a_site / MARK).write_bytes(mark)
    before = contents(a_site)
    with pytest.raises(InputError, match="other things"), demo_folder(a_site):
        pass
    assert contents(a_site) == before


def test_what_a_demo_made_goes_and_what_somebody_added_stays(an_earlier_demo: Path, tmp_path: Path) -> None:
    (an_earlier_demo / "notes.txt").write_text("dear diary\n", encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (an_earlier_demo / "photos").symlink_to(elsewhere)
    with demo_folder(an_earlier_demo):
        forget_earlier_demo(an_earlier_demo)
    assert {path.name for path in an_earlier_demo.iterdir()} == {MARK, "lock", "notes.txt"}
    assert (elsewhere / "precious").exists()


def test_a_second_demo_in_the_folder_is_refused_and_touches_nothing(an_earlier_demo: Path) -> None:
    with demo_folder(an_earlier_demo):
        before = contents(an_earlier_demo)
        said = hadir("demo", "--folder", an_earlier_demo, "--pool", "inline")
        assert said.code == 1
        assert "another run uses the run folder" in said.problem()
        assert contents(an_earlier_demo) == before
        with pytest.raises(SetupError), demo_folder(an_earlier_demo):
            pass


def test_a_demo_that_cannot_start_leaves_the_earlier_one(
    an_earlier_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(an_earlier_demo)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HADIR_KAFKA__BOOTSTRAP", f"127.0.0.1:{nobody.getsockname()[1]}")
        for more in (("--broker", "kafka"), ("--faces", tmp_path / "nowhere")):
            assert hadir("demo", "--folder", an_earlier_demo, "--pool", "inline", *more).code == 1
            kept = contents(an_earlier_demo)
            kept.pop("hadir.toml.new")
            assert kept == before
