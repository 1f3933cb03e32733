"""Bad input to every command: an exit code, one sentence, no stack trace, nothing personal."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.app.command_line import Said, hadir
from tests.app.site import Site

HADIR = str(Path(sys.executable).with_name("hadir"))
SHORT_OF_A_SENTENCE = 12

BAD_ROWS = {
    "no_person": ("direction\nin\n", "column person is missing"),
    "unknown_column": ("person,colour\np,red\n", "column 'colour' is unknown"),
    "bad_direction": (
        "person,channel,direction\np,paper,in\np,paper,sideways\n",
        "line 3: direction = sideways: expected one of in, out",
    ),
    "bad_channel": ("person,channel\np,smoke\n", "channel = smoke"),
    "id_without_time": (f"person,channel,id\np,paper,{'0' * 32}\n", "line 2: an id without captured_at"),
    "bad_id": ("person,id\np,17\n", "id = 17: expected a UUID"),
    "bad_time": ("person,captured_at\np,yesterday\n", "captured_at = yesterday: expected ISO 8601"),
    "no_zone": ("person,captured_at\np,2026-01-31T07:00\n", "the time zone is missing"),
    "half_a_fix": ("person,latitude_deg\np,-8\n", "go together"),
    "bad_number": ("person,latitude_deg,longitude_deg,accuracy_m\np,-8,east,9\n", "'east' is not a number"),
    "bad_mock": ("person,latitude_deg,longitude_deg,accuracy_m,mock\np,-8,113,9,maybe\n", "mock = maybe"),
    "no_photo": ("person,photos\np,gone.jpg\n", "line 2: there is no photo"),
    "not_utf8": ("person\nMüller\n", "not UTF-8"),
    "only_heads": ("person\n", "no rows"),
}

MISUSED = {
    # what was typed, and what the sentence must name
    "demo --per-s -5": "--per-s",
    "demo --broker rabbit": "'rabbit' is not one of",
    "run --metrics-port 70000": "65535",
    "run --pool ten": "'ten' is not one of",
    "enroll": "PHOTOS",
    "verify --photo {photo}": "--person",
    "verify --person P00001": "--photo",
    "compare {photo}": "'B'",
    "evaluate {photos} --photos-per-template 0": "--photos-per-template",
    "index build --synthetic -1": "--synthetic",
    "gallery erase P00001": "--reason",
    "gallery duplicates --most 0": "--most",
    "gallery show": "PERSON",
    "explain": "CHECK_IN_ID",
    "bench": "NAME",
    "bench ceiling --rounds 0": "--rounds",
    "dead-letters replay": "--code",
    "send --wait-s -1": "--wait-s",
    "nonsense": "'nonsense'",
    "run --broker memory": "--input",
    "run --broker kafka --input {csv}": "--input",
    "send": "--person",
    "send {csv} --person P00001": "--person",
    "verify --person P00001 --photo {photo} --photo {photo} --photo {photo} --photo {photo} --photo {photo}": "1 to 4",
    "ledger export --since yesterday": "ISO 8601",
    "ledger export --until 2026-01-31T00:00": "time zone",
    "dead-letters replay --code whatever": "whatever",
    "bench nonsense": "ceiling",
    "bench ../setup": "ceiling",
}

REFUSED = {
    # what cannot be used, and what the sentence must name
    "demo --folder {photos}": "holds other things",
    "demo --folder {new}/demo --faces {missing}": "--faces",
    "demo --folder {new}/few --faces {empty}": "at least 4 needed",
    "demo --folder {text}/below": "notes.txt",
    "run --broker memory --pool inline --input {missing}": "there is no file",
    "run --broker memory --pool inline --input {csv} --config {missing}": "missing",
    "run --broker memory --pool inline --input {csv} --pack {missing}": "missing",
    "run --broker memory --pool inline --input {csv} --ledger mysql://a/b": "mysql",
    "send {missing}": "there is no file",
    "send --person P00001": "1 to 4",
    "send --person P00001 --photo {missing}": "there is no photo",
    "send --person P00001 --photo {photo} --at here": "latitude,longitude",
    "send --person P00001 --photo {photo} --at 1,2,near": "'near' is not a number",
    "enroll {missing}": "neither a folder",
    "enroll {text}": "neither a folder",
    "enroll {empty}": "holds no photos",
    "enroll {bad_list}": "line 2",
    "enroll {only_heads}": "no rows",
    "enroll {photos} --pack {empty}": "{empty}",
    "verify --person nobody --photo {photo}": "not enrolled",
    "verify --person P00001 --photo {missing}": "missing",
    "compare {photo} {missing}": "missing",
    "compare {photo} {text}": "photo_not_an_image",
    "compare {photo} {empty_file}": "photo_empty",
    "compare {photo} {photos}": "directory",
    "evaluate {missing}": "neither a folder",
    "evaluate {empty}": "holds no photos",
    "evaluate {photos}": "one with over 1 photo",
    "index build --gallery {missing}": "missing",
    "gallery status --gallery {missing}": "enrol people first",
    "gallery status --space ffff": "hadir reindex --pack",
    "gallery show nobody": "nothing is held",
    "gallery erase nobody --reason 17/2026": "nothing is held",
    "gallery encrypt": "key_file names no key",
    "gallery encrypt --old-key {missing}": "missing",
    "enroll {photos} --pack {empty} --serve": "{empty}",
    "index show {missing}": "no snapshot",
    "index show {photos}": "photos",
    "index verify {missing}": "no snapshot",
    "explain 00000000-0000-4000-8000-000000000000": "hadir ledger export",
    "explain 00000000-0000-4000-8000-000000000000 --ledger {not_a_ledger}": "not a SQLite database",
    "ledger verify --ledger sqlite:///{missing}": "there is no ledger",
    "ledger verify --ledger rubbish": "sqlite:///",
    "ledger verify --ledger {not_a_ledger}": "not a SQLite database",
    "ledger verify --ledger {no_ledger_in_it}": "there is no ledger in",
    "ledger verify --heads {missing}": "missing",
    "ledger verify --heads {text}": "notes.txt",
    "ledger export --ledger sqlite:///{missing}": "there is no ledger",
    "doctor --config {missing}": "missing",
}

NO_BROKER = (
    "run --broker kafka --pool inline",
    "send --person P00001 --photo {photo}",
    "send --person P00001 --photo {photo} --wait-s 0",
    "dead-letters list",
    "dead-letters replay --code undecodable",
    "demo --folder {new}/kafka --broker kafka --pool inline",
)


@pytest.fixture(scope="module")
def places(served_site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path | str]:
    """Names for what a table row may point at."""
    folder = tmp_path_factory.mktemp("bad")
    text, csv, empty = folder / "notes.txt", folder / "people.csv", folder / "empty"
    text.write_text("Rapat pukul sembilan\n", encoding="utf-8")
    csv.write_text("person,channel\nP00001,fingerprint\n", encoding="utf-8")
    (folder / "list.csv").write_text("person,photo\nP00001,nothing.jpg\n", encoding="utf-8")
    (folder / "heads.csv").write_text("person,photo\n", encoding="utf-8")
    (folder / "empty.jpg").touch()
    other = folder / "other.db"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    empty.mkdir()
    served_site.list_of([{"person": "P00001", "channel": "fingerprint"}])
    assert served_site("run", "--broker", "memory", "--pool", "inline", "--input", csv).code == 0
    return {
        "missing": folder / "missing",
        "text": text,
        "csv": csv,
        "bad_list": folder / "list.csv",
        "only_heads": folder / "heads.csv",
        "empty": empty,
        "empty_file": folder / "empty.jpg",
        "new": folder,
        "photos": served_site.photos,
        "photo": served_site.photo("P00001"),
        "not_a_ledger": f"sqlite:///{text}",
        "no_ledger_in_it": f"sqlite:///{other}",
    }


def takes_config(line: str) -> bool:
    return not line.startswith(("demo", "bench", "nonsense")) and "--config" not in line


@pytest.fixture(scope="module")
def said(served_site: Site, places: dict[str, Path | str]) -> Callable[..., Said]:
    """Run a line of a table in this process."""

    def run(line: str, *more: str) -> Said:
        arguments: list[object] = [part.format(**places) for part in line.split()]
        if takes_config(line):
            arguments += ["--config", served_site.config]
        return hadir(*arguments, *more)

    return run


def assert_one_sentence(line: str) -> None:
    assert line.startswith("hadir: ")
    assert len(line) > SHORT_OF_A_SENTENCE
    for trace in ("Traceback", 'File "', "unexpected ", "Error("):
        assert trace not in line


TABLE = [*((line, 2, problem) for line, problem in MISUSED.items()), *((line, 1, p) for line, p in REFUSED.items())]
every_line = pytest.mark.parametrize(("line", "code", "problem"), TABLE, ids=[line for line, _, _ in TABLE])


@every_line
def test_it_is_an_exit_code_and_one_sentence_that_names_it(
    said: Callable[..., Said], places: dict[str, Path | str], line: str, code: int, problem: str
) -> None:
    found = said(line)
    assert found.code == code
    assert_one_sentence(found.problem())
    assert problem.format(**places) in found.problem()
    assert not found.out


@every_line
def test_with_json_the_same_is_one_document(said: Callable[..., Said], line: str, code: int, problem: str) -> None:
    found = said(line, "--json")
    assert found.code == code
    assert found.document().keys() == {"error", "message"}
    assert found.problem() == f"hadir: {found.document()['message']}"


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_line_of_check_ins_is_named_before_anything_is_sent(tmp_path: Path, name: str) -> None:
    text, problem = BAD_ROWS[name]
    path = tmp_path / "day.csv"
    path.write_bytes(text.encode("latin-1"))
    found = hadir("send", path)
    assert found.code == 1
    assert problem in found.problem()


def test_a_line_with_zero_bytes_is_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_bytes(b'person\n"' + b"x" * 200_000 + b'"\n')
    found = hadir("send", path)
    assert found.code == 1
    assert "not CSV" in found.problem()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[run\n", "hadir.toml"),
        ("[run]\nspeed = 3\n", "speed"),
        ("[walk]\nspeed = 3\n", "walk"),
        ("broker = 'kafka'\n", "outside any section"),
        ("[run]\nbroker = 'rabbit'\n", "broker"),
        ("[kafka]\npartitions = -1\n", "partitions"),
        ("[ledger]\nheads_every_s = 'soon'\n", "heads_every_s"),
        ("[attendance]\npolicy = 'nowhere.toml'\n", "nowhere.toml"),
        ("[attendance]\nroster = 'nowhere.csv'\n", "nowhere.csv"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    served_site: Site, places: dict[str, Path | str], tmp_path: Path, text: str, problem: str
) -> None:
    config = tmp_path / "hadir.toml"
    stores = f'[stores]\nsnapshots = "{served_site.folder}/snapshots"\n'
    config.write_text(f'{text}{stores}[run]\nfolder = "{tmp_path}/run"\n' if "attendance" in text else text, "utf-8")
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    found = hadir(
        *("run", "--broker", "memory", "--pool", "inline", "--input", places["csv"]),
        *("--config", config, "--ledger", ledger),
    )
    assert found.code == 1
    assert problem in found.problem()


def test_a_station_without_a_snapshot_says_how_to_make_one(tmp_path: Path, places: dict[str, Path | str]) -> None:
    config = tmp_path / "hadir.toml"
    config.write_text(f'[run]\nfolder = "{tmp_path}/run"\n[stores]\nsnapshots = "{tmp_path}/none"\n', encoding="utf-8")
    found = hadir("run", "--broker", "memory", "--pool", "inline", "--input", places["csv"], "--config", config)
    assert found.code == 1
    assert "hadir index build" in found.problem()


def test_a_taken_metrics_port_stops_the_start(said: Callable[..., Said], places: dict[str, Path | str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = said(f"run --broker memory --pool inline --input {{csv}} --metrics-port {port}")
    assert found.code == 1
    assert f"{port} is not free" in found.problem()


@pytest.fixture
def without_a_broker(served_site: Site, places: dict[str, Path | str]) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Every command that needs Kafka, all at once: each waits eight seconds for an answer."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        environment = os.environ | {"HADIR_KAFKA__BOOTSTRAP": f"127.0.0.1:{nobody.getsockname()[1]}"}
        started = {
            line: subprocess.Popen(
                [HADIR, *(part.format(**places) for part in line.split()), "--json"]
                + (["--config", str(served_site.config)] if takes_config(line) else []),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
            )
            for line in NO_BROKER
        }
        yield started
        for process in started.values():
            process.kill()
            process.communicate()


@pytest.mark.slow
def test_without_a_broker_there_is_one_sentence(without_a_broker: dict[str, subprocess.Popen[str]]) -> None:
    """As programs of their own: the Kafka client logs a hundred lines meanwhile, which nobody shall see."""
    for line, process in without_a_broker.items():
        out, err = process.communicate(timeout=60)
        (problem,) = err.splitlines()
        assert_one_sentence(problem)
        assert "Kafka at 127.0.0.1:" in problem, line
        assert json.loads(out)["error"] == "stream_unavailable"
        assert process.returncode == 1


def test_a_benchmark_needs_a_checkout_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = hadir("bench", "ceiling")
    assert found.code == 1
    assert "checkout" in found.problem()
