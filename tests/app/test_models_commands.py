"""`hadir models`: fetched, brought, accepted, shown, checked, taken away; and the licence wherever a pack is named."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hadir.app.demo_people import RealPerson
from hadir.app.options import settings_of
from hadir.app.wiring import serving
from tests.app.command_line import Said, hadir
from tests.app.site import Site, make_site
from tests.faces.file_server import FileServer
from tests.faces.file_server import serving as http_serving
from tests.faces.pack_folders import write_tiny_arcface

Models = Callable[..., Said]

LICENCE = "For the use of one regency alone"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "hadir.toml"
    path.write_text(f'[stores]\nmodels = "{tmp_path}/models"\nsnapshots = "{tmp_path}/snapshots"\n', encoding="utf-8")
    return path


@pytest.fixture
def models(config: Path) -> Models:
    def run(*arguments: object) -> Said:
        return hadir("models", *arguments, "--config", config)

    return run


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack with its licence."""
    folder = tmp_path_factory.mktemp("pack")
    write_tiny_arcface(folder / "rec.onnx")
    (folder / "LICENSE").write_text(f"{LICENCE}\nNobody else.\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def archive(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for path in sorted(folder.iterdir()):
            opened.write(path, f"ours/{path.name}")
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is reached without a proxy, whatever the machine's others are."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server(archive: bytes) -> Iterator[FileServer]:
    with http_serving(archive) as server:
        yield server


def names(models: Models) -> list[str]:
    return [pack["name"] for pack in models("list", "--json").document()["stored"]]


def test_the_list_shows_what_can_be_fetched_with_its_licence(models: Models) -> None:
    document = models("list", "--json").document()
    assert (document["serving_pack"], document["stored"], document["damaged"]) == ("open", [], {})
    assert {"buffalo_l", "antelopev2"} <= {pack["name"] for pack in document["to_fetch"]}
    said = models("list")
    assert "Dapat diambil · can be fetched" in said.out
    assert "non-commercial" in said.out


def test_nothing_is_asked_of_the_network_before_the_licence_is_accepted(models: Models, server: FileServer) -> None:
    said = models("fetch", "buffalo_l", "--url", server.url)
    assert said.code == 2
    assert "belum diterima · its licence is not accepted" in said.err
    assert "--accept-licence" in said.err
    assert server.asked == []


def test_a_licence_that_comes_with_the_pack_is_shown_before_it_counts(models: Models, server: FileServer) -> None:
    said = models("fetch", "ours", "--url", server.url)
    assert (said.code, names(models)) == (2, [])
    assert f"Lisensi · licence of ours: {LICENCE}\nNobody else." in said.err


def test_a_first_fetch_shows_and_pins_the_digest(models: Models, server: FileServer, archive: bytes) -> None:
    digest = hashlib.sha256(archive).hexdigest()
    said = models("fetch", "ours", "--url", server.url, "--accept-licence", "--json")
    assert said.code == 0
    record = said.document()
    assert record["archive"] == {"sha256": digest, "bytes": len(archive), "known_by": "nobody"}
    assert record["source"] == server.url
    assert (record["licence"], record["licence_file"]) == (LICENCE, "LICENSE")
    assert models("remove", "ours").code == 0

    server.content = archive[:-1] + b"!"
    refused = models("fetch", "ours", "--url", server.url, "--accept-licence")
    assert (refused.code, names(models)) == (1, [])
    assert digest in refused.err

    server.content = archive
    again = models("fetch", "ours", "--url", server.url, "--accept-licence", "--json").document()
    assert again["archive"]["known_by"] == "pin"


def test_a_stored_name_is_not_taken_for_another_wish(models: Models, server: FileServer) -> None:
    fetch = ("fetch", "ours", "--url", server.url, "--accept-licence")
    assert models(*fetch).code == 0
    assert models(*fetch).code == 0
    for other in (("--sha256", "0" * 64), ("--front", "own"), ("--url", f"{server.url}?other")):
        refused = models(*fetch, *other)
        assert refused.code == 1, other
        assert "stored already" in refused.problem()


def test_a_digest_of_the_operators_own_must_fit(models: Models, server: FileServer, archive: bytes) -> None:
    fetch = ("fetch", "ours", "--url", server.url, "--accept-licence", "--json", "--sha256")
    assert models(*fetch, "0" * 64).code == 1
    record = models(*fetch, hashlib.sha256(archive).hexdigest().upper()).document()
    assert record["archive"]["known_by"] == "operator"
    assert models(*fetch, "abc").code == 2


def test_a_known_name_from_a_mirror_must_have_the_locks_digest(models: Models, server: FileServer) -> None:
    said = models("fetch", "buffalo_sc", "--url", server.url, "--accept-licence")
    assert (said.code, names(models)) == (1, [])
    assert "expected 14969382" in said.err


def test_fetching_again_what_is_stored_only_verifies_it(models: Models, server: FileServer, config: Path) -> None:
    fetch = ("fetch", "ours", "--url", server.url, "--accept-licence")
    assert models(*fetch).code == 0
    asked = len(server.asked)
    assert models(*fetch).code == 0
    assert len(server.asked) == asked
    (config.parent / "models" / "ours" / "rec.onnx").write_bytes(b"?")
    said = models(*fetch)
    assert said.code == 1
    assert "rec.onnx was altered" in said.err


def test_what_was_fetched_is_not_kept_twice(models: Models, server: FileServer, config: Path) -> None:
    models("fetch", "ours", "--url", server.url, "--accept-licence")
    assert list((config.parent / "models" / ".downloads").iterdir()) == []


def test_a_fetch_of_what_is_no_pack_leaves_nothing(models: Models, server: FileServer, config: Path) -> None:
    server.content = b"<html>log in first</html>"
    said = models("fetch", "ours", "--url", server.url, "--accept-licence")
    assert said.code == 1
    assert "is not a whole zip" in said.problem()
    assert list((config.parent / "models" / ".downloads").iterdir()) == []


def test_an_unknown_name_without_an_address_says_which_names_there_are(models: Models) -> None:
    said = models("fetch", "buffalo_xl")
    assert said.code == 1
    assert "known are buffalo_l, buffalo_m" in said.problem()


def test_a_folder_and_a_zip_are_brought(models: Models, folder: Path, archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "ours.zip").write_bytes(archive)
    assert models("add", "one", "--from-dir", folder, "--accept-licence").code == 0
    assert models("add", "two", "--from-zip", tmp_path / "ours.zip", "--accept-licence").code == 0
    one, two = (models("show", name, "--json").document() for name in ("one", "two"))
    assert one["files"] == two["files"]
    assert one["embedding_space"] == two["embedding_space"]
    assert (one["archive"], two["archive"]["known_by"]) == (None, "nobody")
    assert one["accepted_by"]


def test_a_zip_called_like_a_known_pack_must_be_that_pack(models: Models, archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "buffalo_l.zip").write_bytes(archive)
    bring = ("add", "buffalo_l", "--from-zip", tmp_path / "buffalo_l.zip", "--accept-licence")
    said = models(*bring)
    assert (said.code, names(models)) == (1, [])
    assert "(by lock): give it another name if it is another pack" in said.err
    assert models(*bring, "--sha256", hashlib.sha256(archive).hexdigest()).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("add", "x"), 2, "give either --from-dir FOLDER or --from-zip FILE"),
        (("add", "x", "--from-dir", "{here}", "--from-zip", "{here}"), 2, "give either"),
        (("add", "x", "--from-dir", "{here}/gone"), 1, "there is no folder"),
        (("add", "x", "--from-zip", "{here}/gone.zip"), 1, "there is no"),
        (("add", "x", "--from-zip", "{here}/hadir.toml", "--accept-licence"), 1, "is not a whole zip"),
        (("add", "x", "--from-dir", "{here}/models", "--accept-licence"), 1, "there is no folder"),
        (("add", "a/b", "--from-dir", "{here}"), 1, "cannot be a pack's name"),
        (("add", "open", "--from-dir", "{here}"), 1, "cannot be a pack's name"),
        (("add", "x", "--from-dir", "{here}", "--front", "mesh"), 2, "'mesh' is not one of"),
        (("show", "x"), 1, "no pack 'x' is stored"),
        (("remove", "x"), 1, "no pack 'x' is stored"),
        (("verify", "x"), 1, "no pack 'x' is stored"),
        (("fetch", "x", "--url", "ftp://a/b.zip", "--accept-licence"), 1, "expected http:// or https://"),
    ],
)
def test_bad_input_is_an_exit_code_and_a_sentence(
    models: Models, tmp_path: Path, arguments: tuple[str, ...], code: int, problem: str
) -> None:
    said = models(*(argument.format(here=tmp_path) for argument in arguments))
    assert (said.code, said.out) == (code, "")
    assert problem in said.err.splitlines()[-1]


