"""Where models run: this processor, or a graphics card; and which batches each of them likes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from hadir.core.errors import PackError

__all__ = ["BATCH_SIZES", "CPU", "Provider", "Runtime", "fallback", "padded_size", "provider_named", "providers_for"]

Provider = Literal["cpu", "cuda", "tensorrt"]

_NAMES: dict[Provider, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}

BATCH_SIZES = (1, 4, 8, 16, 32, 64)
"""What batches are padded to on a card: every new shape costs a search for kernels there, so there are few, and each is
tried before the first photo comes."""

GET_IT = "pip uninstall onnxruntime, then install hadir[gpu]: both runtimes share one folder"


@dataclass(frozen=True, slots=True)
class Runtime:
    """`allow_cpu` says that the CPU may serve where the card is not to be had; otherwise a pack refuses to load.
    `memory_limit_bytes` bounds what one session takes of the card's memory, None: no bound."""

    provider: Provider = "cpu"
    allow_cpu: bool = False
    device_id: int = 0
    memory_limit_bytes: int | None = None

    @property
    def together(self) -> int:
        """How many photos detector and mesh see at a time."""
        return 1 if self.provider == "cpu" else 32


CPU = Runtime()


def providers_for(runtime: Runtime, available: Collection[str]) -> list[tuple[str, dict[str, str]]]:
    """onnxruntime's providers with their options, the wanted one first. Named even for the CPU, because a runtime built
    for a card would otherwise take it on its own accord.

    Raises:
        PackError: this onnxruntime has no such provider, and the CPU is not allowed.
    """
    cpu = (_NAMES["cpu"], dict[str, str]())
    wanted = _NAMES[runtime.provider]
    if runtime.provider == "cpu":
        return [cpu]
    if wanted not in available:
        if runtime.allow_cpu:
            return [cpu]
        raise PackError(
            f"runtime {runtime.provider} was asked for, but this onnxruntime offers only "
            f"{', '.join(sorted(available))}: {GET_IT}, or set faces.allow_cpu"
        )
    chain = [(wanted, _options(runtime)), cpu]
    if runtime.provider == "tensorrt":
        chain.insert(1, (_NAMES["cuda"], _options(Runtime("cuda", device_id=runtime.device_id))))
    return chain


def provider_named(served: str) -> Provider:
    """Hadir's word for one of onnxruntime's providers."""
    return next((word for word, name in _NAMES.items() if name == served), "cpu")


def fallback(runtime: Runtime, served: Provider) -> str | None:
    """What is wrong where a session did not get the provider that was asked for; None where it did.

    onnxruntime falls back to the CPU with a line in a log when a library of the card's is missing.
    """
    if served == runtime.provider:
        return None
    return (
        f"runtime {runtime.provider} was asked for and {served} serves: the card's driver or its CUDA and cuDNN "
        "libraries are not found (see `nvidia-smi`, and that the driver knows the CUDA version of onnxruntime-gpu)"
    )


def padded_size(count: int) -> int:
    """The smallest batch size that holds `count` rows. Raises ValueError above the largest."""
    if not 1 <= count <= BATCH_SIZES[-1]:
        raise ValueError(f"a batch of {count}, expected 1 to {BATCH_SIZES[-1]}")
    return next(size for size in BATCH_SIZES if size >= count)


def _options(runtime: Runtime) -> dict[str, str]:
    """CUDA: no search over all kernels for every new shape, no memory beyond what is asked for, and no 10-bit TF32
    products, which would leave the embedding space. TensorRT: its own precision rules, engines built once."""
    device = {"device_id": str(runtime.device_id)}
    if runtime.provider == "tensorrt":
        return device | {"trt_fp16_enable": "0", "trt_engine_cache_enable": "1"}
    limit = {} if runtime.memory_limit_bytes is None else {"gpu_mem_limit": str(runtime.memory_limit_bytes)}
    return (
        device
        | limit
        | {
            "arena_extend_strategy": "kSameAsRequested",
            "cudnn_conv_algo_search": "HEURISTIC",
            "use_tf32": "0",
        }
    )
