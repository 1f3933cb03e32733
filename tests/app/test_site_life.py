"""The life of a site, command by command: photos, index, check-ins, verdicts, explanation, proof."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hadir.app.demo_people import RealPerson
from hadir.app.run_folder import held
from hadir.attendance.wording import coaching
from hadir.core.verdict import Reason
from tests.app.site import HERE, Site, make_site

TURNED_AWAY = ["P00002", "P00005"]
"""Faces of the group photo that look aside: nobody's template shall be made of them."""

PHOTO_IN = "P00001/first.jpg"
SELFIES = [f"P00001/selfie-{number}.jpg" for number in range(5)]
"""The same face in files of their own: `[replay] near` only records here."""
IDS = [str(uuid.UUID(int=number, version=4)) for number in range(7)]
CHECK_INS: list[dict[str, object]] = [
    {"id": IDS[0], "person": "P00001", "photos": SELFIES[0], **HERE},
    {"id": IDS[1], "person": "P00004", "photos": SELFIES[1], **HERE},
    {"id": IDS[2], "person": "P00001", "photos": f"{SELFIES[2]}|{SELFIES[3]}", **HERE, "latitude_deg": -8.0},
    {"id": IDS[3], "person": "P00003", "channel": "fingerprint"},
    {"id": IDS[4], "person": "P00006", "channel": "paper", "direction": "out"},
    {"id": IDS[5], "person": "P99999", "photos": SELFIES[4], **HERE},
    {"id": IDS[6], "person": "P00001", "photos": SELFIES[0], **HERE},
]
EXPECTED = {
    IDS[0]: ("accepted", "ok"),
    IDS[1]: ("rejected", "impostor_suspected"),
    IDS[2]: ("rejected", "outside_site"),
    IDS[3]: ("accepted", "channel_fingerprint"),
    IDS[4]: ("review", "channel_paper"),
    IDS[5]: ("rejected", "unknown_person"),
    IDS[6]: ("review", "photo_replayed"),
}


