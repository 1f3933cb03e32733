"""Which pack serves a snapshot: the one whose vectors it holds, so that both always change together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

from hadir.app.stores import model_store, pack_folder
from hadir.core.errors import SpaceMismatch
from hadir.core.settings import Settings
from hadir.faces.manifest import Precision
from hadir.faces.open_pack import Choice
from hadir.faces.pack import PackInfo
from hadir.faces.packs import OPEN, load_pack
from hadir.faces.runtime import Runtime
from hadir.index.space import EmbeddingSpace

__all__ = ["ServingPack", "pack_for_space", "runtime_here", "runtime_of"]


@dataclass(frozen=True, slots=True)
class ServingPack:
    """`pack` and `precision` as `load_pack` takes them, a folder as an absolute path; `info` is what it says."""

    pack: str
    precision: Choice
    info: PackInfo


def pack_for_space(settings: Settings, space: EmbeddingSpace) -> ServingPack:
    """The pack that makes vectors of `space`: the settings' if it does, in whichever precision, else any other here.

    Blocks for as long as the packs in question take to load, 50 ms for the open one.

    Raises:
        SpaceMismatch: no pack here makes such vectors; the message names the space, its pack and the settings' pack.
        PackError: the settings' pack, or the one that makes them, cannot be used here.
        SetupError: the runtime that the settings ask for is not to be had.
    """
    configured = pack_folder(settings)
    info = _info(settings, configured, settings.faces.precision)
    if info.embedding_space == space.name:
        return ServingPack(configured, settings.faces.precision, info)
    for pack, precision in _others(settings, info, space):
        other = _info(settings, pack, precision)
        if other.embedding_space == space.name:
            return ServingPack(pack, precision, other)
    raise SpaceMismatch(
        f"no pack here makes vectors of embedding space {space.name} ({space.pack}, {space.precision}), "
        f"{settings.faces.pack!r} makes {info.embedding_space}: add the pack of that space (hadir models add), "
        "or serve a snapshot of this one"
    )


def _others(settings: Settings, info: PackInfo, space: EmbeddingSpace) -> Iterator[tuple[str, Choice]]:
    """The stored pack of this space; open packs in the precision of `space`, where it is one of theirs."""
    if (stored := model_store(settings).of_space(space.name)) is not None:
        yield str(stored.folder.absolute()), "auto"
    open_packs = (pack_folder(settings), OPEN) if info.precision in get_args(Precision) else (OPEN,)
    for precision in get_args(Precision):
        if precision == space.precision:
            yield from ((pack, precision) for pack in dict.fromkeys(open_packs))


def runtime_of(settings: Settings) -> Runtime:
    """Where the settings want the models to run."""
    return Runtime(settings.faces.runtime, settings.faces.allow_cpu)


def runtime_here(settings: Settings) -> Runtime:
    """Where this process may look at models that workers run: where those sit on other machines, beside their cards,
    its processor will do."""
    wanted = runtime_of(settings)
    return replace(wanted, allow_cpu=True) if _works_elsewhere(settings) else wanted


def _info(settings: Settings, pack: str, precision: Choice) -> PackInfo:
    info = load_pack(pack, precision, runtime_here(settings)).info
    # A worker elsewhere refuses to start on another runtime than the one asked for, unless the CPU is allowed.
    asked = _works_elsewhere(settings) and not settings.faces.allow_cpu
    return replace(info, runtime=settings.faces.runtime) if asked else info


def _works_elsewhere(settings: Settings) -> bool:
    pool = settings.pool
    return settings.run.pool == "ray" and bool(pool.ray_address) and pool.ray_node == "own"
