"""A member's page is as Prometheus wants it: names, units, types and help, by promtool's own lint."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest

from dev.prometheus import check_with_promtool, missing_part
from hadir.core.clock import ManualClock
from hadir.pipeline.prometheus import StreamMetrics


@pytest.mark.skipif(missing_part() is not None, reason=missing_part() or "")
def test_promtool_finds_no_fault_in_the_page() -> None:
    page = generate_latest(StreamMetrics(ManualClock()).registry).decode()
    assert check_with_promtool("check", "metrics", given=page) == ""
