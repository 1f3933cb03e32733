"""docs/operations.md does what it says: its tried commands are run as they stand, on a small site."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hadir.app.cli import application
from hadir.app.demo_people import RealPerson
from hadir.app.demo_site import write_site
from hadir.app.scenarios import UNITS
from hadir.app.variation import encode_jpeg
from tests.app.programs import HADIR, rows_in
from tests.source_tree import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
BLOCKS = dict(
    re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?\(\*tried\*\):\n\n```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
)
NAMES_FAULTS = 4


def commands_of_hadir() -> set[str]:
    """What the page calls, with what follows the first word: a command of a group, or an argument."""
    return set(re.findall(r"(?:`|^)hadir ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", PAGE, re.MULTILINE))


def test_every_command_that_it_names_exists() -> None:
    known = application()
    names = {command.name for command in known.registered_commands}
    groups = {
        group.name: {command.name for command in (group.typer_instance or known).registered_commands}
        for group in known.registered_groups
    }
    found = commands_of_hadir()
    assert len(found) > 10
    for said in found:
        first, _, second = said.partition(" ")
        if first in groups:
            assert second in groups[first], said
        else:
            assert first in names, said


@pytest.fixture
def site(people: list[RealPerson], tmp_path: Path) -> Path:
    """A folder with the places of the defaults: enrolled, indexed under a key, and two check-ins decided."""
    write_site(tmp_path / "my-site", {one.person: UNITS[0] for one in people}, round(time.time() * 1000), seed=1)
    for one in people:
        place = tmp_path / "photos" / one.person
        place.mkdir(parents=True)
        (place / "first.jpg").write_bytes(encode_jpeg(one.photos[0], 95))
    key = tmp_path / "site.key"
    key.write_bytes(os.urandom(32))
    key.chmod(0o600)
    run(tmp_path, "hadir enroll photos/", {0, 3})
    run(tmp_path, "hadir index build --promote")
    decide(tmp_path, 2)
    return tmp_path


def decide(folder: Path, count: int) -> None:
    """So many fingerprints more."""
    listed = folder / "check-ins.csv"
    with listed.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "person", "channel", "captured_at"))
        writer.writerows((uuid.uuid4(), "P00001", "fingerprint", datetime.now(UTC).isoformat()) for _ in range(count))
    run(folder, f"hadir run --broker memory --pool inline --input {listed.name}")


def run(folder: Path, script: str, codes: set[int] | None = None) -> str:
    """With the defaults' places in `folder`; fails where a command does."""
    rules = {name: f"my-site/{name}.csv" for name in ("roster", "units", "sites", "placements", "shifts")}
    environment = {
        **os.environ,
        **{f"HADIR_ATTENDANCE__{name.upper()}": path for name, path in rules.items()},
        "HADIR_STORES__KEY_FILE": "site.key",
        "HADIR_RUN__BROKER": "memory",
        "HADIR_RUN__POOL": "inline",
        "PATH": f"{HADIR.parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in (codes or {0}), f"{script}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.slow
def test_a_backup_is_restored_and_what_it_lacks_is_decided_again(site: Path) -> None:
    ledger = site / "var" / "ledger.db"
    run(site, BLOCKS["Back up"])
    decide(site, 3)
    assert rows_in(ledger) == 5
    for lost in ("photos", "gallery", "snapshots"):
        shutil.rmtree(site / "var" / lost)
    assert '"healthy": true' in run(site, BLOCKS["Restore"]).replace("True", "true")
    assert rows_in(ledger) == 2
    decide(site, 3)
    assert rows_in(ledger) == 5
    run(site, "hadir ledger verify", {NAMES_FAULTS})
    run(site, "mv var/ledger-heads.jsonl record-of-the-restore.jsonl && hadir ledger verify")


@pytest.mark.slow
def test_a_new_key_takes_over_from_the_old_one(site: Path) -> None:
    before = (site / "site.key").read_bytes()
    said = run(site, BLOCKS["Rotate keys"])
    assert (site / "site.key").read_bytes() != before
    assert not (site / "old.key").exists()
    assert "P00001" in run(site, "hadir gallery show P00001")
    assert said


def test_what_needs_a_cluster_is_marked_as_not_tried() -> None:
    assert set(BLOCKS) == {"Back up", "Restore", "Rotate keys"}
    assert all("kubectl" not in block and "helm" not in block for block in BLOCKS.values())
    assert all(shlex.split(line) for block in BLOCKS.values() for line in block.splitlines())
