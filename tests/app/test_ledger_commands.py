"""`hadir ledger` and `hadir explain` on ledgers that somebody has touched, or that are not the settings' own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hadir.app.explanation import document, explain
from hadir.app.options import settings_of
from hadir.app.wiring import heads_of, overridden
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_heads import read_heads, write_heads
from hadir.attendance.units import Unit, Units
from hadir.core.errors import LedgerTampered
from tests.app.command_line import hadir
from tests.attendance.ledger_examples import batch_of, example_id, example_row, tamper


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with closing(Ledger.open(url)) as ledger:
        ledger.write(batch_of([example_row(number) for number in range(6)]))
    yield url


@pytest.mark.parametrize("value", ["'bogus'", "x'00ff'", "1"])
def test_an_outcome_that_hadir_never_writes_is_named_by_row_and_field(url: str, value: str) -> None:
    tamper(url, f"UPDATE ledger SET outcome = {value} WHERE seq = 5")
    said = hadir("ledger", "verify", "--ledger", url, "--json")
    assert said.code == 4
    (problem,) = said.document()["problems"]
    assert (problem["seq"], problem["check_in_id"], problem["field"]) == (5, example_id(4), "outcome")
    with closing(Ledger.open(url)) as ledger, pytest.raises(LedgerTampered, match="ledger verify"):
        ledger.counts()


def test_erasures_are_counted_out_loud(url: str) -> None:
    with closing(Ledger.open(url)) as ledger:
        ledger.erase_evidence([example_id(1), example_id(2)], at_ms=1)
    assert hadir("ledger", "verify", "--ledger", url, "--json").document()["erased"] == 2
    assert "evidence of 2 rows was erased" in hadir("ledger", "verify", "--ledger", url).out


def test_another_ledger_keeps_its_heads_elsewhere(tmp_path: Path) -> None:
    settings = settings_of(None)
    assert heads_of(settings, None) == heads_of(settings, settings.ledger.url) == Path(settings.ledger.heads)
    other = overridden(settings, ledger=f"sqlite:///{tmp_path}/other.db")
    assert other.ledger.heads == f"{tmp_path}/other.db.heads.jsonl"
    server = overridden(settings, ledger="postgresql+psycopg://hadir@db/other")
    assert server.ledger.heads not in (settings.ledger.heads, other.ledger.heads)


def test_a_cut_tail_of_another_ledger_is_found_by_the_heads_beside_it(url: str, tmp_path: Path) -> None:
    with closing(Ledger.open(url)) as ledger:
        write_heads(heads_of(settings_of(None), url), ledger.heads(), at_ms=1)
    tamper(url, "DELETE FROM ledger WHERE seq = 6")
    assert hadir("ledger", "verify", "--ledger", url).code == 4


def test_a_line_of_heads_that_a_crash_tore_is_written_anew(url: str, tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    with closing(Ledger.open(url)) as ledger:
        write_heads(path, ledger.heads(), at_ms=1)
        path.write_bytes(path.read_bytes() + b'{"chain": "hadir.che')
        write_heads(path, ledger.heads(), at_ms=2)
        assert read_heads(path) == [*ledger.heads(), *ledger.heads()]


def test_machines_get_fields_and_only_reviewers_get_other_people() -> None:
    evidence: dict[str, Any] = {"other_person": "p2", "face": {"others": [{"person": "p2", "similarity": 0.9}]}}
    told = document(example_row(1), evidence, reviewer=False)
    assert (told["id"], told["outcome"], told["shift"]) == (example_id(1), "accepted", "dinas/2026-11-23/pagi")
    assert told["evidence"] == {"other_person": None, "face": {"others": [{"person": None, "similarity": 0.9}]}}
    assert document(example_row(1), evidence, reviewer=True)["evidence"] == evidence


def test_an_explanation_tells_the_units_time_and_the_threshold_in_words() -> None:
    limit = {"fmr": 1e-3, "cell": "1/4", "similarity": 0.93, "source": "pack:highest", "scale": "cosine"}
    claimed = {"similarity": 0.95, "normalised": None}
    body = {"face": {"claimed": claimed, "others": []}, "thresholds": {"accept": limit}}
    units = Units([Unit("dinas", "Dinas", ZoneInfo("Asia/Makassar"))])
    row = replace(example_row(1), received_at_ms=1_796_000_000_000)
    told = dict(explain(row, body, reviewer=False, units=units))
    assert told["diterima · received"].startswith(
        "2026-11-30 08:53:20 waktu dinas · local time (2026-11-30 00:53:20 UTC)"
    )
    assert "1 foto terhadap templat 4+ foto" in told["perlu · needed"]
    assert "the pack's highest threshold" in told["perlu · needed"]


def test_the_policys_first_day_begins_at_local_midnight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hadir.app import wiring
    from hadir.attendance.yardsticks import Yardsticks

    day = datetime(2027, 1, 1, 0, 30, tzinfo=ZoneInfo("Asia/Jakarta"))
    policy = Path(wiring.__file__).with_name("policy.toml").read_text().replace("2026-01-01", "2027-01-01")
    (tmp_path / "policy.toml").write_text(policy)
    example = Path(__file__).parents[2] / "configs" / "example"
    names = ("roster", "units", "sites", "placements", "shifts")
    files = {f"HADIR_ATTENDANCE__{name.upper()}": str(example / f"{name}.csv") for name in names}
    for name, value in {**files, "HADIR_ATTENDANCE__POLICY": str(tmp_path / "policy.toml")}.items():
        monkeypatch.setenv(name, value)
    settings = settings_of(None)
    in_force = wiring.policy_of(settings)
    yardsticks = Yardsticks(in_force)
    wiring.assembler(settings, in_force, yardsticks, round(day.timestamp() * 1000))
    before_ms = round((day - timedelta(days=1)).astimezone(UTC).timestamp() * 1000)
    with pytest.raises(Exception, match="holds from 2027-01-01"):
        wiring.assembler(settings, in_force, yardsticks, before_ms)