def test_verify_names_the_altered_file_and_fails_the_gate(models: Models, folder: Path, config: Path) -> None:
    for name in ("bad", "good"):
        models("add", name, "--from-dir", folder, "--accept-licence")
    assert models("verify").code == 0
    path = config.parent / "models" / "bad" / "LICENSE"
    path.write_text(path.read_text() + "?")
    said = models("verify", "--json")
    assert (said.code, said.document()["sound"]) == (4, False)
    problems = {pack["name"]: pack["problem"] for pack in said.document()["packs"]}
    assert problems["good"] is None
    assert "LICENSE was altered" in problems["bad"]
    assert models("verify", "good").code == 0
    assert models("remove", "bad").code == 0
    assert names(models) == ["good"]


def test_a_damaged_record_is_listed_beside_the_sound_ones(models: Models, folder: Path, config: Path) -> None:
    for name in ("bad", "good"):
        models("add", name, "--from-dir", folder, "--accept-licence")
    (config.parent / "models" / "bad" / "hadir-pack.json").write_text("{}")
    document = models("list", "--json").document()
    assert [pack["name"] for pack in document["stored"]] == ["good"]
    assert "was altered" in document["damaged"]["bad"]
    assert "RUSAK · damaged" in models("list").out


@pytest.fixture(scope="module")
def site(people: list[RealPerson], folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site that serves with a stored pack, named in its settings."""
    site = make_site(tmp_path_factory.mktemp("site"), people, round(time.time() * 1000), '[faces]\npack = "ours"\n')
    assert site("models", "add", "ours", "--from-dir", folder, "--accept-licence").code == 0
    site.serve()
    return site


@pytest.mark.slow  # the doctor waits for a Kafka that is not there
def test_the_licence_stays_visible_in_doctor_snapshot_and_what_serves(site: Site) -> None:
    parts = site("doctor", "--json").document()["parts"]
    assert any(part["part"] == "pack" and f"licence: {LICENCE}" in part["found"] for part in parts)
    assert site("index", "show", "--json").document()["licence"] == LICENCE
    assert serving(settings_of(site.config)).pack.licence == LICENCE


def test_every_command_takes_a_stored_name(site: Site, people: list[RealPerson], tmp_path: Path) -> None:
    photo = site.photo(people[0].person)
    assert site("compare", photo, photo, "--json").document()["pack"] == "ours"
    assert site("compare", photo, photo, "--pack", "open", "--json").document()["pack"] == "open"
    assert site("verify", "--person", people[0].person, "--photo", photo, "--pack", "ours").code in {0, 4}
    for person in people[:2]:
        for copy in ("a.jpg", "b.jpg"):
            (tmp_path / "photos" / person.person).mkdir(parents=True, exist_ok=True)
            shutil.copy(site.photo(person.person), tmp_path / "photos" / person.person / copy)
    assert site("evaluate", tmp_path / "photos", "--pack", "ours", "--json").document()["pack"] == "ours"
    gone = site("compare", photo, photo, "--pack", "theirs")
    assert gone.code == 1
    assert "'theirs' is no face pack of this site (there: open, ours)" in gone.problem()
    assert "hadir models fetch buffalo_l gets it" in site("enroll", site.photos, "--pack", "buffalo_l").problem()


def test_a_pack_that_is_needed_cannot_be_removed(site: Site, folder: Path) -> None:
    said = site("models", "remove", "ours")
    assert said.code == 1
    assert "is the settings' (faces.pack)" in said.problem()
    settings = site.config.read_text(encoding="utf-8")
    elsewhere = site.folder / "elsewhere.toml"
    elsewhere.write_text(settings.replace('pack = "ours"', 'pack = "open"'), encoding="utf-8")
    said = hadir("models", "remove", "ours", "--config", elsewhere)
    assert said.code == 1
    assert "is needed by snapshot" in said.problem()
    assert "(current)" in said.problem()


def test_the_snapshot_of_a_stored_pack_is_served_whatever_the_settings_name(site: Site) -> None:
    settings = site.config.read_text(encoding="utf-8")
    elsewhere = site.folder / "open.toml"
    elsewhere.write_text(settings.replace('pack = "ours"', 'pack = "open"'), encoding="utf-8")
    assert serving(settings_of(elsewhere)).pack.name == "ours"


def test_one_altered_byte_of_the_pack_is_refused_by_name_before_anything_serves(
    site: Site, people: list[RealPerson], tmp_path: Path
) -> None:
    person = people[0].person
    check_ins = site.list_of([{"person": person, "direction": "in", "photos": f"{person}/first.jpg"}])
    shutil.copytree(site.folder / "models", tmp_path / "models")
    model = tmp_path / "models" / "ours" / "rec.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    config = tmp_path / "hadir.toml"
    config.write_text(site.config.read_text().replace(f'{site.folder}/models"', f'{tmp_path}/models"'))
    said = hadir("run", "--broker", "memory", "--pool", "inline", "--input", check_ins, "--config", config)
    assert said.code == 1
    assert "rec.onnx was altered" in said.problem()


@pytest.mark.models
@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
def test_the_real_pack_is_brought_with_either_front(models: Models, tmp_path: Path, as_zip: bool) -> None:
    data = Path(os.environ.get("HADIR_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
    source = data / "packs" / "scrfd500m-mobilefacenet128"
    if not source.is_dir():
        pytest.skip(f"no test data in {data}: set HADIR_TEST_DATA")
    option: tuple[object, ...] = ("--from-dir", source)
    if as_zip:
        option = ("--from-zip", shutil.make_archive(str(tmp_path / "pack"), "zip", source))
    spaces = set()
    for front in ("open", "own"):
        said = models("add", f"mbf-{front}", *option, "--front", front, "--accept-licence", "--json")
        assert said.code == 0
        record = json.loads(said.out)
        assert set(record["files"]) == {"mobilefacenet_128.onnx", "scrfd_500m_bnkps.onnx"}
        assert (record["dimension"], record["front"]) == (128, front)
        spaces.add(record["embedding_space"])
    assert len(spaces) == 2
    assert models("verify").code == 0
