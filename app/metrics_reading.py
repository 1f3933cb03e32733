"""One look at a running member's pages: its metrics as numbers, and whether it calls itself ready."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import requests
from prometheus_client.parser import text_string_to_metric_families

from hadir.core.errors import InputError

__all__ = ["MOST_BYTES", "Labels", "Reading", "page_address", "parse_page", "read_member"]

MOST_BYTES: Final = 4 << 20
"""Of a page; Hadir's own has some 60 kB."""
_TIMEOUT_S: Final = 2.0
_CHUNK: Final = 64 << 10

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one member's pages said at `at_s` (monotonic seconds).

    `values` maps a sample's name to its labels' values; `error` says why there are none. `ready` is None where that was
    not told, `lacks` the readiness page's own words where it is false.
    """

    url: str
    at_s: float
    values: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)
    error: str = ""
    ready: bool | None = None
    lacks: str = ""

    def by_label(self, name: str, label: str) -> dict[str, float]:
        """The sample's values by one label, summed over all others."""
        found: dict[str, float] = {}
        for labels, value in self.values.get(name, {}).items():
            key = dict(labels).get(label, "")
            found[key] = found.get(key, 0.0) + value
        return found

    def total(self, name: str) -> float | None:
        """The sample's sum over all labels, None where the page has none of it."""
        samples = self.values.get(name)
        return sum(samples.values()) if samples else None

    def told(self, name: str) -> dict[str, str]:
        """The labels of an info metric; of several series the first."""
        for labels in self.values.get(name, {}):
            return dict(labels)
        return {}


def page_address(url: str) -> str:
    """`http://host:port` of whatever somebody may write: a bare host:port, or the metrics page itself.

    Raises:
        InputError: it is no such address.
    """
    full = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(full)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port is not None
    except ValueError:
        sound = False
    if not sound or parts.username is not None:
        raise InputError(f"{url!r} is not host:port of a metrics page, for example 127.0.0.1:9464")
    return f"{parts.scheme}://{parts.netloc}"


def parse_page(text: str) -> dict[str, dict[Labels, float]]:
    """Every sample of a page in Prometheus' text format. Raises ValueError where it is not that."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = float(sample.value)
    return found


def read_member(address: str) -> Reading:
    """Ask both pages; never raises for what the network or the other side does."""
    at_s = time.monotonic()
    try:
        status, text = _get(f"{address}/metrics")
        if status != requests.codes.ok:
            return Reading(address, at_s, error=f"answers {status}: is this Hadir's metrics port?")
        values = parse_page(text)
    except requests.RequestException as err:
        return Reading(address, at_s, error=f"does not answer ({type(err).__name__})")
    except ValueError as err:
        return Reading(address, at_s, error=f"is no metrics page ({err})")
    return Reading(address, at_s, values, "", *_readiness(address))


def _readiness(address: str) -> tuple[bool | None, str]:
    try:
        status, text = _get(f"{address}/readyz")
    except (requests.RequestException, ValueError):
        return None, ""
    if status == requests.codes.ok:
        return True, ""
    return (False, " ".join(text.split())[:200]) if status == requests.codes.service_unavailable else (None, "")


def _get(url: str) -> tuple[int, str]:
    """Status and text. Raises ValueError where the page has no end."""
    with requests.Session() as session:
        # A proxy of the environment is for the world outside; members are near.
        session.trust_env = False
        answer = session.get(url, timeout=_TIMEOUT_S, stream=True, allow_redirects=False)
        content = bytearray()
        for chunk in answer.iter_content(_CHUNK):
            content += chunk
            if len(content) > MOST_BYTES:
                raise ValueError(f"more than {MOST_BYTES >> 20} MiB")
    return answer.status_code, content.decode("utf-8", errors="replace")
