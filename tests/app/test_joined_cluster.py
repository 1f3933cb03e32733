"""A Ray of several nodes that somebody else has started: joined by address and token, and a node of it dies."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest

from hadir.app.demo_people import RealPerson
from hadir.core.vectors import normalise
from hadir.index.gallery import open_gallery
from hadir.index.snapshot_build import build_snapshot
from hadir.index.space import EmbeddingSpace
from hadir.index.templates import Template
from tests.actors.nodes import no_network_of_its_own, node_of, on_nodes
from tests.app.programs import HADIR, PATIENCE_S, rows_in
from tests.app.site import HERE, Site, make_site

pytestmark = [pytest.mark.ray, pytest.mark.long]

CHECK_INS = 400
SMALL_BATCHES = "[pool]\nworkers = 2\nbatch_photos = 4\nin_flight_check_ins = 16\n"
SPACE = EmbeddingSpace("space-nodes", 16, "test-pack", "fp32", "CC0-1.0")


@pytest.fixture(scope="module", autouse=True)
def several_nodes() -> None:
    if (reason := no_network_of_its_own()) is not None:
        pytest.skip(reason)


@pytest.fixture
def site(people: list[RealPerson], tmp_path: Path) -> Site:
    made = make_site(tmp_path, people, round(time.time() * 1000), SMALL_BATCHES + '[faces]\nprecision = "int8"\n')
    made.serve()
    return made


def wait_until_rows(ledger: Path, enough: int, run: subprocess.Popen[str]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while rows_in(ledger) < enough:
        assert run.poll() is None
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_a_node_that_dies_in_mid_stream_costs_a_delay_and_everything_is_decided_once(site: Site) -> None:
    ids = [str(uuid.uuid4()) for _ in range(CHECK_INS)]
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    rows = [{"person": "P00001", "photos": "P00001/first.jpg", "id": one, "captured_at": now, **HERE} for one in ids]
    command = (HADIR, "run", "--broker", "memory", "--input", site.list_of(rows), "--config", site.config, "--json")
    with on_nodes(site.folder, 3, command) as run:
        wait_until_rows(site.folder / "ledger.db", CHECK_INS // 8, run)
        node_of(run.pid, "ray::FaceActor").kill()
        said, _ = run.communicate(timeout=PATIENCE_S)
        assert run.returncode == 0
    assert sum(json.loads(said)["verdicts"].values()) == CHECK_INS
    exported = [json.loads(line) for line in site("ledger", "export").out.splitlines()]
    assert sorted(row["id"] for row in exported if row["revision"] == 0) == sorted(ids)
    assert Counter(reason for row in exported for reason in row["reasons"])["processing_failed"] == 0
    assert site("ledger", "verify").code == 0


def test_members_that_bring_their_own_nodes_share_the_workers_of_a_cluster(site: Site) -> None:
    """Each on a machine of its own in earnest: here in folders of their own, with logs and ledgers of their own."""
    ids: list[list[str]] = [[str(uuid.uuid4()) for _ in range(CHECK_INS // 8)] for _ in range(2)]
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    members = []
    for number, mine in enumerate(ids):
        rows = [
            {"person": "P00001", "photos": "P00001/first.jpg", "id": one, "captured_at": now, **HERE} for one in mine
        ]
        source, member = site.list_of(rows, f"check-ins-{number}.csv"), site.folder / f"member-{number}"
        settings = {
            "HADIR_POOL__RAY_NODE": "own",
            "HADIR_POOL__WORKERS": "1",
            "HADIR_RUN__FOLDER": str(member),
            "HADIR_LEDGER__URL": f"sqlite:///{member}/ledger.db",
            "HADIR_LEDGER__HEADS": f"{member}/heads.jsonl",
        }
        run = (HADIR, "run", "--broker", "memory", "--input", source, "--config", site.config, "--json")
        members.append(shlex.join(["env", *(f"{name}={value}" for name, value in settings.items()), *map(str, run)]))
    both = f"{members[0]} & first=$!; {members[1]}; second=$?; wait $first && exit $second"
    with on_nodes(site.folder, 2, ("bash", "-c", both)) as run_of_both:
        run_of_both.communicate(timeout=3 * PATIENCE_S)
        assert run_of_both.returncode == 0
    for number, mine in enumerate(ids):
        assert rows_in(site.folder / f"member-{number}" / "ledger.db") == len(mine)


def test_a_member_whose_share_is_not_said_does_not_start(site: Site) -> None:
    settings = ("HADIR_POOL__RAY_NODE=own", "HADIR_POOL__WORKERS=0", "HADIR_POOL__RAY_ADDRESS=127.0.0.1:1")
    run = (
        HADIR,
        "run",
        "--broker",
        "memory",
        "--input",
        site.list_of([{"person": "P00001", "channel": "paper"}]),
        "--config",
        site.config,
    )
    done = subprocess.run(["env", *settings, *map(str, run)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "this member's share of the cluster's cores" in done.stderr


def test_photos_are_embedded_anew_on_all_its_nodes(site: Site) -> None:
    command = (HADIR, "reindex", "--pack", "open", "--precision", "fp16", "--config", site.config, "--json")
    with on_nodes(site.folder, 2, command) as run:
        said, _ = run.communicate(timeout=PATIENCE_S)
    document = json.loads(said)
    assert (run.returncode, document["failed"], document["workers"]) == (0, [], 2)
    assert document["embedded"] == document["photos"] > 0


def test_a_gallery_in_shards_answers_across_nodes_and_after_one_died(tmp_path: Path) -> None:
    vectors = normalise(np.random.default_rng(0).normal(loc=0.4, size=(60, 16)))
    gallery = open_gallery(tmp_path / "gallery", SPACE)
    gallery.add([Template(f"{n:064x}", f"p{n:02d}", vector, 1) for n, vector in enumerate(vectors)], SPACE.name)
    snapshot = build_snapshot(tmp_path / "snapshots", gallery, 1, "0.1")
    with on_nodes(tmp_path, 3, (sys.executable, "-m", "tests.actors.ray_driver", "shards", snapshot)) as run:
        said, _ = run.communicate(timeout=PATIENCE_S)
    assert (run.returncode, said.count("True")) == (0, 2)


def test_nothing_of_a_cluster_of_the_tests_is_left(tmp_path: Path) -> None:
    before = {process.pid for process in psutil.process_iter() if process.name() == "raylet"}
    with on_nodes(tmp_path, 1, ("true",)) as run:
        assert run.wait(PATIENCE_S) == 0
    assert {process.pid for process in psutil.process_iter() if process.name() == "raylet"} <= before
