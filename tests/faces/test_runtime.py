"""Which provider is asked for, what is said where it is not to be had, and that padding changes no result."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hadir.core.errors import PackError
from hadir.faces.front import Front
from hadir.faces.image import Image
from hadir.faces.onnx import Network, installed_runtimes, open_session, provider_of
from hadir.faces.open_pack import load_open_pack, shipped_folder
from hadir.faces.pack import CHECK_IN_PHOTOS
from hadir.faces.runtime import BATCH_SIZES, CPU, Runtime, fallback, padded_size, provider_named, providers_for

ALL = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")
CPU_ONLY = ("CPUExecutionProvider",)


def test_the_cpu_is_named_even_where_a_card_is_there() -> None:
    assert providers_for(CPU, ALL) == [("CPUExecutionProvider", {})]


def test_tensorrt_leaves_what_it_cannot_do_to_cuda_and_that_to_the_cpu() -> None:
    assert [name for name, _ in providers_for(Runtime("tensorrt"), ALL)] == list(ALL)


def test_cuda_gets_device_and_memory_and_no_ten_bit_products() -> None:
    name, options = providers_for(Runtime("cuda", device_id=1, memory_limit_bytes=2 << 30), ALL)[0]
    assert name == "CUDAExecutionProvider"
    assert options["device_id"] == "1"
    assert options["gpu_mem_limit"] == str(2 << 30)
    assert options["use_tf32"] == "0"


def test_a_missing_provider_is_refused_with_what_to_install() -> None:
    with pytest.raises(PackError, match=r"runtime cuda .* offers only CPUExecutionProvider: .*hadir\[gpu\]"):
        providers_for(Runtime("cuda"), CPU_ONLY)


def test_a_missing_provider_is_replaced_by_the_cpu_only_where_that_is_allowed() -> None:
    assert providers_for(Runtime("cuda", allow_cpu=True), CPU_ONLY) == [("CPUExecutionProvider", {})]


@pytest.mark.parametrize(("name", "word"), [(ALL[0], "tensorrt"), (ALL[1], "cuda"), (ALL[2], "cpu")])
def test_a_session_that_fell_back_to_another_provider_is_named(name: str, word: str) -> None:
    served = provider_named(name)
    assert served == word
    assert (fallback(Runtime("cuda"), served) is None) is (word == "cuda")


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 4), (4, 4), (5, 8), (33, 64), (64, 64)])
def test_batches_are_padded_to_few_sizes(count: int, size: int) -> None:
    assert padded_size(count) == size


@pytest.mark.parametrize("count", [0, 65])
def test_a_batch_that_no_size_holds_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=str(count)):
        padded_size(count)


@pytest.mark.parametrize("count", [1, 3, 64, 70])
def test_padding_changes_no_output(count: int) -> None:
    content = (shipped_folder() / "short.onnx").read_bytes()
    outputs = ("regressors", "classificators")
    batch = np.random.default_rng(0).uniform(-1, 1, (count, 128, 128, 3)).astype(np.float32)
    plain = Network(content, "short.onnx", outputs).run(batch)
    padded = Network(content, "short.onnx", outputs, padded=True).run(batch)
    for one, other in zip(plain, padded, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=2e-3)


def test_a_pack_asked_for_a_card_that_is_not_there_refuses_to_load_unless_the_cpu_is_allowed() -> None:
    content = (shipped_folder() / "short.onnx").read_bytes()
    if provider_of(open_session(content, "short.onnx", Runtime("cuda", allow_cpu=True))) == "cuda":
        pytest.skip("this machine has a card: nothing is missing")
    with pytest.raises(PackError, match="runtime cuda"):
        load_open_pack(runtime=Runtime("cuda"))
    served = load_open_pack(runtime=Runtime("cuda", allow_cpu=True)).info
    assert served.runtime == "cpu"


def test_one_distribution_of_the_runtime_is_installed() -> None:
    assert len(installed_runtimes()) == 1


def test_faces_located_together_are_those_located_alone(front: Front, astronaut: Image) -> None:
    tight = astronaut[95:165, 185:265]
    photos = [astronaut, np.zeros_like(astronaut), np.ascontiguousarray(astronaut.transpose(1, 0, 2)[::-1]), tight]
    for together, photo in zip(front.locator.locate(photos), photos, strict=True):
        (alone,) = front.locator.locate([photo])
        assert (together is None) == (alone is None)
        if together is not None and alone is not None:
            np.testing.assert_allclose(together.mesh.points_px, alone.mesh.points_px, atol=0.05)


@pytest.mark.gpu
def test_card_and_cpu_agree(astronaut: Image, jpeg: Callable[[Image], bytes]) -> None:
    try:
        card = load_open_pack(precision="fp16", runtime=Runtime("cuda"))
    except PackError as err:
        pytest.skip(str(err))
    photo = jpeg(astronaut)
    on_card, on_cpu = (
        pack.analyse([photo], CHECK_IN_PHOTOS)[0].vector for pack in (card, load_open_pack(precision="fp16"))
    )
    assert on_card is not None
    assert on_cpu is not None
    assert float(on_card @ on_cpu) > 0.9995


def test_batch_sizes_ascend_and_begin_with_one() -> None:
    assert list(BATCH_SIZES) == sorted(set(BATCH_SIZES))
    assert BATCH_SIZES[0] == 1
