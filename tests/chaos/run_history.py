"""What happened in a run and when, as JSON lines: written as it happens, so that a run that hangs can be read too."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from pathlib import Path

__all__ = ["History"]


class History:
    """Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._path, self._start_s, self._lock = path, time.monotonic(), threading.Lock()
        self.counts: Counter[str] = Counter()
        """How often what happened."""

    def note(self, what: str, **details: object) -> None:
        """`what` with its details, at this moment: `at_s` counts from the beginning of the history."""
        line = {"at_s": round(time.monotonic() - self._start_s, 3), "what": what, **details}
        with self._lock:
            self.counts[what] += 1
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
