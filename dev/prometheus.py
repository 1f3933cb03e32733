"""A real Prometheus on loopback for tests: its data below a folder, asked over HTTP, ended by its own pid.

Both programs, `prometheus` and `promtool`, come from Debian's package: installed, or unpacked below `.cache/` by
`make setup`, where nothing is installed and no service starts.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from dev.kafka.node import free_port
from hadir.core.errors import InputError, SetupError

__all__ = [
    "Alert",
    "Prometheus",
    "Sample",
    "Series",
    "check_with_promtool",
    "missing_part",
    "program",
    "running_prometheus",
    "scrape_config",
]

ROOT: Final = Path(__file__).resolve().parents[1]
UNPACKED: Final = ROOT / ".cache" / "prometheus" / "usr" / "bin"
READY_S: Final = 30.0
STOP_S: Final = 20.0
_ANSWER_S: Final = 30.0
_RETENTION: Final = "90d"


@dataclass(frozen=True, slots=True)
class Sample:
    """One series at one time: labels (the name under `__name__`), value, seconds since 1970."""

    labels: Mapping[str, str]
    value: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Series:
    """One series over time: (seconds since 1970, value), oldest first."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that is `pending` or `firing`; its name is the label `alertname`."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: str

    @property
    def name(self) -> str:
        return self.labels["alertname"]


def program(name: str) -> Path | None:
    """Where `prometheus` or `promtool` is; None where it is not to be had."""
    installed = shutil.which(name)
    if installed is not None:
        return Path(installed)
    return UNPACKED / name if (UNPACKED / name).exists() else None


def missing_part() -> str | None:
    """What is missing for a real Prometheus, in one sentence; None: nothing."""
    if program("prometheus") is None or program("promtool") is None:
        return "no Prometheus found: on Debian make setup fetches it, elsewhere put prometheus and promtool in the path"
    return None


def check_with_promtool(*arguments: str | Path, given: str | None = None) -> str:
    """Run promtool, for example `check rules FILE`, with `given` as its standard input; what it said.

    Raises:
        SetupError: there is no promtool.
        InputError: it found fault; the message is what it said.
    """
    tool = _required("promtool")
    done = subprocess.run([tool, *arguments], input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"promtool {arguments[0]}: {(done.stdout + done.stderr).strip()}")
    return done.stdout + done.stderr


def scrape_config(
    jobs: Mapping[str, Sequence[str]],
    *,
    rules: Sequence[Path] = (),
    every_s: float = 1.0,
    metrics_path: str = "/metrics",
) -> dict[str, Any]:
    """A configuration: scrape `jobs` (name to host:port of its members) and evaluate `rules`, both so often."""
    every = f"{round(every_s * 1000)}ms"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [str(path.resolve()) for path in rules],
        "scrape_configs": [
            {"job_name": job, "metrics_path": metrics_path, "static_configs": [{"targets": list(members)}]}
            for job, members in jobs.items()
        ],
    }


