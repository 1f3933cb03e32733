"""The chart's tests need a Helm; which one is rendering.py's business."""

from __future__ import annotations

import pytest

from tests.helm.rendering import missing_helm


@pytest.fixture(autouse=True)
def _helm() -> None:
    if (missing := missing_helm()) is not None:
        pytest.skip(missing)
