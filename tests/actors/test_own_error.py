"""What a worker's own code raised is told from what was done to the worker."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from hadir.actors.cluster import LocalRay
from hadir.actors.face_actor import own_error

pytestmark = pytest.mark.ray

DEATHS = (
    "ActorDiedError",
    "ActorUnavailableError",
    "NodeDiedError",
    "ObjectStoreFullError",
    "OutOfDiskError",
    "OutOfMemoryError",
    "WorkerCrashedError",
)
"""Killed, out of reach, its node gone, memory or disk full: by Ray's memory monitor as by the kernel's."""


@pytest.fixture
def exceptions(local_ray: LocalRay) -> Any:
    return importlib.import_module("ray.exceptions")


@pytest.mark.parametrize("name", DEATHS)
def test_a_death_or_a_full_machine_is_no_error_of_the_workers_own(exceptions: Any, name: str) -> None:
    kind = getattr(exceptions, name)
    assert own_error(kind.__new__(kind)) is None  # each is made of other arguments, private to Ray


def test_what_its_code_raised_is_given_back_as_it_was(exceptions: Any) -> None:
    raised = ValueError("by the stage")
    assert own_error(exceptions.RayTaskError("process", "trace", raised)) is raised
