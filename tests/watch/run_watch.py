"""`make watch-test`: a real Prometheus with the rules that ship, 60 times as fast, watches a real Hadir go wrong.

    python -m tests.watch.run_watch [--only ALERT ...] [--json]

First a normal morning, on which nothing may fire; then one fault after the other is planted and mended, and each alert
must fire on its own and fall silent again. Tokens stand for photos (dev/token_pack.py); broker, database, loop, ledger,
topics and rules are the product's. A second here is a minute of life. Exit codes: 0 passed, 4 an alert did not do what
it must, 1 nothing could be shown.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from dev.kafka.node import missing_part as missing_kafka
from dev.postgres import programs
from dev.prometheus import missing_part as missing_prometheus
from dev.watch.rules import alerts
from hadir.app.logs import log_to
from hadir.core.errors import HadirError
from tests.watch.watch_faults import FAULTS, Planted
from tests.watch.watch_world import Alarm, WatchWorld

__all__ = ["Row", "main", "table"]

ROOT: Final = Path(__file__).resolve().parents[2]
WARM_S, MORNING_S = 20, 75
"""Seconds: a morning of an hour and a quarter, after a beginning that is not looked at."""
FIRES_S, RESOLVES_S = 120.0, 240.0
_DONE, _ERROR, _FAILED = 0, 1, 4


@dataclass(frozen=True, slots=True)
class Row:
    """What one alert did. Seconds since the fault was planted, and since mending it began; None: it did not."""

    alert: str
    severity: str
    fault: str
    fired_after_s: float | None
    resolved_after_s: float | None
    silent_before: bool

    @property
    def passed(self) -> bool:
        """Fired, resolved, and silent on the normal morning."""
        return self.fired_after_s is not None and self.resolved_after_s is not None and self.silent_before


def main(arguments: Sequence[str]) -> int:
    """Play, print the table and write it to runs/watch/."""
    options = _options(arguments)
    missing = missing_prometheus() or missing_kafka() or (None if programs() else "no PostgreSQL: apt-get install it")
    if missing is not None:
        sys.stderr.write(f"watch-test: {missing}\n")
        return _ERROR
    folder = options.folder / time.strftime("%Y%m%d-%H%M%S")
    folder.mkdir(parents=True)
    log_to(folder / "log.jsonl")
    chosen = [fault for fault in FAULTS if not options.only or _speaks_of(fault, options.only)]
    try:
        with WatchWorld(folder) as world:
            rows = _play(world, chosen)
    except (HadirError, RuntimeError) as err:
        sys.stderr.write(f"watch-test: {err}\n")
        return _ERROR
    for heavy in ("broker", "postgres", "prometheus"):
        shutil.rmtree(folder / heavy, ignore_errors=True)
    document = {"seconds_are_minutes": True, "rows": [asdict(row) for row in rows]}
    (folder / "report.json").write_text(json.dumps(document, indent=2), encoding="utf-8")
    sys.stdout.write(json.dumps(document) + "\n" if options.json else table(rows, bool(options.only)))
    return _DONE if all(row.passed for row in rows) else _FAILED


def _play(world: WatchWorld, faults: Sequence[Planted]) -> list[Row]:
    _say("a normal morning")
    time.sleep(WARM_S)
    began_s = time.time()
    time.sleep(MORNING_S)
    noisy = set(world.fired(began_s))
    _say(f"  fired: {_names(noisy) or 'nothing'}")
    return [row for fault in faults for row in _suffer(world, fault, noisy)]


def _suffer(world: WatchWorld, fault: Planted, noisy: set[Alarm]) -> list[Row]:
    """Plant it, wait for its alerts, mend it, wait until nothing fires any more."""
    _say(fault.what)
    planted_s = time.time()
    fault.plant(world)
    world.wait_for(fault.fires, FIRES_S)
    mended_s = time.time()
    fault.mend(world)
    world.wait_for(fault.afterwards, FIRES_S)
    calm = world.calm(RESOLVES_S)
    fired, wanted = world.fired(planted_s), (*fault.fires, *fault.afterwards)
    _say(f"  fired: {_names(set(fired)) or 'nothing'}" + ("" if calm else f"; still: {_names(world.firing())}"))
    still = world.firing()
    return [
        Row(
            *alarm,
            fault=fault.what,
            fired_after_s=_after(fired[alarm].first_s, planted_s) if alarm in fired else None,
            resolved_after_s=_after(fired[alarm].last_s, mended_s) if alarm in fired and alarm not in still else None,
            silent_before=alarm not in noisy,
        )
        for alarm in wanted
    ]


def _after(moment_s: float, before_s: float) -> float:
    """Never below 0: a moment is known to a scrape."""
    return max(0.0, round(moment_s - before_s, 1))


def table(rows: Sequence[Row], partly: bool) -> str:
    """One line for each alert and fault; `partly`: not all faults were planted."""
    head = f"{'alert':34}{'severity':10}{'fired after':>12}{'resolved after':>16}{'silent before':>15}  fault"
    lines = [head, "-" * len(head)]
    lines += [
        f"{row.alert:34}{row.severity:10}{_seconds(row.fired_after_s):>12}{_seconds(row.resolved_after_s):>16}"
        f"{'yes' if row.silent_before else 'NO':>15}  {row.fault}"
        for row in rows
    ]
    failed = [f"{row.alert}/{row.severity}" for row in rows if not row.passed]
    lines.append(f"A second is a minute of life. {len(rows) - len(failed)} of {len(rows)} as they must be.")
    if failed:
        lines.append(f"FAILED: {', '.join(failed)}")
    if unseen := {alert.name for alert in alerts()} - {row.alert for row in rows}:
        why = "not asked for" if partly else "proven by promtool alone (tests/watch/test_rules_fire.py)"
        lines.append(f"{', '.join(sorted(unseen))}: {why}")
    return "\n".join(lines) + "\n"


def _seconds(value: float | None) -> str:
    return "NEVER" if value is None else f"{value:.1f} s"


def _names(alarms: Iterable[Alarm]) -> str:
    return ", ".join("/".join(alarm) for alarm in sorted(alarms))


def _speaks_of(fault: Planted, names: Sequence[str]) -> bool:
    return any(name in names for name, _ in (*fault.fires, *fault.afterwards))


def _say(line: str) -> None:
    sys.stderr.write(f"watch-test: {line}\n")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.watch.run_watch", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="ALERT", help="the faults of these alerts alone")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "watch")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    known = {name for fault in FAULTS for name, _ in (*fault.fires, *fault.afterwards)}
    if unknown := set(options.only or ()) - known:
        parser.error(f"no fault for {', '.join(sorted(unknown))}; there is one for {', '.join(sorted(known))}")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
