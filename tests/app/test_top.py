"""`hadir top`: the picture at 80 columns, the document for machines, exit codes, and what cannot be asked."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from hadir.app.board import Latency
from hadir.app.metrics_reading import Reading
from hadir.app.top_figures import MemberFigures, TopFigures, figures_of
from hadir.app.top_view import top_view
from hadir.core.clock import SystemClock
from hadir.pipeline.observer import Served
from hadir.pipeline.prometheus import StreamMetrics
from hadir.pipeline.prometheus_page import MetricsPage
from tests.app.command_line import hadir

WELL = MemberFigures(
    url="http://10.0.0.11:9464",
    error="",
    ready=True,
    lacks="",
    received_per_s=31.2,
    workers=2,
    workers_wanted=2,
    use=0.47,
    oldest_s=0.1,
    lag_records=12,
    partitions=6,
    snapshot="20261124T060000-ab12",
    embedding_space="e",
    pack="open",
)
GONE = Reading("http://10.0.0.12:9464", 0.0, error="does not answer (ConnectionError)")
MORNING = TopFigures(
    seconds=2.0,
    members=(
        WELL,
        *figures_of([GONE], [GONE]).members,
    ),
    answering=1,
    received_per_s=31.2,
    verdicts_per_s={"accepted": 29.0, "review": 1.5, "rejected": 0.7},
    verdicts={"accepted": 8_000, "review": 300, "rejected": 120},
    oldest_s=0.1,
    lag_records=12,
    in_flight=9,
    unpublished=0,
    latency_s=Latency(0.04, 0.06, 0.09),
    latency_total_s=Latency(0.04, 0.07, 0.12),
    stages={"decode": 0.1, "detect": 0.3, "align": 0.05, "embed": 0.45, "search": 0.02, "ledger": 0.08},
    use=0.47,
    dead_letters=3,
    failures={"ledger": 2},
    agree=False,
)


@pytest.mark.parametrize("columns", [80, 120])
def test_the_picture_fits_and_shows_what_matters(columns: int) -> None:
    file = io.StringIO()
    Console(file=file, width=columns, force_terminal=False).print(top_view(MORNING))
    text = file.getvalue()
    assert max(map(len, text.splitlines())) <= columns
    for word in ("31.2/s", "0.04/0.06/0.09 s", "8,000", "10.0.0.11:9464", "2/2", "47%", "does not answer", "ledger 2×"):
        assert word in text
    assert "different snapshots" in text


@pytest.fixture
def page() -> Iterator[MetricsPage]:
    metrics = StreamMetrics(SystemClock())
    metrics.on_serving(Served("s-1", "space", "open", "Apache-2.0"))
    with MetricsPage(metrics, 0) as page:
        yield page


def test_machines_get_one_document(page: MetricsPage) -> None:
    done = hadir("top", f"127.0.0.1:{page.port}", "--json", "--every", "0.5")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["answering"], told["members"][0]["snapshot"], told["agree"]) == (1, "s-1", True)


def test_the_settings_name_the_member_of_this_machine(page: MetricsPage, tmp_path: Path) -> None:
    config = tmp_path / "hadir.toml"
    config.write_text(f"[metrics]\nport = {page.port}\n", encoding="utf-8")
    done = hadir("top", "--once", "--every", "0.5", "--config", config)
    assert done.code == 0, done.err
    assert "1 dari 1" in done.out


def test_one_that_does_not_answer_is_an_exit_code(page: MetricsPage) -> None:
    with MetricsPage(StreamMetrics(SystemClock()), 0) as other:
        closed = other.port
    assert hadir("top", f"127.0.0.1:{page.port}", f"127.0.0.1:{closed}", "--once", "--every", "0.5").code == 3
    assert hadir("top", f"127.0.0.1:{closed}", "--once", "--every", "0.5").code == 1


def test_without_a_port_it_says_what_to_do() -> None:
    done = hadir("top", "--once")
    assert done.code == 1
    assert "name the members" in done.err


def test_what_is_no_address_is_named() -> None:
    done = hadir("top", "nowhere", "--once")
    assert done.code == 1
    assert "'nowhere'" in done.err
