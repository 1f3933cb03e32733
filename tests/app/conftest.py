"""The people of the tests of the roof: the real faces that come inside installed packages."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hadir.app.demo_people import RealPerson, people_in_packages
from tests.app.site import Site, make_site
from tests.app.yard import Yard


@pytest.fixture(scope="session")
def people() -> list[RealPerson]:
    """Eight people with one photo each; enrolment refuses two, whose faces are turned away."""
    return people_in_packages()


@pytest.fixture(scope="session")
def served_site(people: list[RealPerson], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site whose index serves. Only for commands that write nothing."""
    site = make_site(tmp_path_factory.mktemp("served"), people, round(time.time() * 1000))
    site.serve()
    return site


@pytest.fixture
def yard(served_site: Site, tmp_path: Path) -> Yard:
    """Snapshots of this test's own, over the gallery of that site."""
    return Yard(served_site, tmp_path / "snapshots")
