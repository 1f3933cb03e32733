"""docs/re-index.md is true: every command in its blocks is run, in order, on a small site."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "re-index.md"
PARTLY = 3
"""`enroll` and `reindex` say so when a photo was refused, and go on."""

_PHOTOS = 2
"""Of each person: with more, the cells of this pack, which brings no table, would want more people."""

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The example regency, real faces for the people of its roster and as many more as the gates want, a real pack."""
    data = Path(os.environ.get("HADIR_TEST_DATA", ROOT.parent / "shared" / "data"))
    pack, faces = data / "packs" / "scrfd500m-mobilefacenet128", data / "faces" / "lfw_subset"
    if not (pack.is_dir() and faces.is_dir()):
        pytest.skip(f"no test data in {data}: set HADIR_TEST_DATA")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    shutil.copytree(pack, tmp_path / "pack")
    with (tmp_path / "configs" / "example" / "roster.csv").open(encoding="utf-8") as file:
        persons = sorted({row["person"] for row in csv.DictReader(file)})
    folders = sorted(folder for folder in faces.iterdir() if folder.is_dir())
    names = [*persons, *(folder.name for folder in folders[len(persons) :])]
    for person, folder in zip(names, folders, strict=True):
        place = tmp_path / "photos" / person
        place.mkdir(parents=True)
        for photo in sorted(folder.iterdir())[:_PHOTOS]:
            shutil.copy(photo, place)
    return tmp_path


def test_every_command_of_the_guide_does_what_it_says(site: Path) -> None:
    found = commands()
    assert len(found) >= 20, "the guide has lost its commands"
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in found:
        done = subprocess.run(
            ["bash", "-c", command], cwd=site, env=environment, capture_output=True, text=True, timeout=180, check=False
        )
        allowed = {0, PARTLY} if " enroll " in f" {command} " else {0}
        assert done.returncode in allowed, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr
