"""The page of the dashboards says what their panels say."""

from __future__ import annotations

import pytest

from dev.watch.dashboards import BOARDS
from dev.watch.dashboards_page import PAGE, tables_in


def test_the_page_tells_every_panel_as_it_is() -> None:
    """`python -m dev.watch.dashboards_page` writes it."""
    text = PAGE.read_text(encoding="utf-8")
    assert tables_in(text) == text
    for board in BOARDS:
        assert f"images/dashboard-{board.name}.png" in text
        for panel in board.panels():
            assert f"| {panel.title} |" in text


def test_a_page_without_a_place_for_a_dashboard_is_refused() -> None:
    with pytest.raises(ValueError, match="surge"):
        tables_in("# Dashboards\n")
