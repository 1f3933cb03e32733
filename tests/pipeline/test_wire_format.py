"""The documented examples, run as they stand."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pytest

from hadir.core.check_in import Channel
from hadir.core.verdict import Outcome, Reason
from hadir.pipeline.codec import decode
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.kafka_tail import KafkaTail
from hadir.pipeline.messages import encode_verdict
from hadir.pipeline.ports import Record
from hadir.pipeline.topics import ALL_TOPICS, CHECK_INS, with_partitions
from tests.pipeline.test_messages import ROW

PAGE = (Path(__file__).parents[2] / "docs" / "wire-format.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return textwrap.dedent(found.group(1))


@pytest.mark.kafka
def test_the_python_example_sends_a_valid_check_in(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    node = request.getfixturevalue("kafka_node")
    create_topics(node.cluster, with_partitions(2))
    photo = tmp_path / "selfie.jpg"
    photo.write_bytes(b"\xff\xd8 not a real one")
    before = set(KafkaTail(node.cluster).read(CHECK_INS))
    exec(block("python"), {"photo_path": photo, "bootstrap": node.cluster.bootstrap})  # noqa: S102
    [record] = [record for record in KafkaTail(node.cluster).read(CHECK_INS) if record not in before]
    received = decode(record)
    assert received.check_in is not None
    assert received.check_in.photos == (photo.read_bytes(),)


def test_the_hexadecimal_example_is_a_valid_check_in() -> None:
    value = bytes.fromhex(block("text"))
    received = decode(Record(0, 0, 0, b"p-0042", value))
    assert received.invalid_field is None
    assert received.check_in is not None
    assert received.check_in.channel is Channel.FINGERPRINT


def test_the_documented_verdict_has_the_fields_of_a_real_one() -> None:
    documented, real = json.loads(block("json")), json.loads(encode_verdict(ROW))
    assert list(documented) == list(real)
    assert {type(documented[key]) for key in documented if documented[key] is not None} <= {int, str, list, dict, float}
    Outcome(documented["outcome"])
    assert all(Reason(code) for code in documented["reasons"])


def test_the_documented_topics_are_those_that_are_made() -> None:
    rows = re.findall(r"^\| `(hadir\.[a-z.-]+v1)` \| (\d+) \| (.+) \|$", PAGE, re.MULTILINE)
    documented = {
        name: (int(count), dict(s.split("=") for s in re.findall(r"`(\S+=\S+)`", text))) for name, count, text in rows
    }
    assert documented == {spec.name: (spec.partitions, dict(spec.settings)) for spec in ALL_TOPICS}
