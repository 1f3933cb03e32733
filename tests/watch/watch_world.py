"""The whole of it: broker, database, two members, check-ins at a steady pace, and a Prometheus that lives 60 times as
fast as the rules that ship."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from dev.prometheus import Prometheus, scrape_config
from dev.watch.rules import rules_text
from dev.watch.times import Scale
from hadir.app.demo_enrolment import build_index
from hadir.attendance.ledger import Ledger
from hadir.core.clock import SystemClock
from hadir.faces.packs import load_pack
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.topics import with_partitions
from tests.app.programs import HADIR
from tests.chaos.run_history import History
from tests.chaos.run_parts import OneBroker, PostgresDatabase
from tests.chaos.run_sender import Sender
from tests.chaos.run_site import PARTITIONS, ChaosSite, World, build_site
from tests.watch.watch_parts import ROOT, Stream, earlier_days, member_of

__all__ = ["FASTER", "Alarm", "Firing", "WatchWorld"]

FASTER: Final = 60
"""A second here is a minute of the rules that ship."""
PER_S: Final = 24.0
"""Check-ins: in a window as many as .4 a second are in life, twice the traffic floor."""
PEOPLE: Final = 2_000
MORE_PEOPLE: Final = 50
"""In the other index, so that it is another."""
SEED: Final = 20_261_125
SCRAPE_S: Final = 0.5
LOOK_S: Final = 0.1
LASTS_S: Final = 45 * 60
"""A run takes less."""

Alarm = tuple[str, str]
"""An alert's name and severity."""


@dataclass(frozen=True, slots=True)
class Firing:
    """From the first to the last moment at which an alert fired, seconds since 1970."""

    first_s: float
    last_s: float


class WatchWorld:
    """Use as a context manager: whatever was started is ended, in the reverse order."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.brake = folder, folder / "brake"
        self.lost = (0, 0)
        """Partition and offset of the record whose row was deleted."""
        self._scale = Scale(1 / FASTER)
        self._closers = ExitStack()

    def __enter__(self) -> Self:
        """Raises RuntimeError, HadirError where a part does not come up."""
        try:
            self._start()
        except BaseException:
            self._closers.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closers.close()

    def firing(self) -> set[Alarm]:
        """The alerts that fire now."""
        found = self.prometheus.alerts()
        return {(alert.name, alert.labels["severity"]) for alert in found if alert.state == "firing"}

    def fired(self, start_s: float) -> dict[Alarm, Firing]:
        """Those that fired at any moment since then, seconds since 1970."""
        query = 'group by (alertname, severity) (ALERTS{alertstate="firing"})'
        found = self.prometheus.range(query, start_s, time.time(), SCRAPE_S)
        return {
            (one.labels["alertname"], one.labels["severity"]): Firing(one.points[0][0], one.points[-1][0])
            for one in found
        }

    def wait_for(self, wanted: Collection[Alarm], patience_s: float) -> bool:
        """Until each of them has fired; False where one has not in time."""
        missing = set(wanted)
        until_s = time.monotonic() + patience_s
        while missing := missing - self.firing():
            if time.monotonic() > until_s:
                return False
            time.sleep(LOOK_S)
        return True

    def calm(self, patience_s: float) -> bool:
        """Until nothing fires, nor is about to; False where that takes too long."""
        until_s = time.monotonic() + patience_s
        while self.prometheus.alerts():
            if time.monotonic() > until_s:
                return False
            time.sleep(LOOK_S)
        return True

    def read_again(self) -> None:
        """As the runbook says: the ledger decides again what it lost."""
        partition, offset = self.lost
        words = ["--partition", str(partition), "--offset", str(offset), "--reason", "deleted in a test"]
        command: list[str | Path] = [
            HADIR,
            "ledger",
            "read-again",
            *words,
            "--config",
            self.first.folder / "hadir.toml",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode:
            raise RuntimeError(
                f"read-again ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}"
            )

    def _start(self) -> None:
        site = build_site(self.folder / "site", PEOPLE, tokens=True)
        self.brokers = OneBroker(self.folder / "broker")
        self._closers.callback(self.brokers.stop)
        create_topics(self.brokers.cluster, with_partitions(PARTITIONS), 1)
        self.database = PostgresDatabase(self.folder / "postgres")
        self._closers.callback(self.database.stop)
        self.ledger = Ledger.open(self.database.url)
        self._closers.callback(self.ledger.close)
        self._make_members(site)
        self.stream = Stream(site, SEED)
        for member in (self.first, self.second):
            member.start()
        self.prometheus = self._prometheus()
        self._closers.callback(self.prometheus.stop)
        self.prometheus.start()
        history = History(self.folder / "history.jsonl")
        sender = Sender(self.brokers.cluster, self.stream.parcels(), PER_S, None, history)
        sender.start()
        self._closers.callback(sender.end)

    def _make_members(self, site: ChaosSite) -> None:
        """Two that serve, the first on Ray; and a third for later, with another index and the wish for a card."""
        inline, ray = (World(self.brokers.cluster.bootstrap, 1, self.database.url, pool) for pool in ("inline", "ray"))
        another = self.folder / "another-index"
        build_index(
            load_pack("open"),
            site.folder / "gallery",
            another,
            synthetic=MORE_PEOPLE,
            now_ms=SystemClock().now_ms(),
            seed=SEED,
        )
        card = '[faces]\nruntime = "cuda"\nallow_cpu = true\n'
        self.first = member_of(site, self.folder / "first", ray, self.brake)
        self.second = member_of(site, self.folder / "second", inline, self.brake)
        self.odd = member_of(site, self.folder / "odd", inline, self.brake, more=card, snapshots=another)
        for member in (self.first, self.second, self.odd):
            self._closers.callback(member.kill)

    def _prometheus(self) -> Prometheus:
        rules = self.folder / "rules.yaml"
        rules.write_text(rules_text(scale=self._scale), encoding="utf-8")
        pages = [f"127.0.0.1:{member.port}" for member in (self.first, self.second)]
        config = scrape_config({"hadir": pages}, rules=[rules], every_s=SCRAPE_S)
        odd = {"job_name": "odd", "file_sd_configs": [{"files": [str(self._targets)], "refresh_interval": "1s"}]}
        odd["relabel_configs"] = [{"target_label": "job", "replacement": "hadir"}]
        config["scrape_configs"].append(odd)
        self.third_is_watched(False)
        server = Prometheus(self.folder / "prometheus", config, lookback_s=300 / FASTER)
        server.backfill(earlier_days(time.time(), LASTS_S, self._scale))
        return server

    @property
    def _targets(self) -> Path:
        return self.folder / "odd.json"

    def third_is_watched(self, watched: bool) -> None:
        """As a pod that comes and goes: while it is not there, nobody misses its page."""
        targets = [{"targets": [f"127.0.0.1:{self.odd.port}"]}] if watched else []
        self._targets.write_text(json.dumps(targets), encoding="utf-8")
