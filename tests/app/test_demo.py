"""The demo from end to end: expected against actual, counted by nobody's counters but the files it leaves."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dev.kafka.node import Node
from hadir.app.demo_people import RealPerson
from hadir.app.variation import encode_jpeg
from tests.app.command_line import Said, hadir
from tests.app.programs import HADIR

KEYS = {
    "check_ins",
    "received",
    "verdicts",
    "expected_mismatches",
    "people",
    "broker",
    "pool",
    "throughput_per_s",
    "latency_s",
    "ledger_rows",
    "duplicates",
    "dead_letters",
    "dead_letters_without_row",
    "missing",
    "doubled",
    "ledger_verified",
    "ledger",
}
FAST = ("--per-s", 1000)


@dataclass(frozen=True, slots=True)
class Played:
    """A finished demo."""

    folder: Path
    said: Said

    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        return report

    def page(self) -> str:
        return (self.folder / "report.html").read_text(encoding="utf-8")

    def truth(self) -> dict[str, tuple[str, str]]:
        with (self.folder / "truth.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        truth = {row["id"]: (row["outcome"], row["reason"]) for row in rows}
        assert len(truth) == len(rows)
        return truth

    def ledger(self) -> list[dict[str, Any]]:
        said = hadir("ledger", "export", "--config", self.folder / "hadir.toml")
        assert said.code == 0
        return [json.loads(line) for line in said.out.splitlines()]


@pytest.fixture(scope="module")
def inline(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("demo") / "morning"
    said = hadir("demo", "--folder", folder, "--pool", "inline", "--tamper", "--json", *FAST)
    assert said.code == 0, said.err
    return Played(folder, said)


def assert_nothing_lost_doubled_or_wrong(played: Played) -> None:
    report, rows = played.report(), played.ledger()
    assert report.keys() == KEYS
    assert report["check_ins"] >= 200
    assert report["people"] >= 13_000
    assert (report["expected_mismatches"], report["missing"], report["doubled"]) == (0, 0, 0)
    assert report["ledger_verified"] is True
    assert report["check_ins"] == report["ledger_rows"] + report["duplicates"] + report["dead_letters_without_row"]
    assert report["ledger_rows"] == sum(report["verdicts"].values()) == len(rows)
    assert report["verdicts"].keys() == {"accepted", "review", "rejected"}
    assert 0 < report["latency_s"]["p50"] <= report["latency_s"]["p95"] <= report["latency_s"]["p99"]
    assert report["throughput_per_s"] > 0
    joined = {row["id"]: (row["outcome"], row["reasons"][0]) for row in rows if row["revision"] == 0}
    assert joined == played.truth()


def test_every_verdict_is_the_one_that_was_written_down_before(inline: Played) -> None:
    assert_nothing_lost_doubled_or_wrong(inline)


def test_every_trouble_of_the_script_is_in_it(inline: Played) -> None:
    reasons = {reason for row in inline.ledger() for reason in row["reasons"]}
    assert reasons >= {
        *("ok", "late", "early_leave", "impostor_suspected", "face_mismatch", "outside_site", "location_uncertain"),
        *("location_missing", "mock_location", "clock_skew", "no_face", "several_faces", "photo_unreadable"),
        *("unknown_person", "not_enrolled", "outside_shift", "invalid_field", "repeated"),
        *("channel_fingerprint", "channel_paper", "reported_late"),
    }
    report = inline.report()
    assert report["duplicates"] > 0
    assert report["dead_letters_without_row"] > 0


def test_the_third_face_that_matches_nobody_goes_to_a_human(inline: Played) -> None:
    outcomes = [row["outcome"] for row in inline.ledger() if row["reasons"][0] == "face_mismatch"]
    assert outcomes[:2] == ["rejected", "rejected"]
    assert outcomes[2:]
    assert set(outcomes[2:]) == {"review"}


def test_what_it_says_is_one_document_with_the_found_tampering(inline: Played) -> None:
    document = inline.said.document()
    tampering = document.pop("tampering")
    assert document == inline.report()
    assert tampering["found"] is True
    assert any(tampering["check_in"] in problem and "outcome" in problem for problem in tampering["problems"])
    assert not inline.said.err


def test_tampering_is_done_on_a_copy(inline: Played) -> None:
    assert hadir("ledger", "verify", "--config", inline.folder / "hadir.toml").code == 0
    assert hadir("ledger", "verify", "--ledger", f"sqlite:///{inline.folder}/tampered.db").code == 4


def test_the_report_opens_without_a_network_and_says_what_it_does_not_prove(inline: Played) -> None:
    page = inline.page()
    assert page.count("<svg") >= 3
    outside = re.findall(r"""(?:src|href|xlink:href)\s*=\s*["']?(?!#)([^"'\s>]+)|url\((?!#)([^)]+)\)|@import""", page)
    assert outside == []
    assert "<script" not in page
    assert "variation of one photo" in page
    assert "not the accuracy" in page
    assert "Liveness is not measured" in page


def test_the_log_holds_json_lines_without_photos_or_names(inline: Played) -> None:
    text = (inline.folder / "log.jsonl").read_text(encoding="utf-8")
    for line in text.splitlines():
        json.loads(line)
    assert "Pegawai" not in text


def test_its_settings_let_anyone_look_around(inline: Played) -> None:
    some = next(row["id"] for row in inline.ledger() if row["outcome"] == "review")
    said = hadir("explain", some, "--config", inline.folder / "hadir.toml")
    assert said.code == 0
    assert f"{some}, revision 0" in said.out


def test_a_reviewer_takes_the_photos_of_a_case_out_of_their_store(inline: Played, tmp_path: Path) -> None:
    config = inline.folder / "hadir.toml"
    rows = inline.ledger()
    case = next(row["id"] for row in rows if row["case"] and row["channel"] == "face")
    files = hadir("explain", case, "--config", config, "--photos", tmp_path / "look", "--json").document()["photos"]
    assert files
    for name in files:
        assert cv2.imread(name) is not None
        assert Path(name).stat().st_mode & 0o077 == 0
    accepted = next(row["id"] for row in rows if row["outcome"] == "accepted" and row["channel"] == "face")
    refused = hadir("explain", accepted, "--config", config, "--photos", tmp_path / "look")
    assert refused.code == 3
    assert "no photo is kept" in refused.out
    assert f"{accepted}, revision 0" in refused.out


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"
    diary.write_text("dear diary\n", encoding="utf-8")
    said = hadir("demo", "--folder", tmp_path, "--pool", "inline", *FAST)
    assert said.code == 1
    assert "holds other things" in said.problem()
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def a_folder_of_faces(folder: Path, people: list[RealPerson]) -> Path:
    """Four people, one of them with a second photo that nobody can be enrolled by."""
    for person, name in zip(
        (people[0], people[2], people[3], people[5]), ("ani", "budi", "citra", "dewi"), strict=True
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / "one.jpg").write_bytes(encode_jpeg(person.photos[0], 95))
    cv2.imwrite(str(folder / "ani" / "wall.png"), np.full((400, 300, 3), 180, np.uint8))
    (folder / "budi" / "broken.heic").write_bytes(b"no photo")
    return folder


@pytest.mark.slow
def test_own_photos_take_part_and_who_was_refused_is_said(people: list[RealPerson], tmp_path: Path) -> None:
    faces = a_folder_of_faces(tmp_path / "faces", people)
    said = hadir("demo", "--folder", tmp_path / "demo", "--pool", "inline", "--faces", faces, *FAST)
    assert said.code == 0, said.out
    assert_nothing_lost_doubled_or_wrong(Played(tmp_path / "demo", said))
    assert "4 real people; enrolment refuses 1 photos: P00001 no_face" in said.out
    assert "P00002 = budi" in said.out
    assert "budi/broken.heic cannot be read as a photo" in said.out
    assert re.search(r"received \d+ · decided \d+ · missing 0 · doubled 0", said.out)
    assert "every verdict as expected" in said.out
    assert "One verdict, explained" in said.out


@pytest.mark.slow
def test_the_demo_runs_again_in_its_own_folder(inline: Played, tmp_path: Path) -> None:
    for _ in range(2):
        said = hadir("demo", "--folder", tmp_path / "demo", "--pool", "inline", "--json", *FAST)
        assert said.code == 0
    assert said.document()["check_ins"] == inline.report()["check_ins"]


@pytest.mark.kafka
@pytest.mark.ray
@pytest.mark.slow
def test_through_kafka_and_ray_with_a_face_actor_killed_in_the_middle(kafka_node: Node, tmp_path: Path) -> None:
    """In a process of its own: this one may have a Ray for other tests, and there is one to a process."""
    folder = tmp_path / "demo"
    kafka = {"HADIR_KAFKA__BOOTSTRAP": kafka_node.cluster.bootstrap, "HADIR_KAFKA__PARTITIONS": "4"}
    command = [
        str(HADIR),
        "demo",
        "--folder",
        str(folder),
        "--broker",
        "kafka",
        "--pool",
        "ray",
        "--json",
        "--per-s",
        "60",
    ]
    done = subprocess.run(command, env=os.environ | kafka, capture_output=True, text=True, check=False, timeout=200)
    said = Said(done.returncode, done.stdout, done.stderr)
    assert said.code == 0, said.err
    played = Played(folder, said)
    assert_nothing_lost_doubled_or_wrong(played)
    assert (played.report()["broker"], played.report()["pool"]) == ("kafka", "ray")
    assert re.search(r"face actor \d+", played.page())
    assert not (folder / "ray.json").exists()
