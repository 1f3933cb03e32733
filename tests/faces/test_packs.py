"""A pack by its name or folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hadir.core.errors import PackError
from hadir.faces.packs import load_pack
from tests.faces.pack_folders import copy_pack, write_tiny_arcface


def test_open_is_the_shipped_pack() -> None:
    assert load_pack("open").info.name == "open"
    assert load_pack("open", "fp16").info.precision == "fp16"


def test_a_folder_with_a_manifest_is_a_pack_of_the_open_format(tmp_path: Path) -> None:
    assert load_pack(copy_pack(tmp_path)).info.embedding_space == load_pack("open").info.embedding_space


def test_a_folder_with_an_arcface_model_is_an_insightface_pack(tmp_path: Path) -> None:
    write_tiny_arcface(tmp_path / "model.onnx")
    assert load_pack(str(tmp_path)).info.dimension == 48
    with pytest.raises(PackError, match="without precision 'fp16'"):
        load_pack(tmp_path, "fp16")


def test_the_open_pack_does_not_load_insightface() -> None:
    """Its import takes three seconds and 120 MB that a worker without it need not pay."""
    script = (
        "import sys; from hadir.faces.packs import load_pack; load_pack('open'); print('insightface' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )


@pytest.mark.parametrize("what", ["buffalo", "."])
def test_anything_else_is_refused_saying_what_was_expected(what: str, tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"expected 'open', a folder with manifest\.json, or one with an ArcFace"):
        load_pack(tmp_path / what)
