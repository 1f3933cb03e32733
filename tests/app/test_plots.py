"""Pages and plots: every line has a name, and numbers stand under their heads."""

from __future__ import annotations

import re
from pathlib import Path

from hadir.app.plots import scores_svg, thresholds_svg
from hadir.app.report import Page, Table, write_page


def test_what_only_the_pack_knows_is_named_as_its_own() -> None:
    own = {"1/1": [(1e-2, 0.4, (0.39, 0.41)), (1e-3, 0.5, None)]}
    svg = thresholds_svg(own, "cosine", {"1/1": [(1e-2, 0.42)], "2/1": [(1e-2, 0.5), (1e-3, 0.6)]})
    assert "2/1 (pack alone)" in svg
    assert "1/1 (pack alone)" not in svg
    assert "2/1" not in thresholds_svg(own, "cosine")


def test_rates_are_named_from_the_highest_down_in_the_order_of_their_lines() -> None:
    svg = scores_svg([0, 0.5, 1], [1, 3], [3, 1], {"1e-3": 0.7, "1e-2": 0.6, "1e-4": None}, "cosine")
    assert re.findall(r"FMR 1e-\d", svg) == ["FMR 1e-2", "FMR 1e-3"]


def test_the_head_of_a_column_of_numbers_stands_over_them(tmp_path: Path) -> None:
    table = Table("counts", "how many", ("cell", "probes"), [("1/1", 12)])
    write_page(Page("t", "s", "c", (), (), (table, Table("none", "", ("a",), ())), ()), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<th>cell</th><th class="n">probes</th>' in page
    assert '<td class="n">12</td>' in page