@pytest.fixture(scope="module")
def site(people: list[RealPerson], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Enrolled, indexed, and its first check-ins decided."""
    settings = '[replay]\nnear = "record"\n'
    site = make_site(tmp_path_factory.mktemp("life"), people, round(time.time() * 1000), settings)
    site.serve()
    for number, name in enumerate(SELFIES):
        (site.photos / name).write_bytes((site.photos / PHOTO_IN).read_bytes() + bytes([number]))
    listed = site.list_of([{**row, "captured_at": datetime.now(UTC).isoformat()} for row in CHECK_INS])
    said = site("run", "--broker", "memory", "--pool", "inline", "--input", listed, "--json")
    assert said.code == 0
    assert said.document()["received"] == len(CHECK_INS)
    return site


def rows_of(site: Site) -> list[dict[str, Any]]:
    return [json.loads(line) for line in site("ledger", "export").out.splitlines()]


def test_enrolment_lists_each_refused_photo_with_its_reason_and_exits_3(
    people: list[RealPerson], tmp_path: Path
) -> None:
    site = make_site(tmp_path, people, 1_790_000_000_000)
    said = site("enroll", site.photos, "--json")
    assert said.code == 3
    done = said.document()
    assert (done["people"], done["templates_added"], done["templates_repeated"], done["photos"]) == (6, 6, 0, 8)
    assert [(one["person"], one["reason"]) for one in done["refused"]] == [(p, "turned_away") for p in TURNED_AWAY]
    for person, line in zip(TURNED_AWAY, said.err.splitlines(), strict=True):
        assert line.startswith(f"{person}/first.jpg: turned_away · ")


def test_enrolling_the_same_folder_again_doubles_nothing(people: list[RealPerson], tmp_path: Path) -> None:
    site = make_site(tmp_path, people, 1_790_000_000_000)
    site.serve()
    again = site("enroll", site.photos, "--json").document()
    assert (again["templates_added"], again["templates_repeated"]) == (0, 6)
    site("index", "build")
    assert site("index", "show", "--json").document()["templates"] == 6


def test_enrolment_of_nothing_usable_is_an_error_that_still_lists_the_reasons(
    people: list[RealPerson], tmp_path: Path
) -> None:
    site = make_site(tmp_path, [people[1], people[4]], 1_790_000_000_000)
    said = site("enroll", site.photos)
    assert said.code == 1
    assert len(said.err.splitlines()) == 2


def test_a_csv_enrols_as_a_folder_does(people: list[RealPerson], tmp_path: Path) -> None:
    site = make_site(tmp_path, people, 1_790_000_000_000)
    listed = site.list_of([{"person": "P00001", "photo": PHOTO_IN}], "photos.csv")
    said = site("enroll", listed, "--json")
    assert said.code == 0
    assert said.document()["templates_added"] == 1


def test_the_index_shows_and_proves_what_it_holds(site: Site) -> None:
    shown, verified = site("index", "show", "--json").document(), site("index", "verify", "--json")
    assert (shown["people"], shown["templates"], shown["synthetic"]) == (6, 6, 0)
    assert verified.code == 0
    assert verified.document()["sound"] is True
    assert shown["snapshot"] == verified.document()["snapshot"]


def test_an_altered_snapshot_fails_the_gate_by_name(people: list[RealPerson], tmp_path: Path) -> None:
    site = make_site(tmp_path, people, 1_790_000_000_000)
    site.serve()
    (vectors,) = (tmp_path / "snapshots").glob("*/vectors.faiss")
    content = bytearray(vectors.read_bytes())
    content[-1] ^= 1
    vectors.chmod(0o600)
    vectors.write_bytes(content)
    said = site("index", "verify", "--json")
    assert said.code == 4
    assert next(one["name"] for one in said.document()["checks"] if one["problem"]) == "vectors.faiss"
    assert site("verify", "--person", "P00001", "--photo", site.photo("P00001")).code == 1


@pytest.mark.parametrize(("claimed", "code"), [("P00001", 0), ("P00003", 4)])
def test_a_face_is_verified_against_the_claimed_person_only(site: Site, claimed: str, code: int) -> None:
    said = site("verify", "--person", claimed, "--photo", site.photo("P00001"), "--json")
    assert said.code == code
    found = said.document()
    assert found["passes"] is (code == 0)
    assert found["fmr"] == 1e-3
    assert (found["similarity"] >= found["threshold"]) is (code == 0)
    assert said.out.count("P0000") == 1


def test_a_photo_that_cannot_be_verified_comes_with_advice(site: Site, tmp_path: Path) -> None:
    wall = tmp_path / "wall.png"
    cv2.imwrite(str(wall), np.full((400, 300, 3), 180, np.uint8))
    advice = coaching(Reason.NO_FACE)
    verified = site("verify", "--person", "P00001", "--photo", wall)
    assert verified.code == 4
    assert f"no_face · {advice.id} ({advice.en})" in " ".join(verified.out.split())
    compared = site("compare", wall, site.photo("P00001"))
    assert f"wall.png: no_face · {advice.id} ({advice.en})" in compared.problem()


def test_two_photos_are_compared_and_drawn(site: Site, tmp_path: Path) -> None:
    pair = tmp_path / "pair.png"
    one, other = site.photo("P00001"), site.photo("P00003")
    same = site("compare", one, one, "--json").document()
    apart = site("compare", one, other, "--draw", pair, "--json").document()
    assert same["similarity"] == pytest.approx(1.0)
    assert apart["similarity"] < same["similarity"]
    assert same["stranger_rate"] <= 1e-4
    assert pair.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("number", range(len(IDS)))
def test_every_check_in_of_the_file_gets_its_verdict(site: Site, number: int) -> None:
    (row,) = (row for row in rows_of(site) if row["id"] == IDS[number])
    assert (row["outcome"], row["reasons"][0]) == EXPECTED[IDS[number]]
    assert row["revision"] == 0


def test_no_row_of_the_export_holds_a_nip_or_a_name(site: Site) -> None:
    roster = (site.folder / "site" / "roster.csv").read_text(encoding="utf-8").splitlines()[1:]
    exported = site("ledger", "export", "--evidence").out
    for _, nip, name, _ in (line.split(",") for line in roster):
        assert nip not in exported
        assert name not in exported


def test_a_verdict_is_explained_and_the_other_person_named_to_reviewers_only(site: Site) -> None:
    plain, reviewer = site("explain", IDS[1]), site("explain", IDS[1].upper(), "--reviewer")
    assert plain.code == reviewer.code == 0
    assert "impostor_suspected" in plain.out
    assert "at FMR 0.001 needs" in plain.out
    assert "resembles P00001" in reviewer.out
    assert "P00001" not in plain.out


def test_the_ledger_proves_itself_and_names_a_changed_row(site: Site, tmp_path: Path) -> None:
    whole = site("ledger", "verify", "--json")
    assert whole.code == 0
    assert whole.document() | {"heads": 0} == {
        "rows": len(IDS),
        "heads": 0,
        "verified": True,
        "erased": 0,
        "problems": [],
    }
    changed = tmp_path / "changed.db"
    with closing(sqlite3.connect(site.folder / "ledger.db")) as here, closing(sqlite3.connect(changed)) as there:
        here.backup(there)
        there.execute("UPDATE ledger SET outcome = 'accepted' WHERE check_in_id = ?", (IDS[1],))
        there.commit()
    said = site("ledger", "verify", "--ledger", f"sqlite:///{changed}", "--json")
    assert said.code == 4
    named = [(problem["check_in_id"], problem["field"]) for problem in said.document()["problems"]]
    assert (IDS[1], "outcome") in named


def test_published_heads_find_a_cut_tail(site: Site, tmp_path: Path) -> None:
    cut = tmp_path / "cut.db"
    with closing(sqlite3.connect(site.folder / "ledger.db")) as here, closing(sqlite3.connect(cut)) as there:
        here.backup(there)
        there.execute("DELETE FROM ledger WHERE check_in_id = ?", (rows_of(site)[-1]["id"],))
        there.commit()
    said = site("ledger", "verify", "--ledger", f"sqlite:///{cut}", "--heads", site.folder / "heads.jsonl", "--json")
    assert said.code == 4
    assert said.document()["problems"]


def test_a_second_file_on_the_same_ledger_passes_over_nothing(people: list[RealPerson], tmp_path: Path) -> None:
    """A memory log begins at offset 0 each time, and the ledger knows offsets of an earlier one."""
    site = make_site(tmp_path, people, round(time.time() * 1000))
    site.serve()
    for day in range(1, 3):
        listed = site.list_of([{"person": "P00001", "channel": "fingerprint"} for _ in range(5)])
        said = site("run", "--broker", "memory", "--pool", "inline", "--input", listed, "--json").document()
        assert said["received"] == sum(said["verdicts"].values()) == 5
        assert len(rows_of(site)) == 5 * day
    assert site("ledger", "verify").code == 0


def test_the_same_file_again_is_answered_from_the_ledger(people: list[RealPerson], tmp_path: Path) -> None:
    site = make_site(tmp_path, people, round(time.time() * 1000))
    site.serve()
    at = "2026-11-02T07:00:00+07:00"
    listed = site.list_of([{"id": IDS[0], "person": "P00001", "photos": PHOTO_IN, **HERE, "captured_at": at}])
    run = ("run", "--broker", "memory", "--pool", "inline", "--input", listed, "--json")
    first, second = site(*run).document(), site(*run).document()
    assert (sum(first["verdicts"].values()), first["duplicates"]) == (1, 0)
    assert (sum(second["verdicts"].values()), second["duplicates"]) == (0, 1)
    assert len(rows_of(site)) == 1


def test_a_run_folder_belongs_to_one_run_at_a_time(site: Site) -> None:
    with held(site.folder / "run"):
        said = site(
            "run",
            "--broker",
            "memory",
            "--pool",
            "inline",
            "--input",
            site.list_of([{"person": "P00001", "channel": "paper"}]),
        )
    assert said.code == 1
    assert "another run uses the run folder" in said.problem()


def parts_of(site: Site) -> Mapping[str, str]:
    parts = site("doctor", "--json").document()["parts"]
    return {one["part"]: one["state"] for one in parts}


@pytest.mark.slow
def test_the_doctor_finds_the_parts_of_this_site(site: Site) -> None:
    states = parts_of(site)
    for part in (
        "python",
        "packages",
        "pack",
        "gallery",
        "snapshot",
        "thresholds",
        "roster",
        "policy",
        "ledger",
        "ray",
    ):
        assert states[part] == "ok", part
    assert states["liveness"] == "note"
