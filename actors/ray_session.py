"""Ray in this process: the environment it is imported with, entered and left.

Ray reads its environment when it is imported and hands it on to all that it starts, so nothing in Hadir imports it at
the top of a file, and everything goes through `enter`.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import structlog

from hadir.core.errors import SetupError
from hadir.core.freed_memory import KEPT_ENVIRONMENT

__all__ = ["cores", "enter", "environment", "join_failure", "leave", "prepare", "refuse_second"]

_log = structlog.get_logger(__name__)

_EVERYWHERE = {
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    # A quieter head, tested as a set: no task events, metrics or worker pre-start that nobody reads.
    "RAY_task_events_report_interval_ms": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_event_stats": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_enable_worker_prestart": "0",
    # Photos travel inside the call (a batch has 8 MiB at most, Ray inlines .1 by itself): without a detour through the
    # object store the raylet takes .016 CPU ms per photo instead of .067 (measured).
    "RAY_max_direct_call_object_size": str(16 << 20),
    "RAY_task_rpc_inlined_bytes_limit": str(32 << 20),
    # A worker that does not hear that it is to end (stopped, or deep in native code) keeps its core for 5 s otherwise,
    # and its successor waits for it (measured). Nothing that it holds is worth that.
    "RAY_kill_worker_timeout_milliseconds": "500",
    # One thread per worker: as many workers as cores share the machine.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    # An arena for each of Ray's threads would keep 15 MB more in every worker (measured).
    "MALLOC_ARENA_MAX": "2",
    # A worker reads 13,000 names with Arrow once; Arrow's own allocator would keep 20 MB of that for good (measured).
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    **KEPT_ENVIRONMENT,
}
_LOOPBACK_ONLY = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Named for other systems; "0" is what keeps every Ray port on loopback on Linux too, in head, workers and driver."""
_TOKEN_FILE = "RAY_AUTH_TOKEN_PATH"  # noqa: S105 - the variable's name


_FEW_TRIES = {"RAY_NUM_REDIS_GET_RETRIES": "5"}
"""Seconds to ask a head that answers for its cluster, before its refusal (mostly of the token) is believed; of 20."""

_START_ADVICE = "see that memory and disk are free, or use the inline pool"
_JOIN_ADVICE = "see that its token is the one given, and that it runs the same versions of Ray and Python"


def refuse_second() -> None:
    """Raises SetupError where this process has a Ray already, which another start would end."""
    if (ray := sys.modules.get("ray")) is not None and ray.is_initialized():
        raise SetupError("this process has a Ray already: close it before another is started or joined")


def enter(token_file: Path, *, loopback: bool, **options: Any) -> str:
    """Import Ray with the environment that it needs, and `ray.init` with these options.

    Args:
        token_file: what proves to Ray that we may.
        loopback: every port stays on loopback; must be as the head was started.
        options: `ray.init`'s own; `address` is one, and "local" starts a Ray of our own.

    Returns:
        host:port of the head.

    Raises:
        SetupError: Ray was imported too early, or does not start.
    """
    joining = options["address"] != "local"
    ray = prepare(token_file, loopback=loopback, joining=joining)
    try:
        context = ray.init(log_to_driver=False, logging_level=logging.CRITICAL, **options)
    except Exception as err:
        raise (join_failure(err) if joining else _failure("started", err, _START_ADVICE)) from err
    return str(context.address_info["gcs_address"])


def prepare(token_file: Path, *, loopback: bool, joining: bool) -> ModuleType:
    """Import Ray with the environment that it needs, for `enter`. Raises SetupError where it was imported too early."""
    return _import_ray(environment(token_file, loopback=loopback) | (_FEW_TRIES if joining else {}))


def join_failure(err: Exception) -> SetupError:
    """Why a cluster could not be joined, in one line."""
    return _failure("joined", err, _JOIN_ADVICE)


def _failure(what: str, err: Exception, advice: str) -> SetupError:
    reason = " ".join(str(err).split())[:300]
    return SetupError(f"Ray cannot be {what} ({type(err).__name__}: {reason}): {advice}")


def environment(token_file: Path, *, loopback: bool) -> dict[str, str]:
    """What every process of a Ray that Hadir uses, its nodes included, should have in its environment."""
    return {**_EVERYWHERE, _LOOPBACK_ONLY: "0" if loopback else "1", _TOKEN_FILE: str(token_file)}


def cores() -> tuple[float, float]:
    """Of all nodes of the Ray that this process is in: how many cores, and how many no actor has now."""
    ray = importlib.import_module("ray")
    return float(ray.cluster_resources().get("CPU", 0)), float(ray.available_resources().get("CPU", 0))


def leave() -> None:
    """`ray.shutdown`, where there is one. It waits for nothing that it ends."""
    if (ray := sys.modules.get("ray")) is not None:
        ray.shutdown()


def _import_ray(wanted: Mapping[str, str]) -> ModuleType:
    """Ray, with this environment from its first line on. It stays in the process: what Ray starts later needs it."""
    if "ray" in sys.modules and os.environ.get(_LOOPBACK_ONLY) != wanted[_LOOPBACK_ONLY]:
        raise SetupError("Ray was imported before its ports could be settled: start or join before anything imports it")
    os.environ.update(wanted)
    ray = importlib.import_module("ray")
    # The token of an earlier start in this process is remembered otherwise.
    importlib.import_module("ray._raylet").AuthenticationTokenLoader.instance().reset_cache()
    # Ray prints what its raylet reports (every death of a worker, in ten lines) to our standard output, past
    # log_to_driver and every level; the pool logs each crash in a line of its own.
    worker = importlib.import_module("ray._private.worker")
    worker.print_to_stdstream = _raylet_says  # type: ignore[attr-defined]  # private to Ray, pinned to 2.60
    return ray


def _raylet_says(data: Mapping[str, Any], ignore_prefix: bool) -> None:
    del ignore_prefix
    _log.debug("ray_says", lines=[line[:500] for line in data.get("lines", [])])
