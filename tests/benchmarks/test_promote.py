"""A short stream through real Ray across five promotions and two rollbacks, two of them into another space."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.promote import PATIENCE_S, WINDOW_S, Switches
from hadir.core.errors import SetupError
from hadir.pipeline.observer import Served

ROOT = Path(__file__).parents[2]
CHECK_INS = 160


@pytest.fixture(scope="module")
def document() -> Mapping[str, Any]:
    """In a process of its own, as logging and Ray are set up for a whole process."""
    program = (
        "import json; from benchmarks.promote import StreamSize, measure; "
        f"size = StreamSize({CHECK_INS}, 12.0, selfies=8, stand_ins=1000, brokers=('memory',)); "
        "print(json.dumps(measure(1, size).document()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.ray
@pytest.mark.slow
def test_no_check_in_fails_and_none_is_searched_in_another_space(document: Mapping[str, Any]) -> None:
    medians = {name: figure["median"] for name, figure in document["figures"].items()}
    assert (medians["memory_failed"], medians["memory_wrong_space"]) == (0, 0)
    assert medians["memory_check_ins"] == CHECK_INS
    assert medians["memory_similarities_computed_again"] > 20
    assert len(document["figures"]["memory_switch_s"]["rounds"]) == 7
    assert [bar["figure"] for bar in document["bars"]] == ["memory_failed", "memory_wrong_space", "memory_p99_ratio"]


def test_a_window_is_as_long_as_agreed_or_as_its_switch() -> None:
    switches = Switches([(10.0, 10.5), (100.0, 100.0 + 2 * WINDOW_S)])
    assert [switches.within(s) for s in (9.9, 10.0, 10.0 + WINDOW_S, 10.1 + WINDOW_S)] == [False, True, True, False]
    assert switches.within(100.0 + 2 * WINDOW_S)
    assert not switches.within(100.1 + 2 * WINDOW_S)


def test_a_switch_that_is_refused_ends_the_measurement() -> None:
    switches = Switches()

    def refuse() -> None:
        switches.on_refused("second", "snapshot")
        switches.on_serving(Served("second", "space", "open", "none"))

    with pytest.raises(SetupError, match=f"second does not serve after {PATIENCE_S:.0f} s"):
        switches.switch(refuse, "second")
