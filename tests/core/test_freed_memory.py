"""Freed megabytes stay with the process, where the C library is glibc."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from hadir.core.freed_memory import KEPT_BYTES, KEPT_ENVIRONMENT, keep_freed_memory

PROGRAM = """
import resource, threading
from hadir.core.freed_memory import keep_freed_memory
{setting}

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def batches(count):
    for _ in range(count):
        bytes(bytearray(1_200_000))

def count():
    batches(3)
    before = faults()
    batches(100)
    print(faults() - before)

thread = threading.Thread(target=count)
thread.start()
thread.join()
"""

PAGES = 100 * 1_200_000 // 4096
"""What a hundred batches would take, had each to be mapped anew."""

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has another allocator")


def faults(setting: str, environment: dict[str, str]) -> int:
    clean = {name: value for name, value in os.environ.items() if name not in KEPT_ENVIRONMENT}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(setting=setting)],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@glibc
def test_a_batch_that_was_freed_costs_no_page_faults_again() -> None:
    assert faults("assert keep_freed_memory()", {}) < PAGES // 20


@glibc
def test_the_environment_does_the_same_for_a_worker() -> None:
    assert faults("", dict(KEPT_ENVIRONMENT)) < PAGES // 20


def test_what_is_kept_has_a_limit() -> None:
    assert int(KEPT_ENVIRONMENT["MALLOC_TRIM_THRESHOLD_"]) == KEPT_BYTES


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoMallopt:
        def __init__(self, name: None) -> None:
            pass

    monkeypatch.setattr("hadir.core.freed_memory.ctypes.CDLL", NoMallopt)
    assert not keep_freed_memory()