class Prometheus:
    """A server whose configuration and data lie under `folder`; it may be stopped and started again on its port."""

    def __init__(self, folder: Path, config: Mapping[str, object], *, lookback_s: float = 300.0) -> None:
        """`config` is what stands in prometheus.yml. `lookback_s`: how old a sample may be that a query still takes.

        Raises:
            SetupError: the programs are missing.
        """
        self._program = _required("prometheus")
        self._folder, self._lookback_s, self._port = folder, lookback_s, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        # JSON is YAML.
        (folder / "prometheus.yml").write_text(json.dumps(config, indent=1), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Of the running server, 0 where it is stopped."""
        return 0 if self._process is None else self._process.pid

    def backfill(self, openmetrics: Iterable[str]) -> None:
        """Give it a past: lines of OpenMetrics text with times, `# EOF` last. Only while it is stopped, and only times
        before anything that it scrapes.

        Raises:
            InputError: promtool refuses the text.
        """
        text = self._folder / "backfill.txt"
        with text.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in openmetrics)
        check_with_promtool("tsdb", "create-blocks-from", "openmetrics", "--quiet", text, self._folder / "tsdb")
        text.unlink()

    def start(self) -> None:
        """Start it and wait until it answers. Raises SetupError with the end of its log where it does not come up."""
        command = [
            str(self._program),
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'tsdb'}",
            f"--storage.tsdb.retention.time={_RETENTION}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            f"--query.lookback-delta={round(self._lookback_s * 1000)}ms",
            "--log.level=warn",
        ]
        with (self._folder / "log").open("ab") as log:
            # Its own folder: without the console templates of an installation it would complain of their absence.
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        try:
            self._wait_until_ready()
        except SetupError:
            self.stop()
            raise

    def stop(self) -> None:
        """SIGTERM, then SIGKILL where it does not end in time. Idempotent."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def instant(self, query: str, at_s: float | None = None) -> list[Sample]:
        """What the query says at that time, now by default; a scalar is one sample without labels.

        Raises:
            InputError: the query is not PromQL; the message is Prometheus' own.
        """
        moment = {} if at_s is None else {"time": f"{at_s:.3f}"}
        data = self._ask("query", {"query": query, **moment})
        if data["resultType"] == "scalar":
            return [_sample({}, data["result"])]
        return [_sample(one["metric"], one["value"]) for one in data["result"]]

    def range(self, query: str, start_s: float, end_s: float, step_s: float) -> list[Series]:
        """What the query says at `start_s` and every `step_s` from there to `end_s`. Raises as `instant`."""
        span = {"start": f"{start_s:.3f}", "end": f"{end_s:.3f}", "step": f"{step_s:.3f}"}
        data = self._ask("query_range", {"query": query, **span})
        return [
            Series(one["metric"], tuple((float(at_s), float(value)) for at_s, value in one["values"]))
            for one in data["result"]
        ]

    def alerts(self) -> list[Alert]:
        """Those that are pending or firing now."""
        found = self._ask("alerts", {})["alerts"]
        return [Alert(one["labels"], one["annotations"], one["state"]) for one in found]

    def rules(self) -> list[dict[str, Any]]:
        """Every rule as Prometheus holds it: `name`, `query`, `health`, `lastError` and more."""
        return [rule for group in self._ask("rules", {})["groups"] for rule in group["rules"]]

    def up(self) -> int:
        """How many members were reached by their last scrape."""
        return sum(1 for target in self._ask("targets", {})["activeTargets"] if target["health"] == "up")

    def _ask(self, what: str, words: Mapping[str, str]) -> Any:
        status, body = _fetch(self._port, f"/api/v1/{what}?{urlencode(words)}")
        answer = json.loads(body)
        if status != http.client.OK:
            raise InputError(f"Prometheus refuses {words.get('query', what)!r}: {answer.get('error', status)}")
        return answer["data"]

    def _wait_until_ready(self) -> None:
        until_s = time.monotonic() + READY_S
        while time.monotonic() < until_s and self._process is not None and self._process.poll() is None:
            with suppress(OSError, http.client.HTTPException):
                if _fetch(self._port, "/-/ready")[0] == http.client.OK:
                    return
            time.sleep(0.05)
        log = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
        raise SetupError(f"Prometheus did not come up: {log[-1000:].strip() or 'it says nothing'}")


@contextmanager
def running_prometheus(
    folder: Path, config: Mapping[str, object], *, past: Iterable[str] = (), lookback_s: float = 300.0
) -> Iterator[Prometheus]:
    """One that runs for as long as the block, with `past` as its history. Raises as `Prometheus` and its `start`."""
    server = Prometheus(folder, config, lookback_s=lookback_s)
    if lines := list(past):
        server.backfill(lines)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _required(name: str) -> Path:
    found = program(name)
    if found is None:
        raise SetupError(missing_part() or f"no {name} found")
    return found


def _fetch(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _sample(labels: Mapping[str, str], pair: Sequence[Any]) -> Sample:
    return Sample(labels, float(pair[1]), float(pair[0]))
