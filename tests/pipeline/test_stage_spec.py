"""How a worker builds its stage: with what it has already, where that is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hadir.core.errors import SpaceMismatch
from hadir.core.timings import StageName
from hadir.core.vectors import Vectors
from hadir.faces.model_facts import ModelFacts
from hadir.faces.packs import load_pack
from hadir.faces.runtime import Runtime
from hadir.index.galleries import gallery_at
from hadir.index.snapshot_build import build_snapshot
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage
from hadir.index.templates import Template
from hadir.pipeline.face_stage import FaceStage
from hadir.pipeline.ports import FaceJob, SparingFactory
from hadir.pipeline.stage_spec import BuiltStage, StageSpec


def snapshot(root: Path, precision: str, people: int) -> Path:
    """So many people whose vectors point anywhere, in the open pack's space."""
    info = load_pack("open", "int8" if precision == "int8" else "fp16").info
    space = EmbeddingSpace(info.embedding_space, info.dimension, info.name, info.precision, info.licence)
    gallery = gallery_at(Storage(str(root / f"gallery-{precision}-{people}")), space)
    drawn = np.random.default_rng(people).standard_normal((people, info.dimension)).astype(np.float32)
    vectors: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    gallery.add([Template(f"{n:064x}", f"P{n}", vector, 0) for n, vector in enumerate(vectors)], space.name)
    return build_snapshot(root, gallery, 0, "test")


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StageSpec]:
    root = tmp_path_factory.mktemp("snapshots")
    return {
        "first": StageSpec("open", "int8", str(snapshot(root, "int8", 5))),
        "second": StageSpec("open", "int8", str(snapshot(root, "int8", 6))),
        "elsewhere": StageSpec("open", "fp16", str(snapshot(root, "fp16", 5))),
    }


def test_the_same_pack_goes_on_with_the_next_snapshot(specs: dict[str, StageSpec]) -> None:
    first, second = specs["first"](), specs["second"]
    assert isinstance(second, SparingFactory)
    built = second.beside(first)
    assert built.pack is first.pack
    assert built.stage is not first.stage
    [finding] = built.process([FaceJob(0, "P5", (b"no photo",))])
    assert (finding.snapshot, finding.enrolled) == (Path(second.snapshot).name, True)


def test_another_pack_precision_or_rate_is_loaded_anew(specs: dict[str, StageSpec]) -> None:
    first = specs["first"]()
    elsewhere = specs["elsewhere"].beside(first)
    assert elsewhere.pack is not first.pack
    assert elsewhere.pack.info.precision == "fp16"
    assert replace(specs["second"], watched_rates=(1e-3,)).beside(first).pack is not first.pack


def test_beside_a_stage_of_another_kind_everything_is_loaded(specs: dict[str, StageSpec]) -> None:
    first: BuiltStage = specs["first"]()
    bare: FaceStage = first.stage
    assert specs["second"].beside(bare).pack is not first.pack


def test_a_snapshot_of_another_space_is_refused_beside_a_stage_too(specs: dict[str, StageSpec]) -> None:
    mixed = replace(specs["first"], snapshot=specs["elsewhere"].snapshot)
    with pytest.raises(SpaceMismatch):
        mixed.beside(specs["first"]())
    with pytest.raises(SpaceMismatch):
        mixed()


def test_a_stage_says_what_its_models_run_on_and_what_a_batch_took(specs: dict[str, StageSpec]) -> None:
    card = replace(specs["first"], runtime=Runtime("cuda", allow_cpu=True))
    assert specs["elsewhere"]().models() == ModelFacts("cpu", "cpu", "fp16")
    here = card().models()
    assert (here.runtime, here.precision) == ("cuda", "int8")
    assert here.fell_back == (here.provider == "cpu")
    built = specs["first"]()
    built.warm_up(2)
    built.process([FaceJob(0, "P0", (b"not a photo",))])
    assert built.spent().keys() == set(StageName) - {StageName.DECIDE, StageName.LEDGER, StageName.PUBLISH}
