"""`hadir gallery` and `hadir enroll` on a small site: what is kept, told, served at once, and forgotten."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hadir.app.demo_people import RealPerson
from hadir.app.enrolment import Enrolled, enrol
from hadir.app.options import DEFAULTS
from hadir.app.photo_list import list_photos
from hadir.app.reindex_folder import reindex_chunks
from hadir.app.stores import enrolments, gallery_root, photo_store, space_of
from hadir.core.clock import ManualClock, SystemClock
from hadir.core.settings import Settings, load_settings
from hadir.faces.pack import FacePack, PackInfo, PhotoResult, PhotoRules
from hadir.faces.packs import load_pack
from hadir.index.acknowledgements import Acknowledgement, acknowledge
from hadir.index.fresh_snapshot import Fresh, build_fresh
from hadir.index.galleries import galleries, gallery_at, only_gallery
from hadir.index.pointers import Pointers, nudge, read_pointers
from hadir.index.templates import Grounds
from tests.app.site import Site, make_site

NOW_MS = 1_790_000_000_000
TURNED_AWAY = {"P00002", "P00005"}


@pytest.fixture
def site(people: list[RealPerson], tmp_path: Path) -> Site:
    return make_site(tmp_path, people, NOW_MS)


def settings(site: Site) -> Settings:
    return load_settings(DEFAULTS, site.config)


def photos_of(site: Site, person: str) -> list[str]:
    found = site("gallery", "show", person, "--json").document()
    return [one["photo"] for one in found["templates"]]


def everywhere(site: Site, *needles: str) -> list[Path]:
    """Files of the stores and snapshots whose name or bytes hold one of these."""
    stores = [site.folder / name for name in ("kept", "gallery", "snapshots", "run")]
    files = [path for store in stores for path in store.rglob("*") if path.is_file()]
    return [p for p in files if any(n in p.name or n.encode() in p.read_bytes() for n in needles)]


def test_every_enrolled_photo_is_kept_and_no_refused_one(site: Site) -> None:
    assert site("enroll", site.photos).code == 3
    kept = set(photo_store(settings(site)).ids())
    assert kept == {t.id for t in only_gallery(gallery_root(settings(site))).templates()}
    assert len(kept) == 6


def test_grounds_come_from_the_options_and_a_csv_line_knows_better(site: Site) -> None:
    rows = [
        {"person": "P00001", "photo": "P00001/first.jpg", "legal_basis": "Perbup 40/2021", "notice_version": "3"},
        {"person": "P00003", "photo": "P00003/first.jpg", "legal_basis": "", "notice_version": ""},
    ]
    said = site("enroll", site.list_of(rows, "p.csv"), "--legal-basis", "UU 27/2022", "--notice-version", "1", "--json")
    assert said.document()["templates_without_legal_basis"] == 0
    shown = [site("gallery", "show", person, "--json").document()["templates"][0] for person in ("P00001", "P00003")]
    assert [(one["legal_basis"], one["notice_version"]) for one in shown] == [
        ("Perbup 40/2021", "3"),
        ("UU 27/2022", "1"),
    ]


def test_a_photo_without_a_legal_basis_is_told(site: Site) -> None:
    said = site("enroll", site.photos)
    assert "6 templates name no legal basis" in said.out


def test_the_same_photo_under_another_id_is_a_refusal_and_the_others_go_on(site: Site) -> None:
    site("enroll", site.photos)
    photo = site.photo("P00001").read_bytes()
    for name in ("other", "newcomer"):
        (site.folder / "more" / name).mkdir(parents=True)
    (site.folder / "more" / "other" / "a.jpg").write_bytes(photo)
    (site.folder / "more" / "newcomer" / "a.jpg").write_bytes(photo + b"\0")
    said = site("enroll", site.folder / "more", "--json")
    assert said.code == 3
    assert [(one["person"], one["reason"]) for one in said.document()["refused"]] == [("other", "photo_of_another")]
    assert said.document()["templates_added"] == 1
    assert "atas nama orang lain" in said.err


def test_a_folder_named_by_a_nip_is_refused_without_repeating_it(site: Site) -> None:
    nip = "198001012010011001"
    (site.folder / "more" / nip).mkdir(parents=True)
    (site.folder / "more" / nip / "a.jpg").write_bytes(b"x")
    said = site("enroll", site.folder / "more")
    assert said.code == 1
    assert "NIP" in said.err
    assert nip not in said.err


class CuttingPack:
    """The open pack, until it has seen as many photos: then the process is killed."""

    def __init__(self, pack: FacePack, photos: int) -> None:
        self._pack = pack
        self._left = photos

    @property
    def info(self) -> PackInfo:
        return self._pack.info

    def analyse(self, photos: list[bytes], rules: PhotoRules) -> list[PhotoResult]:
        self._left -= len(photos)
        if self._left < 0:
            raise KeyboardInterrupt
        return self._pack.analyse(photos, rules)


def test_a_killed_enrolment_keeps_what_it_reported_and_goes_on_there(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hadir.app.enrolment._STEP", 2)
    pack = load_pack("open")
    gallery = gallery_at(gallery_root(settings(site)), space_of(pack.info))
    listed = list_photos(site.photos)
    reported: list[int] = []

    def run(one: FacePack) -> Enrolled:
        return enrol(
            listed,
            one,
            enrolments(settings(site)),
            gallery,
            grounds=Grounds(),
            clock=ManualClock(NOW_MS),
            advance=reported.append,
        )

    with pytest.raises(KeyboardInterrupt):
        run(CuttingPack(pack, 5))  # type: ignore[arg-type]  # a list where the port allows any sequence
    assert sum(reported) == 4
    first = {t.person for t in gallery.templates()}
    assert first == {p.person for p in listed[:4]} - TURNED_AWAY
    seen = CuttingPack(pack, len(listed) - len(first))
    done = run(seen)  # type: ignore[arg-type]
    assert (done.repeated, done.added) == (len(first), 6 - len(first))
    assert set(photo_store(settings(site)).ids()) == {t.id for t in gallery.templates()}


def test_status_is_the_roster_against_the_gallery_at_one_glance(site: Site) -> None:
    site.serve()
    found = site("gallery", "status", "--json").document()
    assert (found["roster"], found["enrolled"], found["missing"], found["refused"]) == (8, 6, 2, 2)
    assert found["enrolled_not_serving"] == 0
    refused = {code: count for unit in found["units"] for code, count in unit["reasons"].items()}
    assert set(refused) == {"turned_away"}
    assert "8 di daftar pegawai, 6 terdaftar (75.0 %)" in site("gallery", "status").out


def test_the_missing_are_a_csv_with_advice(site: Site, tmp_path: Path) -> None:
    site.serve()
    path = tmp_path / "missing.csv"
    assert site("gallery", "status", "--missing", path).code == 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["person"] for row in rows} == TURNED_AWAY
    assert all(row["reasons"] == "turned_away" and "hadap lurus" in row["saran"] for row in rows)


def test_a_refusal_of_another_space_is_a_reason_here_too(site: Site) -> None:
    site.serve()
    [here] = galleries(enrolments(settings(site)).root)
    kept = here.storage.read("refusals.json", 1 << 20)
    other = gallery_at(enrolments(settings(site)).root, replace(here.space, name="b" * 64))
    other.storage.write("refusals.json", kept or b"")
    here.storage.delete("refusals.json")
    assert site("gallery", "status", "--json").document()["refused"] == 2


def test_a_refusal_is_told_even_after_a_better_photo(site: Site) -> None:
    site.serve()
    better = site.photo("P00001").read_bytes() + b"\0"
    site.photo("P00002").write_bytes(better)
    site("gallery", "erase", "P00001", "--reason", "test")
    site("enroll", site.photos)
    shown = site("gallery", "show", "P00002", "--json").document()
    assert len(shown["templates"]) == 1
    assert [one["reason"] for one in shown["refused"]] == ["turned_away"]


def test_show_holds_measures_and_no_vector(site: Site) -> None:
    site.serve()
    said = site("gallery", "show", "P00001", "--json")
    found = said.document()
    assert (found["photos_serving"], len(found["templates"])) == (1, 1)
    assert found["templates"][0]["photo_kept"] is True
    assert set(found["templates"][0]["face"]) >= {"yaw_deg", "width_px", "sharpness"}
    assert "vector" not in said.out


def test_an_enrolment_serves_at_once_and_leaves_the_way_back(site: Site) -> None:
    first = site.list_of([{"person": p, "photo": f"{p}/first.jpg"} for p in ("P00001", "P00003")], "first.csv")
    site("enroll", first)
    site("index", "build")
    root = Path(settings(site).stores.snapshots)
    before = read_pointers(root)
    said = site("enroll", site.photos, "--serve", "--json").document()
    after = read_pointers(root)
    assert said["serving"] == after.current != before.current
    assert "measured on these people" in site("index", "show").out
    assert after.previous == before.previous
    assert site("verify", "--person", "P00004", "--photo", site.photo("P00004")).code == 0
    assert site("index", "verify").code == 0


def test_an_enrolment_that_a_promotion_overtakes_is_built_again_from_that(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site.list_of([{"person": "P00001", "photo": "P00001/first.jpg"}], "first.csv")
    site("enroll", first)
    site("index", "build")
    root = Path(settings(site).stores.snapshots)
    overtaken: list[Pointers] = []

    def overtake(*arguments: Any, **options: Any) -> Fresh:
        built = build_fresh(*arguments, **options)
        if not overtaken:
            overtaken.append(nudge(root))
        return built

    monkeypatch.setattr("hadir.app.fresh.build_fresh", overtake)
    said = site("enroll", site.photos, "--serve", "--json").document()
    assert overtaken
    assert said["serving"] == read_pointers(root).current
    assert site("index", "show", "--json").document()["people"] == 6


def test_people_are_enrolled_in_the_space_that_serves_whatever_pack_the_settings_name(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site.list_of([{"person": "P00001", "photo": "P00001/first.jpg"}], "first.csv")
    with monkeypatch.context() as other:
        other.setenv("HADIR_FACES__PRECISION", "fp16")
        site("enroll", first)
        site("index", "build")
    said = site("enroll", site.photos, "--serve", "--json").document()
    (gallery,) = galleries(gallery_root(settings(site)))
    assert gallery.space.precision == "fp16"
    assert said["embedding_space"] == gallery.space.name
    assert site("verify", "--person", "P00004", "--photo", site.photo("P00004")).code == 0


def test_serving_at_once_needs_a_snapshot_and_says_so_before_the_work(site: Site) -> None:
    said = site("enroll", site.photos, "--serve")
    assert said.code == 1
    assert "hadir index build" in said.problem()
    assert not photo_store(settings(site)).ids()


def test_an_erased_person_is_in_no_file_and_serves_no_more(site: Site) -> None:
    site.serve()
    assert site("enroll", site.photos, "--serve").code == 3
    (photo,) = photos_of(site, "P00004")
    snapshot = read_pointers(Path(settings(site).stores.snapshots)).current
    assert everywhere(site, photo)
    said = site("gallery", "erase", "P00004", "--reason", "permohonan 17/2026", "--json")
    assert said.code == 0
    done = said.document()
    assert (done["templates"], done["photos"], done["snapshots"]) == (1, 1, [snapshot])
    assert done["serving"] == read_pointers(Path(settings(site).stores.snapshots)).current != snapshot
    assert everywhere(site, photo, "P00004") == []
    assert site("verify", "--person", "P00004", "--photo", site.photo("P00004")).code == 1
    assert site("verify", "--person", "P00001", "--photo", site.photo("P00001")).code == 0
    assert site("index", "verify").code == 0


def test_the_last_person_can_be_erased_and_others_enrolled_after(site: Site) -> None:
    assert site("enroll", site.list_of([{"person": "P00004", "photo": "P00004/first.jpg"}], "one.csv")).code == 0
    assert site("index", "build").code == 0
    (photo,) = photos_of(site, "P00004")
    said = site("gallery", "erase", "P00004", "--reason", "17/2026", "--json")
    assert said.code == 0, said.err
    assert everywhere(site, photo, "P00004") == []
    assert said.document()["serving"] == read_pointers(Path(settings(site).stores.snapshots)).current
    assert site("index", "show", "--json").document()["people"] == 0
    assert site("index", "verify").code == 0
    assert site("enroll", site.photos, "--serve").code == 3
    assert site("verify", "--person", "P00001", "--photo", site.photo("P00001")).code == 0


def test_no_snapshot_that_one_could_go_back_to_keeps_an_erased_face(site: Site) -> None:
    site.serve()
    root = Path(settings(site).stores.snapshots)
    (site.folder / "more" / "P00009").mkdir(parents=True)
    (site.folder / "more" / "P00009" / "a.jpg").write_bytes(site.photo("P00001").read_bytes() + b"\0")
    site("enroll", site.folder / "more")
    assert site("index", "build", "--promote").code == 0
    (root / ".building-left").mkdir()
    assert read_pointers(root).previous is not None
    site("gallery", "erase", "P00004", "--reason", "17/2026")
    pointers = read_pointers(root)
    assert (pointers.previous, pointers.candidate) == (None, None)
    assert [path.name for path in root.iterdir() if path.is_dir() and path.name != "replicas"] == [pointers.current]


def test_finished_work_of_a_re_embedding_is_forgotten_too(site: Site) -> None:
    site.serve()
    chunks = reindex_chunks(settings(site))
    chunks.write("plan/00000", b"vectors of everybody")
    assert site("gallery", "erase", "P00004", "--reason", "17/2026", "--json").document()["reindex_chunks"] == 1
    assert chunks.names() == []


def test_an_erasure_is_recorded_without_the_person(site: Site) -> None:
    site.serve()
    (photo,) = photos_of(site, "P00004")
    site("gallery", "erase", "P00004", "--reason", "17/2026", "--by", "BKPSDM")
    path = Path(settings(site).stores.snapshots) / "erasures.jsonl"
    begun, done = [json.loads(line) for line in path.read_text().splitlines()]
    assert begun["erasure"] == done["erasure"]
    assert (begun["event"], done["event"]) == ("begun", "done")
    assert (done["by"], done["reason"], done["templates"], done["photos"]) == ("BKPSDM", "17/2026", 1, 1)
    assert "P00004" not in path.read_text()
    assert photo not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_an_erasure_that_was_cut_off_is_finished_by_asking_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.serve()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hadir.app.erasure.serve_fresh", die)
        assert site("gallery", "erase", "P00004", "--reason", "17/2026").code == 130
    assert everywhere(site, "P00004")
    assert site("gallery", "erase", "P00004", "--reason", "17/2026").code == 0
    assert everywhere(site, "P00004") == []
    events = [json.loads(line)["event"] for line in (site.folder / "snapshots/erasures.jsonl").read_text().splitlines()]
    assert events == ["begun", "begun", "done"]


def test_a_pipeline_that_does_not_follow_an_erasure_is_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hadir.app.erasure._WAIT_S", 0)
    site.serve()
    root = Path(settings(site).stores.snapshots)
    current = str(read_pointers(root).current)
    now_ms = SystemClock().now_ms()
    acknowledge(root, Acknowledgement("hadir-7", "host", 7, current, "space", 1, now_ms))
    said = site("gallery", "erase", "P00004", "--reason", "17/2026")
    assert said.code == 3
    assert "hadir-7" in said.out
    assert not (root / current).exists()


def test_erasing_somebody_unknown_is_an_error_that_leaves_no_record(site: Site) -> None:
    site.serve()
    said = site("gallery", "erase", "nobody", "--reason", "17/2026")
    assert said.code == 1
    assert "nothing is held" in said.problem()
    assert not (site.folder / "snapshots" / "erasures.jsonl").exists()


def test_one_face_under_two_ids_is_found(site: Site) -> None:
    (site.photos / "P00099").mkdir()
    (site.photos / "P00099" / "a.jpg").write_bytes(site.photo("P00001").read_bytes() + b"\0")
    site.serve()
    found = site("gallery", "duplicates", "--json").document()
    assert [(pair["one"], pair["other"]) for pair in found["pairs"]] == [("P00001", "P00099")]
    assert "Twins" in site("gallery", "duplicates").out


@pytest.fixture
def key(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        path = tmp_path / name
        path.write_bytes(np.random.default_rng(len(name)).bytes(32))
        path.chmod(0o600)
        return path

    return make


def use_key(site: Site, path: Path) -> None:
    text = site.config.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("key_file")]
    place = lines.index("[stores]") + 1
    site.config.write_text("\n".join([*lines[:place], f'key_file = "{path}"', *lines[place:]]) + "\n")


def test_a_site_goes_under_a_key_and_to_another_one(site: Site, key: Callable[[str], Path]) -> None:
    site.serve()
    old, new = key("old"), key("new-key")
    use_key(site, old)
    refused = site("gallery", "status")
    assert refused.code == 1
    assert "hadir gallery encrypt" in refused.problem()
    assert site("gallery", "encrypt", "--json").document() == {"encrypted": 9, "already": 0}
    assert site("gallery", "status").code == 0
    assert site("gallery", "encrypt", "--json").document() == {"encrypted": 0, "already": 9}
    use_key(site, new)
    assert "--old-key" in site("gallery", "encrypt").problem()
    assert site("gallery", "encrypt", "--old-key", old, "--json").document() == {"encrypted": 9, "already": 0}
    assert site("enroll", site.photos, "--json").document()["templates_repeated"] == 6
    assert site("gallery", "show", "P00001", "--json").document()["templates"][0]["photo_kept"] is True


def test_without_a_key_there_is_nothing_to_encrypt_with(site: Site) -> None:
    assert "key_file names no key" in site("gallery", "encrypt").problem()
