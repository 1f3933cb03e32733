"""The manifest says what lies beside it, keeps what was measured, and notices what is not the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.pack_manifest import FILES, MANIFEST, Measured, compose, differing, layout, read_measured
from hadir.core.errors import PackError

CONTENTS = {name: name.encode() for name in FILES}
QUALITY = {"min_face_px": 48}
MEASURED = Measured(
    golden={"int8": [0.5, 0.5], "fp16": [1.0]},
    identify_margin=0.02,
    thresholds={"int8": {"1e-3": {"1/1": 0.93, "4/4": None}}},
    measured={"conditions": "none"},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


@given(JSON)
def test_the_layout_changes_nothing_but_white_space(value: object) -> None:
    assert json.loads(layout(value)) == value


def test_a_long_object_is_laid_out_with_one_line_per_entry() -> None:
    text = layout({"a": {str(number): "x" * 100 for number in range(3)}, "b": list(range(200))})
    assert text.count("\n") == 7


def test_every_file_stands_with_its_hash_and_length(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(compose(CONTENTS, QUALITY, MEASURED))
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert set(manifest["files"]) == set(FILES)
    assert manifest["files"]["mesh.onnx"]["bytes"] == len(b"mesh.onnx")
    assert differing(tmp_path, CONTENTS) == []
    assert differing(tmp_path, {**CONTENTS, "mesh.onnx": b"other"}) == ["mesh.onnx"]


def test_what_was_measured_survives_the_next_run(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(compose(CONTENTS, QUALITY, MEASURED))
    assert read_measured(tmp_path) == MEASURED


def test_a_pack_without_one_of_its_files_is_refused_by_name() -> None:
    with pytest.raises(PackError, match=r"the pack has no statistics\.npz"):
        compose({name: content for name, content in CONTENTS.items() if name != "statistics.npz"}, QUALITY, MEASURED)


@pytest.mark.parametrize(("content", "message"), [("{", "cannot be read"), ("{}", "has no 'golden'")])
def test_a_manifest_without_measurements_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(PackError, match=message):
        read_measured(tmp_path)
