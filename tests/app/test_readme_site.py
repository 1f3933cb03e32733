"""README's own site is true: its two terminals are run as they are written, on a real Kafka."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from dev.kafka.node import Node
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.kafka_offsets import skip_to_end
from hadir.pipeline.topics import CHECK_INS, with_partitions
from tests.app.programs import program

ROOT = Path(__file__).parents[2]
PARTITIONS = 4
PARTLY = 3
SERVES = "hadir run "

pytestmark = [pytest.mark.kafka, pytest.mark.ray, pytest.mark.slow]


def terminals() -> list[list[str]]:
    """The commands of both, without their remarks."""
    chapter = (ROOT / "README.md").read_text(encoding="utf-8").split("## A site of your own")[1]
    blocks = re.findall(r"^```sh\n(.*?)^```$", chapter, re.DOTALL | re.MULTILINE)
    return [[line.split("  #")[0].strip() for line in block.splitlines()] for block in blocks]


@pytest.fixture
def newcomer(tmp_path: Path) -> Path:
    """A checkout's configs, photos of the roster's people, and a selfie of the first."""
    data = Path(os.environ.get("HADIR_TEST_DATA", ROOT.parent / "shared" / "data"))
    faces = data / "faces" / "lfw_subset"
    if not faces.is_dir():
        pytest.skip(f"no test data in {data}: set HADIR_TEST_DATA")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    with (ROOT / "configs" / "example" / "roster.csv").open(encoding="utf-8") as file:
        persons = sorted({row["person"] for row in csv.DictReader(file)})
    for person, folder in zip(persons, sorted(faces.iterdir()), strict=False):
        shutil.copytree(folder, tmp_path / "photos" / person)
    shutil.copy(min((tmp_path / "photos" / "a-0001").iterdir()), tmp_path / "selfie.jpg")
    return tmp_path


@pytest.fixture
def kafka(kafka_node: Node) -> dict[str, str]:
    """What `make kafka-up` gives, on the session's broker, after what other tests have sent."""
    group = f"readme-{uuid.uuid4().hex[:8]}"
    create_topics(kafka_node.cluster, with_partitions(PARTITIONS))
    skip_to_end(kafka_node.cluster, CHECK_INS, group)
    return {
        "HADIR_KAFKA__BOOTSTRAP": kafka_node.cluster.bootstrap,
        "HADIR_KAFKA__GROUP": group,
        "HADIR_KAFKA__PARTITIONS": str(PARTITIONS),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def test_both_terminals_do_what_they_say(
    newcomer: Path, kafka: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = terminals()
    assert "make kafka-up" in first
    assert first[-1].startswith(SERVES)
    for command in first[:-1]:
        if command != "make kafka-up":
            succeeds(command, newcomer, kafka)
    monkeypatch.chdir(newcomer)
    with program(*first[-1].split()[1:], folder=newcomer / "said", **kafka) as station:
        station.wait_until_it_serves()
        said = [succeeds(command, newcomer, kafka) for command in second]
    sent = next(out for command, out in zip(second, said, strict=True) if command.startswith("hadir send"))
    identity = re.search(r"a-0001  ([0-9a-f-]{36})", sent)
    assert identity is not None
    assert identity[1] in succeeds(f"hadir explain {identity[1]} --config my-site/site.toml", newcomer, kafka)


def succeeds(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    allowed = {0, PARTLY} if command.startswith("hadir enroll") else {0}
    assert done.returncode in allowed, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout
