"""The store of packs: whole or not there, every altered byte refused by name, writers one at a time."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hadir.core.errors import InputError, PackError
from hadir.faces.manifest import PackFile
from hadir.faces.model_licence import NOT_STATED, Licence, licence_of
from hadir.faces.model_store import Acceptance, ModelStore, Origin, StoredPack
from hadir.faces.open_pack import shipped_folder
from hadir.faces.pack_record import RECORD, FrontKind
from hadir.faces.packs import load_pack
from tests.faces.pack_folders import write_tiny_arcface

ACCEPTED = Acceptance(Licence("for tests only"), "somebody", 1_000)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    write_tiny_arcface(folder / "rec.onnx")
    write_tiny_arcface(folder / "genderage.onnx", side_px=84)
    (folder / "LICENSE").write_text("Site licence 7\nand its terms\n")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def added(store: ModelStore, source: Path, name: str = "ours", front: FrontKind = "open") -> StoredPack:
    return store.add(name, source, ACCEPTED, Origin(str(source)), now_ms=2_000, front=front)


def visible(store: ModelStore) -> list[str]:
    return sorted(path.name for path in store.root.iterdir() if not path.name.startswith(".lock"))


def test_an_added_pack_can_be_loaded_by_its_folder_and_is_what_its_record_says(store: ModelStore, source: Path) -> None:
    pack = added(store, source)
    info = load_pack(store.folder("ours")).info
    assert (info.name, info.licence) == ("ours", "for tests only")
    assert (info.embedding_space, info.dimension) == (pack.record.embedding_space, pack.record.dimension)
    assert info.embedding_space == load_pack(source_without_others(source)).info.embedding_space
    assert store.of_space(info.embedding_space) == store.get("ours") == pack
    assert store.of_space("another") is None


def source_without_others(source: Path) -> Path:
    (source / "genderage.onnx").unlink()
    return source


def test_the_record_says_where_it_came_from_and_who_accepted_what(store: ModelStore, source: Path) -> None:
    licence = licence_of("ours", source)
    pack = store.add("ours", source, Acceptance(licence, "budi", 5), Origin("https://a/b.zip"), now_ms=7)
    record = pack.record
    assert (record.source, record.accepted_by, record.accepted_at_ms, record.added_at_ms) == (
        "https://a/b.zip",
        "budi",
        5,
        7,
    )
    assert (record.licence, record.licence_file) == ("Site licence 7", "LICENSE")
    assert (pack.folder / "LICENSE").read_text() == "Site licence 7\nand its terms\n"


def test_models_that_nobody_runs_are_left_out_and_named(store: ModelStore, source: Path) -> None:
    pack = added(store, source)
    assert pack.record.left_out == ["genderage.onnx"]
    assert sorted(path.name for path in pack.folder.iterdir()) == ["LICENSE", RECORD, "rec.onnx"]


def test_a_zip_is_as_good_as_its_folder(store: ModelStore, source: Path, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "pack"), "zip", source))
    one, other = added(store, source, "one"), added(store, archive, "other")
    assert one.record.files == other.record.files
    assert one.embedding_space == other.embedding_space


def test_a_pack_of_the_open_format_is_kept_whole(store: ModelStore) -> None:
    pack = added(store, shipped_folder())
    assert load_pack(pack.folder).info.embedding_space == load_pack("open").info.embedding_space
    assert "statistics.npz" in pack.record.files
    with pytest.raises(PackError, match="leave --front open"):
        added(store, shipped_folder(), "other", front="own")


def test_a_stored_pack_can_be_added_again_under_another_name(store: ModelStore, source: Path) -> None:
    first = added(store, source)
    second = added(store, first.folder, "again")
    assert second.record.name == "again"
    assert second.record.files == first.record.files


@pytest.mark.parametrize("name", ["open", "", ".hidden", "../x", "a/b", "x" * 65, "spasi nama"])
def test_what_cannot_be_a_name_is_refused(store: ModelStore, source: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be a pack's name"):
        added(store, source, name)
    assert not store.root.exists()


def test_a_name_that_is_taken_stays_with_its_pack(store: ModelStore, source: Path) -> None:
    pack = added(store, source)
    with pytest.raises(InputError, match="is stored already"):
        added(store, source)
    assert store.verify("ours") == pack


def test_what_is_no_pack_leaves_nothing_behind(store: ModelStore, source: Path, tmp_path: Path) -> None:
    (source / "rec.onnx").write_bytes(b"no model")
    bad_zip = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad_zip, "w") as archive:
        archive.writestr("../x.onnx", b"?")
    for bad in (source, bad_zip):
        with pytest.raises(PackError):
            added(store, bad)
    assert visible(store) == []


def test_a_front_that_is_not_to_be_had_is_refused(store: ModelStore, source: Path) -> None:
    with pytest.raises(PackError, match="no single SCRFD detector"):
        added(store, source, front="own")
    assert store.names() == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> StoredPack:
    root = tmp_path_factory.mktemp("sound")
    write_tiny_arcface(root / "rec.onnx")
    return added(ModelStore(root / "models"), root)


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_altered_byte_anywhere_is_refused_by_name_at_load(
    sound: StoredPack, tmp_path: Path, data: st.DataObject
) -> None:
    folder = tmp_path / sound.name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sound.folder, folder)
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(PackError, match=f"{path.name} was altered"):
        load_pack(folder)


def test_a_missing_file_and_a_strange_one_are_refused_by_name(store: ModelStore, source: Path) -> None:
    pack = added(store, source)
    (pack.folder / "extra.onnx").write_bytes(b"?")
    with pytest.raises(PackError, match=r"pack ours holds extra\.onnx, which its record does not list"):
        load_pack(pack.folder)
    (pack.folder / "extra.onnx").unlink()
    (pack.folder / "rec.onnx").unlink()
    with pytest.raises(PackError, match=r"pack ours: rec\.onnx cannot be read"):
        store.verify("ours")


def test_a_damaged_pack_does_not_hide_the_others_and_can_be_removed(store: ModelStore, source: Path) -> None:
    good, bad = added(store, source, "good"), added(store, source, "bad")
    (bad.folder / RECORD).write_text(json.dumps({"name": "bad"}))
    assert store.packs() == [good]
    assert store.names() == ["bad", "good"]
    assert "was altered" in store.damaged()["bad"]
    assert store.of_space(good.embedding_space) == good
    store.remove("bad")
    assert (store.names(), visible(store)) == (["good"], ["good"])


def test_a_folder_renamed_by_hand_is_not_another_pack(store: ModelStore, source: Path) -> None:
    added(store, source).folder.rename(store.root / "mine")
    with pytest.raises(PackError, match="has the record of 'ours'"):
        store.get("mine")


def test_a_name_that_is_not_there_names_what_is(store: ModelStore, source: Path) -> None:
    added(store, source)
    for ask in (store.get, store.remove, store.verify):
        with pytest.raises(PackError, match=r"no pack 'buffalo_l' is stored .*\(there: ours\)"):
            ask("buffalo_l")


def test_a_second_writer_is_told_to_wait(store: ModelStore, source: Path) -> None:
    store.root.mkdir()
    with (store.root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(PackError, match="another process is changing"):
            added(store, source)
    assert added(store, source).name == "ours"


def test_a_writer_that_was_killed_leaves_no_pack_and_the_next_sweeps_up(store: ModelStore, source: Path) -> None:
    """Killed in the middle of putting the pack together, when its last file is on the disk."""
    script = (
        "import os, signal, sys; from pathlib import Path; import hadir.faces.model_store as m\n"
        "from hadir.faces.model_licence import Licence\n"
        "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store = m.ModelStore(Path(sys.argv[1]))\n"
        "store.add('ours', Path(sys.argv[2]), m.Acceptance(Licence('x'), 'y', 1), m.Origin('z'), now_ms=1)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(store.root), str(source)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert any(path.name.startswith(".ours.") for path in store.root.iterdir())
    assert store.names() == []
    assert added(store, source).name == "ours"
    assert visible(store) == ["ours"]


def test_pins_are_kept_and_an_altered_one_is_refused(store: ModelStore) -> None:
    assert store.pin("cheetah_s") is None
    store.set_pin("cheetah_s", PackFile("a" * 64, 9))
    store.set_pin("raccoon_s", PackFile("b" * 64, 8))
    assert (store.pin("cheetah_s"), store.pin("raccoon_s")) == (PackFile("a" * 64, 9), PackFile("b" * 64, 8))
    pins = store.root / "pins.json"
    pins.write_text(pins.read_text().replace("aaaa", "aaab", 1))
    with pytest.raises(PackError, match=r"pins\.json was altered"):
        store.pin("cheetah_s")


def test_a_store_that_does_not_exist_is_empty(store: ModelStore) -> None:
    assert (store.names(), store.packs(), store.damaged(), store.of_space("x")) == ([], [], {}, None)
    assert not store.root.exists()


def test_a_licence_comes_from_the_lock_else_from_the_pack_else_is_not_stated(source: Path, tmp_path: Path) -> None:
    assert "non-commercial" in licence_of("buffalo_l", source).name
    assert licence_of("ours", source) == Licence("Site licence 7", "LICENSE", "Site licence 7\nand its terms\n")
    archive = Path(shutil.make_archive(str(tmp_path / "pack"), "zip", source))
    assert licence_of("ours", archive).name == "Site licence 7"
    (source / "LICENSE").unlink()
    assert licence_of("ours", source) == Licence(NOT_STATED)
    assert licence_of("copy", shipped_folder()).name.startswith("Apache-2.0")
